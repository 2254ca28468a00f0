"""One door for all EBSD files: find the format by content, then read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError, in_words, what_it_is
from grainlight.maps.io.readers.ang import read_ang
from grainlight.maps.io.readers.channel5 import read_channel5
from grainlight.maps.io.readers.ctf import read_ctf
from grainlight.maps.io.readers.dream3d import read_dream3d
from grainlight.maps.io.readers.edax_h5 import read_edax_h5
from grainlight.maps.io.readers.h5ebsd import read_h5ebsd
from grainlight.maps.io.readers.h5oina import read_h5oina
from grainlight.maps.io.readers.orix_h5 import read_orix_h5
from grainlight.maps.io.readers.osc import MARK, read_osc
from grainlight.maps.io.readers.text_columns import TextColumns, read_text
from grainlight.maps.io.restored import read_npz
from grainlight.maps.io.text.wide import as_utf8, wide_encoding
from grainlight.maps.lattice import doubts
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.same_phase import with_each_phase_once

_START = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\3\4"
_BINARY = (".crc", ".cpr", ".osc", ".npz")


@dataclass(frozen=True)
class Format:
    """A format that can be read: its reader, the endings usual for it, and which choices it offers."""

    reader: Callable[..., OrientationMap]
    endings: tuple[str, ...]
    scans: bool = False
    sections: bool = False


FORMATS = {
    "ang": Format(read_ang, (".ang",)),
    "ctf": Format(read_ctf, (".ctf",), sections=True),
    "cpr/crc": Format(read_channel5, (".cpr", ".crc")),
    "osc": Format(read_osc, (".osc",)),
    "h5oina": Format(read_h5oina, (".h5oina",), scans=True),
    "orix HDF5": Format(read_orix_h5, (".h5", ".hdf5")),
    "h5ebsd": Format(read_h5ebsd, (".h5ebsd",), sections=True),
    "dream3d": Format(read_dream3d, (".dream3d",), scans=True, sections=True),
    "EDAX HDF5": Format(read_edax_h5, (".h5", ".oh5", ".hdf5"), scans=True),
    "grainlight npz": Format(read_npz, (".npz",)),
}


def load_ebsd(
    path: str | Path,
    frame: SampleFrame | str | None = None,
    crystal_frame: CrystalFrame | str | None = None,
    *,
    scan: str | None = None,
    section: int | None = None,
    columns: TextColumns | str | None = None,
) -> OrientationMap:
    """Read an EBSD map; the content says which format it is, not the name.

    Parameters
    ----------
    path
        The file.
    frame
        Sample frame of its Euler angles (``"oxford"``, ``"edax1"`` ... ``"edax4"``, ``"none"``, ``"S"``);
        by default what the file says or what is usual for its format (docs/formats.md).
    crystal_frame
        ``"a"`` or ``"a*"``, what X lies along; by default as the format's vendor lays it.
    scan
        Name of the scan, for a file that holds several.
    section
        Number of the section, for a file that holds a volume.
    columns
        What the columns are, for a table of text of no known format:
        ``"phi1=4,Phi=5,phi2=6,x=2,y=3,phase=1,angles=degrees,symmetry=6/mmm"``.

    Returns
    -------
    The map in the file's frames; a phase that is listed twice is one. What looks wrong in the file stands in its
    ``notes``.

    Raises
    ------
    InputError
        Where the file is missing, empty, truncated, not EBSD data or contradicts itself, or holds several scans or
        sections and none is named.
    """
    file = Path(path)
    sample = None if frame is None else _choose(SampleFrame, frame, "sample frame")
    crystal = None if crystal_frame is None else _choose(CrystalFrame, crystal_frame, "crystal frame")
    start = _start(file)
    if file.suffix.lower() not in _BINARY and (encoding := wide_encoding(start)):
        with as_utf8(file, encoding) as copy:
            try:
                found = load_ebsd(copy, sample, crystal, scan=scan, section=section, columns=columns)
            except InputError as error:
                raise error.of_file(copy, file) from None
        return found.replace(path=file)
    if columns is not None:
        given = TextColumns.parse(columns) if isinstance(columns, str) else columns
        return with_each_phase_once(_read_text(file, sample, crystal, given))
    kind = kind_of(file)
    chosen = FORMATS[kind]
    choices: dict[str, Any] = {}
    for name, value, offered in (("scan", scan, chosen.scans), ("section", section, chosen.sections)):
        if offered:
            choices[name] = value
        elif value is not None:
            raise InputError(f"a file of this format has no {name}s to choose from", file=file, found=f"{name} {value}")
    try:
        # signalling NaN of a damaged file; the readers check what must be finite
        with np.errstate(invalid="ignore"):
            found = chosen.reader(file, sample, crystal, **choices)
    except OSError as error:
        raise InputError("the file cannot be read", file=file, found=in_words(error, "a damaged file")) from error
    found = _with_doubts(found)
    ending = file.suffix.lower()
    if ending not in chosen.endings and any(ending in other.endings for other in FORMATS.values()):
        found = found.replace(notes=(f"The name ends in {file.suffix}, the content is {kind}.", *found.notes))
    return with_each_phase_once(found)


def _read_text(
    file: Path, sample: SampleFrame | None, crystal: CrystalFrame | None, columns: TextColumns
) -> OrientationMap:
    if _start(file).startswith(_HDF5):
        raise InputError(
            "this is no table of text", file=file, found="HDF5 data", advice="leave out the list of columns"
        )
    try:
        return _with_doubts(read_text(file, sample, crystal, columns))
    except OSError as error:
        raise InputError("the file cannot be read", file=file, found=in_words(error, "a damaged file")) from error


def _with_doubts(found: OrientationMap) -> OrientationMap:
    """Return a map whose notes tell what does not fit together in its phases."""
    told = tuple(doubt for phase in found.phases for doubt in doubts(phase))
    return found.replace(notes=(*found.notes, *told)) if told else found


def _choose(kind: type[SampleFrame] | type[CrystalFrame], value: Any, what: str) -> Any:
    if isinstance(value, kind):
        return value
    for member in kind:
        if str(value).lower() == member.value.lower():
            return member
    raise InputError(f"unknown {what}", found=repr(value), expected=", ".join(member.value for member in kind))


def kind_of(file: Path) -> str:
    """Return the name of a file's format, a key of `FORMATS`.

    Raises
    ------
    InputError
        Where there is no such file, or it is none that can be read.
    """
    start = _start(file)
    if file.suffix.lower() == ".crc":
        return "cpr/crc"  # the bytes of a .crc say nothing; its .cpr does
    if file.suffix.lower() == ".npz" or (start.startswith(_ZIP) and b".npy" in start):
        return "grainlight npz"
    if not start.strip():
        raise InputError("the file is empty", file=file)
    if start.startswith(_HDF5):
        from grainlight.maps.io.hdf5.kind import hdf5_kind

        return hdf5_kind(file)
    if file.suffix.lower() == ".osc" or MARK in start:
        return "osc"
    if (b"\0" in start or what_it_is(start) not in ("text", "bytes that are no text")) and not (
        file.suffix.lower() == ".cpr" and wide_encoding(start)
    ):
        raise InputError(
            "this is not a text file of EBSD data",
            file=file,
            found=what_it_is(start),
            expected=", ".join(sorted({ending for known in FORMATS.values() for ending in known.endings})),
            advice="export the map as .ang, .ctf or HDF5 from the vendor's program",
        )
    return _text_kind(start, file)


def _start(file: Path) -> bytes:
    if not file.exists():
        raise InputError("the file does not exist", file=file, advice="check the path and the spelling")
    if file.is_dir():
        raise InputError("this is a folder", file=file, expected="a file of EBSD data")
    try:
        with file.open("rb") as stream:
            start = stream.read(_START)
    except OSError as error:
        raise InputError("the file cannot be read", file=file, found=in_words(error, "a damaged file")) from error
    return start


def _text_kind(start: bytes, file: Path) -> str:
    text = start.decode("latin1").lower()
    if file.suffix.lower() == ".cpr" or ("[job]" in text and "[fields]" in text):
        return "cpr/crc"
    if text.lstrip("\xef\xbb\xbf\r\n\t ").startswith("channel text file") or ("euler1" in text and "xcells" in text):
        return "ctf"
    if file.suffix.lower() == ".ctf" and not text.lstrip().startswith("#"):
        return "ctf"
    return "ang"
