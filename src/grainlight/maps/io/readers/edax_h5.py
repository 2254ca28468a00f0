"""Read EDAX OIM's own HDF5 files (.h5, .oh5): scans, each with EBSD/Data and EBSD/Header.

Angles are radians, positions micrometres, x right and y down. A point is not indexed when Valid is 1, its CI is -1 or
an angle is 4 pi; where Valid is 2 or its position is -1111111 it was never measured. The header names its coordinate
system, so the sample frame is the file's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5
from grainlight.maps.io.shared.assemble import Points, assemble, whole_numbers
from grainlight.maps.io.shared.edax import (
    COORDINATE_SYSTEMS,
    DEFAULT_FRAME,
    check_radians,
    indexed_points,
    phase_numbers,
)
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.own_note import one_line
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.shared.scans import choose_scan
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_name
from grainlight.maps.raster import rasterise

_NO_PLACE = -1e6  # um; EDAX writes -1111111
_INVALID = 2
_PLACED = ("Phi1", "Phi", "Phi2", "X Position", "Y Position", "Phase")
_LATTICE = ("a", "b", "c", "alpha", "beta", "gamma")


def read_edax_h5(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    scan: str | None = None,
) -> OrientationMap:
    """Read one scan of an EDAX OIM HDF5 file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; the file's coordinate system where not given.
    crystal_frame
        How its crystal axes are laid; X along a where not given.
    scan
        The name of the scan; may be left out where there is only one.

    Returns
    -------
    The map, on the grid that the points' positions make, in the file's frames.

    Raises
    ------
    InputError
        Where there is no such scan, or the scan cannot be read as an EBSD map.
    """
    file = Path(path)
    with open_hdf5(file) as root:
        scans = [name for name in _scan_names(root) if (ebsd := root.child(f"{name}/EBSD/Data")) and ebsd.size("Phi1")]
        chosen = choose_scan(scans, scan, file)
        return _read(root.need(f"{chosen}/EBSD"), file, chosen, frame, crystal_frame)


def _scan_names(root: Node) -> list[str]:
    """Return the paths of groups that hold an EBSD group: at the top, or below one folder of it."""
    found = []
    for name in root.groups():
        if root.child(f"{name}/EBSD"):
            found.append(name)
        else:
            inner = root.need(name)
            found += [f"{name}/{below}" for below in inner.groups() if inner.child(f"{below}/EBSD")]
    return found


def _read(
    ebsd: Node, file: Path, scan: str, frame: SampleFrame | None, crystal_frame: CrystalFrame | None
) -> OrientationMap:
    data, header = ebsd.need("Data"), ebsd.need("Header")
    points = data.size("Phi1") or 0
    notes: list[str] = []
    rows, cols = header.whole("nRows"), header.whole("nColumns")
    euler = np.stack([data.needed_column(name, points) for name in ("Phi1", "Phi", "Phi2")], axis=1)
    x = data.needed_column("X Position", points).astype(np.float64)
    y = data.needed_column("Y Position", points).astype(np.float64)
    column = data.needed_column("Phase", points).astype(np.float64)
    written = whole_numbers(column, file, f"{data.name}/Phase", least=-1)
    fields = finite_fields(data.fields(points, _PLACED), notes)
    if "sem_signal" in fields:
        fields["sem"] = fields.pop("sem_signal")

    placed = np.isfinite(x) & np.isfinite(y) & (x > _NO_PLACE) & (y > _NO_PLACE)
    if not placed.any():
        raise InputError("no point of the scan has a position", file=file, place=data.name, advice="export it again")
    measured = placed & (fields["valid"] != _INVALID) if "valid" in fields else placed
    step = (header.number("Step X"), header.number("Step Y"))
    if not placed.all():
        x, y, known = _fill_places(x, y, placed, rows, cols, step)
        keep = slice(None) if known else np.flatnonzero(placed)
        euler, written, x, y, measured = euler[keep], written[keep], x[keep], y[keep], measured[keep]
        fields = {name: array[keep] for name, array in fields.items()}
    missing = points - int(np.count_nonzero(measured))
    if missing:
        notes.append(f"{missing:,} of {points:,} points of the scan were not measured.")
    grid: Literal["square", "hexagonal"] | None = None
    if header.text("Grid Type"):
        grid = "hexagonal" if "hex" in header.text("Grid Type").lower() else "square"
    raster = rasterise(x, y, step=step, grid=grid, file=file)
    notes += compare(Promise.square(rows, cols, f"{header.name}, nRows and nColumns"), raster, file)

    ci = fields.get("ci")
    valid = indexed_points(euler, ci) & measured
    if "valid" in fields:
        valid &= fields["valid"] == 0
    written[~measured] = 0
    phases, from_zero = _phases(header, notes)
    phase, phases = phase_numbers(written, euler, valid, phases, notes, from_zero)
    angles, phase = finite_angles(euler, phase, notes)
    check_radians(angles[phase > 0], file, data.name)
    phase[~measured] = -1
    system = header.whole("Coordinate System/ID")
    return assemble(
        Points(angles, phase, fields),
        raster,
        phases,
        sample_frame=frame or COORDINATE_SYSTEMS.get(system or 0, DEFAULT_FRAME),
        crystal_frame=crystal_frame or CrystalFrame.X_ALONG_A,
        source=f"EDAX HDF5 (scan {scan})",
        path=file,
        notes=notes,
    ).replace(sample=one_line(header.text("Sample ID")), scan=scan)


def _fill_places(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    placed: NDArray[np.bool_],
    rows: int | None,
    cols: int | None,
    step: tuple[float | None, float | None],
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return positions with those that the file lacks, and whether they could be told from the order of the points.

    The order is trusted only where it gives every position that the file does have.
    """
    if not rows or not cols or rows * cols != x.size or not step[0] or not step[1]:
        return x, y, False
    first = int(placed.argmax())
    order = np.arange(x.size)
    by_x = x[first] + (order % cols - first % cols) * step[0]
    by_y = y[first] + (order // cols - first // cols) * step[1]
    near = 0.25
    agrees = (np.abs(x - by_x) < near * step[0]) & (np.abs(y - by_y) < near * step[1])
    if not agrees[placed].all():
        return x, y, False
    return np.where(placed, x, by_x), np.where(placed, y, by_y), True


def _phases(header: Node, notes: list[str]) -> tuple[list[Phase], bool]:
    """Return the phases, and whether the file numbers them from 0: their ids are then one more.

    ``notes`` gets a line where the two symmetries of a phase disagree, or neither is known.
    """
    group = header.child("Phase")
    found: list[Phase] = []
    names = group.groups() if group else []
    from_zero = "0" in names
    for name in names:
        phase = header.need(f"Phase/{name}")
        wanted = int(name) + from_zero if name.isdecimal() else 0
        identity = wanted if 0 < wanted <= 1000 else max((p.id for p in found), default=0) + 1
        code = phase.whole("Symmetry")
        point_group = phase.text("Point Group")
        short = point_group[point_group.rfind("[") + 1 :].strip("] ") if "[" in point_group else point_group
        lattice = [phase.number(f"Lattice Constant {part}") for part in _LATTICE]
        known = [value for value in lattice if value is not None and 0 <= value < 1e4]
        title = phase.text("MaterialName") or phase.text("Material Name") or phase.text("Formula")
        by_code, by_name = laue_from_name(str(code)), laue_from_name(short)
        group_name = by_code or by_name
        if by_code and by_name and by_code != by_name:
            notes.append(
                f"Phase {identity} ({title[:40]}): symmetry code {code} is of Laue group {by_code}, point group "
                f"{short[:40]} of {by_name}. The code was taken."
            )
        elif not group_name:
            notes.append(
                f"The symmetry of phase {identity} ({title[:40]}), {code if code is not None else 'no code'} and "
                f"{short[:40] or 'no point group'}, is not known: its orientations are taken as without symmetry."
            )
        if len(known) == 6:
            found.append(Phase(identity, title, group_name, *known))
        else:
            found.append(Phase(identity, title, group_name))
    return sorted(found, key=lambda item: item.id), from_zero
