"""Read .ang files: EDAX TSL, EMsoft, pymicro, orix, ASTAR and grainlight's own.

Angles are radians, positions micrometres, x right and y down. A point is not indexed when its CI is -1, an angle is
4 pi, or its phase is 0 in a file that numbers its phases from 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.ang_header import AngHeader, column_names, read_header
from grainlight.maps.io.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.text_table import Body, read_body
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.raster import check_promise, promised_points, rasterise

DEFAULT_FRAME = SampleFrame.EDAX2
"""What MTEX's newer import takes for .ang; the file does not say and the user may overrule."""

_FOUR_PI = 4.0 * np.pi  # a not-indexed angle, to the digits of any writer
_EULER, _X, _Y, _CI, _PHASE = slice(0, 3), 3, 4, 6, 7


def read_ang(
    path: str | Path, frame: SampleFrame | None = None, crystal_frame: CrystalFrame | None = None
) -> OrientationMap:
    """Read an .ang file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; EDAX setting 2 where neither this nor the file says.
    crystal_frame
        How its crystal axes are laid; X along a where nothing says.

    Returns
    -------
    The map, on the grid that the points' positions make, in the file's frames.

    Raises
    ------
    InputError
        Where the file cannot be read as an EBSD map.
    """
    file = Path(path)
    header = read_header(file)
    names = column_names(header)
    body = Body(file, header.offset, header.first_line, header.columns)
    columns, replaced = read_body(body, wide=(0, 1, 2, _X, _Y), needed=(0, 1, 2, _X, _Y, _CI, _PHASE))
    x, y = (np.asarray(columns[i], dtype=np.float64) for i in (_X, _Y))
    notes = [f"Values that are not finite in column {names[i]} were set to 0." for i in replaced]

    promised = _check_promise(header, x.size, file)
    if header.dialect == "ASTAR":
        # ASTAR writes nanometres
        x, y = x * 1e-3, y * 1e-3
        header.step = tuple(None if value is None else value * 1e-3 for value in header.step)  # type: ignore[assignment]
    raster = rasterise(x, y, step=header.step, grid=header.grid, file=file)
    if promised is not None and promised != x.size:
        notes.append(f"The header promises {promised:,} points, the file has {x.size:,}.")

    euler = np.stack(columns[_EULER], axis=1).astype(np.float64)
    valid = (np.abs(euler - _FOUR_PI) > 0.01).all(axis=1) & (columns[_CI] > -0.999)
    phase, phases = _phase_numbers(whole_numbers(columns[_PHASE], file, names[_PHASE]), valid, header.phases, notes)
    _check_angles(euler[phase > 0], file)
    fields = {names[i]: columns[i] for i in range(5, header.columns) if i != _PHASE}
    return assemble(
        Points(euler, phase, fields),
        raster,
        phases,
        sample_frame=frame or header.sample_frame or DEFAULT_FRAME,
        crystal_frame=crystal_frame or header.crystal_frame or CrystalFrame.X_ALONG_A,
        source=f"ang ({header.dialect})",
        path=file,
        notes=notes,
    )


def _check_promise(header: AngHeader, points: int, file: Path) -> int | None:
    if header.rows is None or header.columns_odd is None:
        return None
    even = header.columns_odd if header.columns_even is None else header.columns_even
    if min(header.rows, header.columns_odd) < 1 or even < 0:
        return 0
    promised = promised_points(header.rows, header.columns_odd, even)
    check_promise(promised, points, file, "header, NROWS, NCOLS_ODD and NCOLS_EVEN")
    return promised


def _phase_numbers(
    written: NDArray[np.int16], valid: NDArray[np.bool_], phases: list[Phase], notes: list[str]
) -> tuple[NDArray[np.int16], list[Phase]]:
    """Return phase numbers with 0 for not indexed.

    EDAX numbers the points of a single-phase file 0, others number them 1; with several phases 0 is "not indexed",
    unless the phases are numbered from 0, which shows in points of phase 0 that have good orientations.
    """
    highest = int(written.max())
    zero = written == 0
    zero_based = False
    if highest == 0 and len(phases) <= 1:
        written = np.full_like(written, phases[0].id if phases else 1)
    elif zero.any() and len(phases) > 1 and highest < len(phases):
        zero_based = 2 * int(np.count_nonzero(valid & zero)) > int(np.count_nonzero(zero))
        if zero_based:
            notes.append("Phases are numbered from 0 in the data and from 1 in the header: read as one less.")
            order = np.array([phase.id for phase in phases], dtype=np.int16)
            written = order[written]
    number = np.where(valid, written, 0).astype(np.int16)
    return number, add_unnamed_phases(phases, number, notes)


def _check_angles(euler: NDArray[np.float64], file: Path) -> None:
    largest = float(np.abs(euler).max()) if euler.size else 0.0
    if largest > 2.0 * np.pi + 0.1:
        raise InputError(
            "the Euler angles are no radians",
            file=file,
            found=f"an angle of {largest:g}",
            expected="angles from 0 to 6.2832, or 12.566 for points that are not indexed",
            advice="export the angles in radians, or check that the columns stand in the vendor's order",
        )
