"""Read orix's own HDF5 files: a `CrystalMap` with its header.

Angles are radians, positions in the file's scan unit, x right and y down; phase -1 is not indexed. The file does not
name its sample frame, and orix corrects nothing that it reads, so the frame is that of wherever the map came from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.edax import DEFAULT_FRAME, check_radians
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.own_note import NAME, frames_of_note, sample_of_note
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_name
from grainlight.maps.raster import rasterise

_ANGLES = ("phi1", "Phi", "phi2")
_UM = {"um": 1.0, "µm": 1.0, "micrometer": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6, "px": 1.0}


def read_orix_h5(
    path: str | Path, frame: SampleFrame | None = None, crystal_frame: CrystalFrame | None = None
) -> OrientationMap:
    """Read an HDF5 file that orix wrote.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; EDAX setting 2, as of an .ang, where neither this nor the file says.
    crystal_frame
        How its crystal axes are laid; X along a, as orix assumes, where nothing says.

    Returns
    -------
    The map in the file's frames; points that were masked in orix are absent.

    Raises
    ------
    InputError
        Where it cannot be read as a two-dimensional EBSD map.
    """
    file = Path(path)
    notes: list[str] = []
    with open_hdf5(file) as root:
        data, header = root.need("crystal_map/data"), root.need("crystal_map/header")
        own_note = root.text(NAME)
        own_sample, own_crystal = frames_of_note(own_note)
        points = data.size("phase_id") or 0
        if not points:
            raise InputError("the map has no points", file=file, place=data.name)
        angles = np.stack([_first(data, name, points) for name in _ANGLES], axis=1)
        written = data.needed_column("phase_id", points)
        x, y = (_axis(data, name, points) for name in ("x", "y"))
        mask = data.column("is_in_data", points)
        fields = finite_fields(data.fields(points, (*_ANGLES, "phase_id", "x", "y", "id", "is_in_data")), notes)
        phases, number = _phases(header)
        unit = header.text("scan_unit")
        per_point = header.whole("rotations_per_point")
        steps = (header.number("x_step"), header.number("y_step"))
    if per_point and per_point > 1:
        notes.append(f"The file has {per_point} orientations per point: the first was read.")
    factor = _UM.get(unit.lower(), 1.0)
    if unit and (unit.lower() not in _UM or unit.lower() == "px"):
        notes.append(f"The scan unit is {unit!r}: read as um.")
    shifted = written.astype(np.float64)
    if number:  # phases are numbered from 0
        shifted += shifted >= 0
    phase = whole_numbers(shifted, file, f"{data.name}/phase_id")
    euler, phase = finite_angles(angles, phase, notes)
    check_radians(euler[phase > 0], file, data.name)
    if mask is not None:
        phase[mask == 0] = -1
    step = (steps[0] * factor if steps[0] else None, steps[1] * factor if steps[1] else None)
    if not frame and not own_sample:
        notes.append("orix files do not name their sample frame: EDAX setting 2 was taken; --frame changes it.")
    return assemble(
        Points(euler, phase, fields),
        rasterise(x * factor, y * factor, step=step, grid=None, file=file),
        add_unnamed_phases(phases, phase, notes),
        sample_frame=frame or own_sample or DEFAULT_FRAME,
        crystal_frame=crystal_frame or own_crystal or CrystalFrame.X_ALONG_A,
        source="HDF5 (orix)",
        path=file,
        notes=notes,
    ).replace(sample=sample_of_note(own_note))


def _first(data: Node, name: str, points: int) -> NDArray[np.float64]:
    """Return the first orientation's angle of each point."""
    total = data.total(name)
    width = total // points if total and total % points == 0 else 1
    if not 1 <= width <= 100:
        width = 1
    array = data.needed_column(name, points, width).astype(np.float64)
    return array[:, 0] if array.ndim == 2 else array


def _axis(data: Node, name: str, points: int) -> NDArray[np.float64]:
    """Return positions; orix writes a single 0 for an axis that the map does not have."""
    if data.total(name) == 1 and points > 1:
        return np.zeros(points)
    array = data.needed_column(name, points).astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError("a position is not finite", file=data.path, place=f"{data.name}/{name}")
    return array


def _phases(header: Node) -> tuple[list[Phase], int]:
    """Return the phases numbered from 1, and how much was added to the file's numbers (0 or 1)."""
    group = header.child("phases")
    names = [name for name in (group.groups() if group else []) if name.isdigit() and int(name) <= 999]
    shift = int("0" in names)
    phases = []
    for name in names:
        phase = header.need(f"phases/{name}")
        lattice = phase.numbers("structure/lattice/abcABG")
        good = len(lattice) == 6 and all(0 <= value < 1e4 for value in lattice)
        group_name = laue_from_name(phase.text("point_group"))
        values = lattice if good else []
        phases.append(Phase(int(name) + shift, phase.text("name"), group_name, *values))
    return sorted(phases, key=lambda item: item.id), shift
