"""Read and write EBSD maps and light images: one file per format, one door for all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.ang import read_ang
from grainlight.maps.io.ang_writer import write_ang
from grainlight.maps.io.ctf import read_ctf
from grainlight.maps.io.ctf_writer import write_ctf
from grainlight.maps.io.edax_h5 import read_edax_h5
from grainlight.maps.io.images import load_light
from grainlight.maps.io.load import load_ebsd
from grainlight.maps.orientation_map import OrientationMap

__all__ = [
    "load_ebsd",
    "load_light",
    "read_ang",
    "read_ctf",
    "read_edax_h5",
    "save_ebsd",
    "write_ang",
    "write_ctf",
]

_WRITERS = {".ang": write_ang, ".ctf": write_ctf}


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
