"""Read .ang files: EDAX TSL, EMsoft, pymicro, orix, ASTAR and grainlight's own.

Angles are radians, positions micrometres, x right and y down. A point is not indexed when its CI is -1, an angle is
4 pi, all angles and the CI are 0, its phase is -1, or its phase is 0 in a file that numbers its phases from 1.
Phases may stand by name in their column. The header of a whole map above a full crop of it is said, not refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.assemble import Points, assemble, whole_numbers
from grainlight.maps.io.shared.edax import DEFAULT_FRAME, check_radians, indexed_points, phase_numbers
from grainlight.maps.io.shared.own_note import one_line
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.text.ang_header import AngHeader, column_names, read_header
from grainlight.maps.io.text.table import Body, read_body
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import rasterise

_EULER, _X, _Y, _CI, _PHASE = (0, 1, 2), 3, 4, 6, 7


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
    body = Body(file, header.offset, header.first_line, header.columns, header.words)
    columns, replaced = read_body(body, wide=(*_EULER, _X, _Y), needed=(*_EULER, _X, _Y, _CI, _PHASE))
    x, y = (np.asarray(columns[i], dtype=np.float64) for i in (_X, _Y))
    notes = header.notes + [f"Values that are not finite in column {names[i]} were set to 0." for i in replaced]

    if header.dialect == "ASTAR":
        # ASTAR writes nanometres
        x, y = x * 1e-3, y * 1e-3
        header.step = tuple(None if value is None else value * 1e-3 for value in header.step)  # type: ignore[assignment]
    raster = rasterise(x, y, step=header.step, grid=header.grid, file=file)
    notes += compare(_promise(header), raster, file)

    euler = np.stack([columns[i] for i in _EULER], axis=1, dtype=np.float64)
    valid = indexed_points(euler, columns[_CI])
    written = whole_numbers(columns[_PHASE], file, names[_PHASE], least=-1)
    phase, phases = phase_numbers(written, euler, valid, header.phases, notes, header.from_zero)
    fields = {names[i]: columns[i] for i in range(5, header.columns) if i != _PHASE}
    # of a large map they take as much room as the map
    del columns, x, y
    check_radians(euler[phase > 0], file)
    return assemble(
        Points(euler, phase, fields),
        raster,
        phases,
        sample_frame=frame or header.sample_frame or DEFAULT_FRAME,
        crystal_frame=crystal_frame or header.crystal_frame or CrystalFrame.X_ALONG_A,
        source=f"ang ({header.dialect})",
        path=file,
        notes=notes,
    ).replace(sample=one_line(header.sample))


def _promise(header: AngHeader) -> Promise:
    odd = header.columns_odd or 0
    even = odd if header.columns_even is None else header.columns_even
    return Promise(header.rows or 0, odd, even, "header, NROWS, NCOLS_ODD and NCOLS_EVEN")
