"""Read and write EBSD maps and light images: one file per format, one door for all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.ang import read_ang
from grainlight.maps.io.ang_writer import write_ang
from grainlight.maps.io.ctf import read_ctf
from grainlight.maps.io.ctf_writer import write_ctf
from grainlight.maps.io.images import load_light
from grainlight.maps.orientation_map import OrientationMap

__all__ = ["load_ebsd", "load_light", "read_ang", "read_ctf", "save_ebsd", "write_ang", "write_ctf"]

_READERS = {"ang": read_ang, "ctf": read_ctf}
_WRITERS = {".ang": write_ang, ".ctf": write_ctf}


def load_ebsd(
    path: str | Path,
    frame: SampleFrame | str | None = None,
    crystal_frame: CrystalFrame | str | None = None,
) -> OrientationMap:
    """Read an EBSD map from an .ang or .ctf file; content decides where the name does not.

    Parameters
    ----------
    path
        The file.
    frame
        Sample frame of its Euler angles (``"oxford"``, ``"edax1"`` ... ``"edax4"``, ``"none"``, ``"S"``);
        by default what is usual for the format: EDAX setting 2 for .ang, Oxford's for .ctf.
    crystal_frame
        ``"a"`` or ``"a*"``, what X lies along; by default a for .ang and a* for .ctf.

    Returns
    -------
    The map in the file's frames. What looks wrong in the file stands in its ``notes``.

    Raises
    ------
    InputError
        Where the file is missing, empty, truncated, not EBSD data or contradicts itself.
    """
    file = Path(path)
    sample = None if frame is None else _choose(SampleFrame, frame, "sample frame")
    crystal = None if crystal_frame is None else _choose(CrystalFrame, crystal_frame, "crystal frame")
    kind = _kind(file)
    try:
        found = _READERS[kind](file, sample, crystal)
    except OSError as error:
        raise InputError("the file cannot be read", file=file, found=str(error)) from error
    if file.suffix.lower() in _WRITERS and file.suffix.lower() != f".{kind}":
        found = found.replace(notes=(f"The name ends in {file.suffix}, the content is {kind}.", *found.notes))
    return found


def save_ebsd(ebsd: OrientationMap, path: str | Path, extra: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Write a map as .ang or .ctf, by the ending of ``path``, in the vendor's frames; an existing file is replaced.

    Parameters
    ----------
    ebsd
        The map.
    path
        The file to write; it appears only when it is whole.
    extra
        More columns by name, each (rows, cols), written after the vendor's own.

    Raises
    ------
    InputError
        For another ending, a folder that is missing or closed, or a grid that the format cannot hold.
    """
    file = Path(path)
    writer = _WRITERS.get(file.suffix.lower())
    if writer is None:
        raise InputError(
            "the format of the output is unknown", file=file, found=f"ending {file.suffix!r}", expected=".ang or .ctf"
        )
    writer(ebsd, file, extra)


def _choose(kind: type[SampleFrame] | type[CrystalFrame], value: Any, what: str) -> Any:
    if isinstance(value, kind):
        return value
    for member in kind:
        if str(value).lower() == member.value.lower():
            return member
    raise InputError(f"unknown {what}", found=repr(value), expected=", ".join(member.value for member in kind))


def _kind(file: Path) -> str:
    if not file.exists():
        raise InputError("the file does not exist", file=file, advice="check the path and the spelling")
    if file.is_dir():
        raise InputError("this is a folder", file=file, expected="an .ang or .ctf file")
    try:
        with file.open("rb") as stream:
            start = stream.read(4096)
    except OSError as error:
        raise InputError("the file cannot be read", file=file, found=str(error)) from error
    if not start.strip():
        raise InputError("the file is empty", file=file)
    if b"\0" in start:
        raise InputError(
            "this is not a text file of EBSD data",
            file=file,
            found="HDF5 data" if start.startswith(b"\x89HDF") else "binary content",
            expected="an .ang or .ctf text file",
            advice="export the map as .ang or .ctf from the vendor's program",
        )
    text = start.decode("latin1").lower()
    if text.lstrip("\xef\xbb\xbf\r\n\t ").startswith("channel text file") or ("euler1" in text and "xcells" in text):
        return "ctf"
    if file.suffix.lower() == ".ctf" and not text.lstrip().startswith("#"):
        return "ctf"
    return "ang"
