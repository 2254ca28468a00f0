"""One door for all output: the ending of the name says which format is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.writers.ang import first_point, write_ang
from grainlight.maps.io.writers.ctf import write_ctf
from grainlight.maps.io.writers.damask import COMPANION, write_damask
from grainlight.maps.io.writers.dream3d import write_dream3d
from grainlight.maps.io.writers.h5oina import write_h5oina
from grainlight.maps.io.writers.h5oina_source import source_of
from grainlight.maps.io.writers.ome_tiff import write_ome_tiff
from grainlight.maps.io.writers.orix import write_orix
from grainlight.maps.io.writers.png import write_png
from grainlight.maps.orientation_map import OrientationMap


@dataclass(frozen=True)
class OutputFormat:
    """A format that can be written.

    Parameters
    ----------
    name
        As users call it.
    write
        The writer.
    fields
        The vendor's columns that it has; None where it takes any.
    layers
        What more it takes beside the fields, such as uncertainty and source: any, finite ones only, or none.
    hexagonal
        Whether it can hold a hexagonal grid.
    absent
        Whether it tells a cell without a scan point from one that is not indexed.
    origin
        Whether it keeps where the first point stands in the file's own coordinates.
    orientations
        Whether orientations can be read from it again.
    companions
        Endings of the files that are written beside it.
    """

    name: str
    write: Callable[..., None]
    fields: tuple[str, ...] | None = None
    layers: Literal["any", "finite", "none"] = "any"
    hexagonal: bool = False
    absent: bool = False
    origin: bool = False
    orientations: bool = True
    companions: tuple[str, ...] = ()


_ORIX = OutputFormat("orix HDF5", write_orix, hexagonal=True, absent=True, origin=True)
_TIFF = OutputFormat("OME-TIFF", write_ome_tiff, origin=True)
OUTPUT_FORMATS: Mapping[str, OutputFormat] = {
    ".ang": OutputFormat(
        "EDAX .ang", write_ang, ("iq", "ci", "sem", "fit"), layers="finite", hexagonal=True, origin=True
    ),
    ".ctf": OutputFormat("Oxford .ctf", write_ctf, ("bands", "error", "mad", "bc", "bs"), layers="none", origin=True),
    ".h5oina": OutputFormat("Oxford .h5oina", write_h5oina, absent=True, origin=True),
    ".h5": _ORIX,
    ".hdf5": _ORIX,
    ".dream3d": OutputFormat("DREAM3D", write_dream3d, origin=True),
    ".vti": OutputFormat("DAMASK grid", write_damask, companions=(COMPANION,), origin=True),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".png": OutputFormat("picture", write_png, (), layers="none", orientations=False),
}
"""By ending, in lower case."""

OWN = ("boundary", "source", "uncertainty")
"""What a restored map has beside the vendors' columns."""
_BOUND_IN = {".ang": "fit", ".ctf": "mad"}


def save_ebsd(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a map in the format that the ending of ``path`` names, in its frames; an existing file is replaced.

    Parameters
    ----------
    ebsd
        The map.
    path
        The file to write (.ang, .ctf, .h5oina, .h5, .dream3d, .vti, .tif, .png); it appears only when it is whole.
    extra
        More layers by name, each (rows, cols), for formats that have room.
    record
        What was done to the map, kept where the format has room.

    Returns
    -------
    The files that were written.

    Raises
    ------
    InputError
        For another ending, a folder that is missing or closed, or a grid that the format cannot hold.
    """
    file = Path(path)
    chosen = output_format(file)
    if ebsd.grid == "hexagonal" and ebsd.shape[0] > 1 and not chosen.hexagonal:
        able = ", ".join(ending for ending, other in OUTPUT_FORMATS.items() if other.hexagonal)
        raise InputError(
            f"a {file.suffix} file cannot hold a hexagonal grid",
            file=file,
            expected=able,
            advice="save the map in one of these, or restore it: the output of `grainlight enhance` is a square grid",
        )
    chosen.write(ebsd, file, extra, record)
    return [file, *(file.with_suffix(ending) for ending in chosen.companions)]


def output_format(path: str | Path) -> OutputFormat:
    """Return the format that a name asks for.

    Raises
    ------
    InputError
        For an unknown ending.
    """
    file = Path(path)
    found = OUTPUT_FORMATS.get(file.suffix.lower())
    if found is None:
        expected = ", ".join(OUTPUT_FORMATS)
        raise InputError(
            "the format of the output is unknown", file=file, found=f"ending {file.suffix!r}", expected=expected
        )
    return found


def own_layers(ebsd: OrientationMap, path: str | Path) -> dict[str, NDArray[Any]]:
    """Return the restoration's own columns of a map, for a format that takes those of a vendor as its fields."""
    chosen = output_format(path)
    if not chosen.fields or "source" not in ebsd.fields or "boundary" not in ebsd.fields:
        return {}
    bound = next((ebsd.fields[name] for name in ("uncertainty", "fit", "mad") if name in ebsd.fields), None)
    found = {name: ebsd.fields[name] for name in OWN if name in ebsd.fields}
    return found if bound is None else found | {"uncertainty": bound}


def with_bound(ebsd: OrientationMap, path: str | Path) -> OrientationMap:
    """Return a map whose bound of the error, if it has one, stands in the vendor's column that is in degrees too."""
    name = _BOUND_IN.get(Path(path).suffix.lower(), "")
    bound = own_layers(ebsd, path).get("uncertainty")
    if not name or bound is None or name in ebsd.fields:
        return ebsd
    return ebsd.replace(fields={**ebsd.fields, name: bound})


def losses(ebsd: OrientationMap, path: str | Path) -> list[str]:
    """Return what a map loses in the format that ``path`` names, a sentence each."""
    chosen, told = output_format(path), []
    own = own_layers(ebsd, path)
    if not chosen.orientations:
        told.append("Orientations cannot be read back: the file is a picture.")
    if chosen.fields:
        lost = [name for name in ebsd.fields if name not in chosen.fields and name not in own]
        if lost:
            told.append(f"Fields that {chosen.name} has no column for are left out: {', '.join(lost)}.")
    if chosen.fields:
        unknown = [phase.name or str(phase.id) for phase in ebsd.phases if not phase.laue_group]
        if unknown:
            told.append(f"The unknown symmetry of {', '.join(unknown)} is written as triclinic.")
    absent = int((~ebsd.present).sum())
    if absent and not chosen.absent and ebsd.grid == "square":
        told.append(f"{absent:,} places without a scan point are written as not indexed.")
    return told + origin_loss(ebsd, path)


def carried_over(ebsd: OrientationMap, path: str | Path) -> list[str]:
    """Return a sentence where the file that ``path`` names takes more than the map from the file the map came from."""
    if output_format(path).write is not write_h5oina:
        return []
    source = source_of(ebsd)
    return [] if source is None else [source.sentence]


def origin_loss(ebsd: OrientationMap, path: str | Path) -> list[str]:
    """Return a sentence where the map's origin is lost or moved in the format that ``path`` names; else none."""
    chosen, (x, y) = output_format(path), ebsd.origin
    if not chosen.origin and (x or y):
        return [f"Positions begin at 0: the origin {x:g}, {y:g} um is left out."]
    if chosen.write is write_ang:
        begin = first_point(ebsd)
        if not np.allclose(begin, (x, y), rtol=0, atol=1e-9):
            return [
                f"The first point stands at {begin[0]:g}, {begin[1]:g} um: OIM takes no positions below 0, the origin "
                f"{x:g}, {y:g} um is left out."
            ]
    return []
