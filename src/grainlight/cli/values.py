"""What options take: conversions for argparse whose messages say what was expected."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grainlight.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.selection import Threshold

_INDEX = "number of the point in the file"
FRAMES = ("oxford", "edax1", "edax2", "edax3", "edax4", "none")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a conversion to a whole number within limits."""
    expected = f"a whole number from {least}" + (" up" if most is None else f" to {most}")

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}") from None
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")
        return value

    return convert


def positive(unit: str, *, zero: bool = False) -> Callable[[str], float]:
    """Return a conversion to a finite number above zero (or zero, where allowed) in a unit."""
    expected = f"a number {'not below' if zero else 'above'} 0 ({unit})"

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}") from None
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")
        return value

    return convert


def length(text: str) -> float:
    """Convert a length above zero to um: a number, with a decimal comma too, and nm, um or mm behind it."""
    bare = text.strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")
    factor = 1.0
    for unit, size_um in (("nm", 1e-3), ("um", 1.0), ("mm", 1e3)):
        if bare.endswith(unit):
            bare, factor = bare[:-2].rstrip(), size_um
    try:
        return factor * positive("um")(bare.replace(",", "."))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected a length above 0 such as 0.5 or 500nm, found {text!r}") from None


def pair(names: str, unit: str, example: str) -> Callable[[str], tuple[float, float]]:
    """Return a conversion to two finite numbers, separated by a comma, in a unit."""

    def convert(text: str) -> tuple[float, float]:
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            values = []
        if len(values) != 2 or not all(math.isfinite(value) for value in values):
            raise argparse.ArgumentTypeError(f"expected {names} in {unit} such as {example}, found {text!r}")
        return values[0], values[1]

    return convert


def box(text: str) -> tuple[float, float, float, float]:
    """Convert ``X0,Y0,X1,Y1`` in um, the upper left and the lower right corner."""
    try:
        corners = [float(part) for part in text.split(",")]
    except ValueError:
        corners = []
    if (
        len(corners) != 4
        or not all(math.isfinite(v) for v in corners)
        or corners[0] > corners[2]
        or corners[1] > corners[3]
    ):
        expected = "X0,Y0,X1,Y1 in um such as 0,0,50,40, the upper left corner first"
        raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
    return corners[0], corners[1], corners[2], corners[3]


def threshold(field: str | None, side: Literal["min", "max"]) -> Callable[[str], Threshold]:
    """Return a conversion to a threshold of a quality field, or of the one that ``FIELD=VALUE`` names."""
    expected = "a number" if field else "FIELD=VALUE such as fit=1.5"

    def convert(text: str) -> Threshold:
        name, _, number = text.rpartition("=") if field is None else (field, "", text)
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name.strip() or not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
        from grainlight.maps.selection import Threshold

        return Threshold(name.strip().lower(), side, value)

    return convert


def size(text: str) -> tuple[int, int]:
    """Convert ``ROWS,COLUMNS``, 16 to 8192 each."""
    parts = text.lower().replace("x", ",").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and 16 <= int(part) <= 8192 for part in parts):
        raise argparse.ArgumentTypeError(f"expected ROWS,COLUMNS such as 200,300, each 16 to 8192, found {text!r}")
    return int(parts[0]), int(parts[1])


def add_everywhere(command: argparse.ArgumentParser) -> None:
    """Add what every command has."""
    of_all = command.add_argument_group("of every command")
    of_all.add_argument("--quiet", action="store_true", help="errors and results only: no notes, no progress")
    of_all.add_argument("-v", "--verbose", action="store_true", help="stages with their seconds in place of bars")
    of_all.add_argument("--log", metavar="FILE", help="also write all that is said to a file, behind what it holds")
    of_all.add_argument(
        "--config",
        metavar="TOML",
        help="options from a file: tables named as commands, keys as options without the dashes; the command line "
        "counts more",
    )
    of_all.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")


def add_device(command: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default: a GPU if there is one)",
    )


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add ``--seed``."""
    command.add_argument("--seed", type=whole(0, 2**31), default=0, help="random seed (default: 0)")


def add_ipf(command: argparse.ArgumentParser) -> None:
    """Add ``--ipf``: the sample direction that the colours of a picture show."""
    command.add_argument(
        "--ipf",
        choices=("X", "Y", "Z"),
        type=str.upper,
        default="Z",
        help="sample direction of the picture's orientation colours: X right, Y up, Z out of the surface (default). A "
        "rolled sheet is of one colour in one of them",
    )


def add_frame(command: argparse.ArgumentParser) -> None:
    """Add ``--frame`` and ``--crystal-frame``: what the Euler angles of the EBSD file refer to."""
    command.add_argument(
        "--frame",
        choices=FRAMES,
        help="sample frame of the Euler angles (default: what the file says, else edax2 for EDAX, oxford for Oxford)",
    )
    command.add_argument(
        "--crystal-frame",
        choices=("a", "a-star"),
        help="what X of a hexagonal crystal lies along (default: a for EDAX, a-star for Oxford)",
    )


def add_map(command: argparse.ArgumentParser) -> None:
    """Add what says how an EBSD file is read: its frames, the scan, the section."""
    add_frame(command)
    command.add_argument("--scan", metavar="NAME", help="which scan of a file that holds several")
    command.add_argument("--section", type=whole(0), metavar="N", help="which section of a file that holds a volume")
    command.add_argument(
        "--columns",
        metavar="LIST",
        help="what the columns of a table of text are, such as "
        "phi1=4,Phi=5,phi2=6,x=2,y=3,phase=1,angles=degrees,symmetry=6/mmm; numbers from 1, or titles",
    )


def add_part(command: argparse.ArgumentParser, *, mask: bool = True, output: bool = False) -> None:
    """Add what part of the map is used: points of enough quality, a rectangle, every n-th point, and a mask, which may
    have the size of the ``output`` too."""
    part = command.add_argument_group("part of the map that is used")
    sides: tuple[Literal["min"], Literal["max"]] = ("min", "max")
    least, most = sides
    for option, field, side, what in (
        ("--min-ci", "ci", least, "a confidence index (EDAX) below X"),
        ("--max-mad", "mad", most, "a mean angular deviation (Oxford, Bruker) above X degrees"),
        ("--min-bc", "bc", least, "a band contrast (Oxford) below X"),
    ):
        part.add_argument(
            option,
            dest="thresholds",
            action="append",
            type=threshold(field, side),
            metavar="X",
            help=f"points with {what} count as not indexed",
        )
    for side in sides:
        part.add_argument(
            f"--{side}",
            dest="thresholds",
            action="append",
            type=threshold(None, side),
            metavar="FIELD=X",
            help=f"likewise of any field that `grainlight info` prints: the {side}imum that counts",
        )
    part.add_argument(
        "--crop",
        type=box,
        metavar="X0,Y0,X1,Y1",
        help="only the points in this rectangle: um in the file's own coordinates, which `grainlight info` prints",
    )
    part.add_argument("--subsample", type=whole(1), default=1, metavar="N", help="only every N-th row and column")
    if mask:
        size = "each point of the file, or each pixel of the output" if output else "each point of the file"
        part.add_argument(
            "--mask",
            metavar="IMAGE",
            help=f"where there is metal: PNG, TIFF or BMP with a pixel for {size}; zero (black) is no metal",
        )


def add_noise(command: argparse.ArgumentParser) -> None:
    """Add what becomes of points that look like noise."""
    command.add_argument(
        "--keep-noise",
        action="store_true",
        help="use points that agree with no neighbour and have bad quality; without it they are taken for noise, not "
        "indexed, and how many they are is said",
    )


def load_map(path: str | Path, arguments: argparse.Namespace) -> OrientationMap:
    """Read an EBSD file as the options of `add_map` and `add_part` say, without what the mask leaves out."""
    ebsd, metal = load_map_and_mask(path, arguments)
    if metal is None:
        return ebsd
    from grainlight.maps.selection import with_mask

    return with_mask(ebsd, metal)


def load_map_and_mask(
    path: str | Path, arguments: argparse.Namespace, scale: int | None = None
) -> tuple[OrientationMap, NDArray[np.bool_] | None]:
    """Read an EBSD file as the options of `add_map` and `add_part` say, and where the mask has metal.

    With a ``scale`` the mask may have the size of the output, too; then it is returned as it is.
    """
    from grainlight.maps.io import load_ebsd

    ebsd = load_ebsd(
        path,
        arguments.frame,
        crystal_frame(arguments.crystal_frame),
        scan=arguments.scan,
        section=arguments.section,
        columns=arguments.columns,
    )
    part, index = chosen_part(ebsd, arguments)
    mask = getattr(arguments, "mask", None)
    if mask is None:
        return part, None
    from grainlight.maps.io.mask import read_mask

    sizes = {"the points of the file": ebsd.shape}
    if scale is not None:
        from grainlight.restore.points.grid import output_shape

        sizes["the output"] = output_shape(part, scale)[:2]
    metal = read_mask(mask, sizes)
    return part, metal.reshape(-1)[index] if metal.shape == ebsd.shape else metal


def load_further(path: str | Path, arguments: argparse.Namespace) -> OrientationMap:
    """Read a further EBSD file of a field as the options of `add_map` say, with points of enough quality."""
    from grainlight.maps.io import load_ebsd
    from grainlight.maps.selection import with_quality

    frame = crystal_frame(arguments.crystal_frame)
    ebsd = load_ebsd(path, arguments.frame, frame, columns=arguments.columns)
    return with_quality(ebsd, getattr(arguments, "thresholds", None) or ())


def chosen_part(ebsd: OrientationMap, arguments: argparse.Namespace) -> tuple[OrientationMap, NDArray[np.int64]]:
    """Return the part of a map that the options of `add_part` say, and which of its points (flat index) these are."""
    import numpy as np

    from grainlight.maps.selection import crop, with_quality

    box, every = getattr(arguments, "crop", None), getattr(arguments, "subsample", 1)
    if box is not None or every > 1:
        for option in ("points", "transform"):
            if getattr(arguments, option, None) is not None:
                raise InputError(
                    f"--{option} tells places on the whole map",
                    found="--crop or --subsample beside it",
                    advice=f"the whole map, or neither --{option} nor these",
                )
    fields = ebsd.fields
    ebsd = with_quality(ebsd, getattr(arguments, "thresholds", None) or ())
    index, first = np.arange(ebsd.phase_id.size).reshape(ebsd.shape), ebsd.origin
    ebsd = ebsd.replace(fields={**fields, _INDEX: index})
    if box is not None:
        ebsd = crop(ebsd, box)
        stated = getattr(arguments, "pl_origin", None)
        if stated is not None and arguments.pl is not None:
            # the place of the light is told from the first point of the whole map
            arguments.pl_origin = tuple(
                at - (new - old) for at, new, old in zip(stated, ebsd.origin, first, strict=True)
            )
    if every > 1:
        ebsd = ebsd.every(every)
    arguments.cropped_um = (ebsd.origin[0] - first[0], ebsd.origin[1] - first[1])
    left = dict(ebsd.fields)
    return ebsd.replace(fields={name: left[name] for name in fields}), left[_INDEX]


def crystal_frame(choice: str | None) -> str | None:
    """Return the name of a crystal frame as the readers know it."""
    return "a*" if choice == "a-star" else choice
