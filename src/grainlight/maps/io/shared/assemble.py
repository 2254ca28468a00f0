"""From columns of points to an `OrientationMap`: what every text reader shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import IDENTITY, quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.raster import Raster

_PIECE = 1 << 16  # points turned at once: the steps between take ten times the room of the angles


@dataclass(frozen=True)
class Points:
    """Columns of n scan points: Bunge angles (n, 3) in radians, phase (n,) with 0 for not indexed, fields by name."""

    euler: NDArray[np.float64]
    phase: NDArray[np.int16]
    fields: dict[str, NDArray[Any]]


def whole_numbers(column: NDArray[np.floating], file: Path, name: str, least: int = 0) -> NDArray[np.int16]:
    """Return a column of phase numbers as integers; those below ``least`` become it.

    Raises
    ------
    InputError
        For numbers that are not whole or outside -1 to 1000.
    """
    rounded = np.rint(column)
    bad = (rounded != column) | (rounded < -1) | (rounded > 1000)
    if bad.any():
        raise InputError(
            "a phase number is not a whole number from 0 to 1000",
            file=file,
            place=f"column {name}, point {int(bad.argmax()) + 1}",
            found=f"{column[bad.argmax()]:g}",
            advice="check that the columns stand in the vendor's order",
        )
    return np.maximum(rounded, least).astype(np.int16)


def add_unnamed_phases(phases: list[Phase], used: NDArray[np.int16], notes: list[str]) -> list[Phase]:
    """Return the phases with one more for each number in the data that the header does not name."""
    known = {phase.id for phase in phases}
    for number in np.unique(used[used > 0]):
        if int(number) not in known:
            notes.append(f"Phase {number} is in the data but not in the header: its symmetry is unknown.")
            phases = [*phases, Phase(int(number), f"phase {number}", "")]
    return phases


def assemble(
    points: Points,
    raster: Raster,
    phases: list[Phase],
    *,
    sample_frame: SampleFrame,
    crystal_frame: CrystalFrame,
    source: str,
    path: Path,
    notes: list[str],
) -> OrientationMap:
    """Place points on their grid.

    Raises
    ------
    InputError
        Where more than a tenth of the points fall on one another.
    """
    rows, cols = raster.shape
    cells = rows * cols
    place = raster.row * cols + raster.col
    total = place.size
    notes = [*raster.notes, *notes]
    # most files have every point, in the order of the grid
    in_order = total == cells and bool((place[1:] > place[:-1]).all())
    doubles = 0 if in_order else total - int(np.count_nonzero(np.bincount(place, minlength=cells)))
    if doubles > total // 10:
        raise InputError(
            "scan points fall on one another",
            file=path,
            found=f"{doubles:,} of {total:,} points on a place that another one has",
            expected="one point per place",
            advice="check the x and y columns; a step below their printed digits cannot be told apart",
        )
    if doubles:
        notes.append(f"{doubles:,} points stand where another one stands: the later one was kept.")

    indexed = points.phase > 0
    quaternions = np.empty((cells, 4))
    quaternions[:] = IDENTITY
    for start in range(0, total, _PIECE):
        part = slice(start, start + _PIECE)
        found = np.flatnonzero(indexed[part])
        quaternions[place[part][found]] = quaternion_from_bunge(points.euler[part][found])
    phase_id = points.phase if in_order else _scattered(points.phase, place, cells, -1)
    # of two points on one place the later decides, indexed or not
    quaternions[phase_id <= 0] = IDENTITY
    fields = {
        name: (column if in_order else _scattered(column, place, cells)).reshape(rows, cols)
        for name, column in points.fields.items()
    }
    absent = cells - total + doubles
    if raster.grid == "hexagonal":
        # the shorter rows of a hexagonal grid lack their last point by design
        absent -= min(absent, rows // 2 if raster.shift > 0 else (rows + 1) // 2)
    if absent > 0:
        notes.append(f"{absent:,} of {cells:,} places of the grid have no scan point.")
    if not indexed.any():
        notes.append("No point is indexed.")
    x, y = raster.coordinates()
    return OrientationMap(
        quaternions=quaternions.reshape(rows, cols, 4),
        phase_id=phase_id.reshape(rows, cols),
        x=x,
        y=y,
        phases=tuple(phases),
        step=raster.step,
        grid=raster.grid,
        sample_frame=sample_frame,
        crystal_frame=crystal_frame,
        origin=raster.origin,
        fields=fields,
        source=source,
        path=path,
        notes=tuple(notes),
    )


def _scattered(column: NDArray[Any], place: NDArray[np.int64], cells: int, empty: int = 0) -> NDArray[Any]:
    """Return the cells (cells,) of a grid with values (n,) at their places, of two at one place the later."""
    found = np.full(cells, empty, dtype=column.dtype)
    found[place] = column
    return found
