"""What EBSD files and images say of themselves at their top, without their points and pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.load import kind_of, load_ebsd
from grainlight.maps.io.readers import ctf
from grainlight.maps.io.shared.edax import DEFAULT_FRAME
from grainlight.maps.io.text.ang_header import read_header as read_ang_header
from grainlight.maps.phase import Phase

if TYPE_CHECKING:
    from tifffile import TiffPageSeries

_SHORTEST = 0.6
"""Of the room that the points of a header take, each as long as the first: a file with less was cut off, or is a crop
under the header of the whole map."""


@dataclass(frozen=True)
class MapHeader:
    """Rows and columns, (dx, dy) um, phases and frames of an EBSD map; ``whole``: its points were read for them;
    ``notes``: suspected problems."""

    path: Path
    shape: tuple[int, int]
    step: tuple[float, float]
    phases: tuple[Phase, ...]
    sample_frame: SampleFrame
    crystal_frame: CrystalFrame
    whole: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageHeader:
    """Number, rows and columns of the images of a file, and bytes of a value."""

    path: Path
    images: int
    shape: tuple[int, int]
    itemsize: int


def read_map_header(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    section: int | None = None,
) -> MapHeader:
    """Read what an EBSD file says of its map.

    The headers of .ang and .ctf are read alone; files of other formats, and those whose header does not say the grid or
    promises more than there is room for, are read as `load_ebsd` reads them.

    Raises
    ------
    InputError
        Where the header, or a file that is read whole, cannot be read.
    """
    file = Path(path)
    found = None
    kind = kind_of(file)
    if section is None and kind == "ang":
        found = _ang(file, frame, crystal_frame)
    elif section is None and kind == "ctf":
        found = _ctf(file, frame, crystal_frame)
    if found is not None:
        return found
    ebsd = load_ebsd(file, frame, crystal_frame, section=section)
    return MapHeader(
        file, ebsd.shape, ebsd.step, ebsd.phases, ebsd.sample_frame, ebsd.crystal_frame, whole=True, notes=ebsd.notes
    )


def _ang(file: Path, frame: SampleFrame | None, crystal_frame: CrystalFrame | None) -> MapHeader | None:
    header = read_ang_header(file)
    dx, dy = header.step
    if (
        not header.rows
        or not header.columns_odd
        or not dx
        or not dy
        or min(header.rows, header.columns_odd, dx, dy) < 0
    ):
        return None
    even = header.columns_odd if header.columns_even is None else header.columns_even
    points = header.rows // 2 * even + (header.rows + 1) // 2 * header.columns_odd
    if _short(file, header.offset, points):
        return None
    unit = 1e-3 if header.dialect == "ASTAR" else 1.0
    return MapHeader(
        file,
        (header.rows, max(header.columns_odd, even)),
        (dx * unit, dy * unit),
        tuple(header.phases),
        frame or header.sample_frame or DEFAULT_FRAME,
        crystal_frame or header.crystal_frame or CrystalFrame.X_ALONG_A,
        notes=tuple(header.notes),
    )


def _ctf(file: Path, frame: SampleFrame | None, crystal_frame: CrystalFrame | None) -> MapHeader | None:
    header = ctf.read_header(file)
    columns, rows = (header.cells.get(name, 0) for name in ("xcells", "ycells"))
    dx, dy = header.step
    if min(columns, rows) < 1 or not dx or not dy or min(dx, dy) < 0 or header.cells.get("zcells", 1) > 1:
        return None
    if _short(file, header.offset, rows * columns):
        return None
    return MapHeader(
        file,
        (rows, columns),
        (dx, dy),
        tuple(header.phases),
        frame or SampleFrame.OXFORD,
        crystal_frame or CrystalFrame.X_ALONG_A_STAR,
        notes=tuple(header.notes),
    )


def _short(file: Path, offset: int, points: int) -> bool:
    """Whether a file has not the room for its points."""
    with file.open("rb") as stream:
        stream.seek(offset)
        row = len(stream.readline(10_000))
    return file.stat().st_size - offset < _SHORTEST * row * points


def read_image_header(path: str | Path) -> ImageHeader:
    """Read how many images a file holds, and their size.

    Raises
    ------
    InputError
        Where it is no image that can be read.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("the light image does not exist", file=file, expected="a TIFF, PNG, JPEG or BMP file")
    try:
        return _tiff(file) if file.suffix.lower() in (".tif", ".tiff") else _picture(file)
    except Exception as error:  # the readers raise whatever their format's parser ran into
        raise InputError(
            "the light image cannot be read",
            file=file,
            found=f"{type(error).__name__}: {error}"[:200],
            expected="a TIFF, PNG, JPEG or BMP file",
        ) from error


def _tiff(file: Path) -> ImageHeader:
    import tifffile

    number: Counter[tuple[int, int, int]] = Counter()
    with tifffile.TiffFile(file) as tiff:
        series = [one for one in tiff.series if not one.keyframe.is_reduced] or list(tiff.series)
        for one in series:
            page, count = one.keyframe, 1
            rows, columns = int(page.imagelength), int(page.imagewidth)
            for length in one.shape:
                count *= int(length)
            samples = 1 if page.photometric is None else int(page.samplesperpixel)
            bits = page.dtype.itemsize if page.dtype is not None else 2
            number[rows, columns, bits] += max(1, count // (rows * columns * samples))
            _check_length(file, one)
    # as `readers.tiff` chooses: thumbnails beside the images are left out
    (rows, columns, bits), images = max(number.items(), key=lambda item: (item[1], item[0]))
    return ImageHeader(file, images, (rows, columns), bits)


def _check_length(file: Path, series: TiffPageSeries) -> None:
    """Refuse a file that ends before the pixels that it promises."""
    pages = [page for page in series.pages if page is not None]
    ends = [
        offset + length for page in pages for offset, length in zip(page.dataoffsets, page.databytecounts, strict=False)
    ]
    if len(pages) == 1 and series.dataoffset is not None:
        # all images of a series in one piece, told by the first page alone
        ends.append(series.dataoffset + series.nbytes)
    size = file.stat().st_size
    if max(ends, default=0) > size:
        raise EOFError(f"{size} of {max(ends)} bytes: the file was cut off")


def _picture(file: Path) -> ImageHeader:
    from PIL import Image

    with Image.open(file) as image:
        columns, rows = image.size
        wide = image.mode.startswith(("I", "F"))
        return ImageHeader(file, int(getattr(image, "n_frames", 1)), (rows, columns), 2 if wide else 1)
