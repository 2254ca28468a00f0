"""Write .ang files as EDAX OIM does: square and hexagonal grids, radians, X along a, an EDAX sample frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.edax import DEFAULT_FRAME
from grainlight.maps.io.shared.extra import extra_columns
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import one_line, summary
from grainlight.maps.io.text.rows import bounds, joined, write_rows
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.strips import strips
from grainlight.scratch import release

_EDAX = (SampleFrame.EDAX1, SampleFrame.EDAX2, SampleFrame.EDAX3, SampleFrame.EDAX4)
_NO_ANGLE = 4.0 * np.pi
_AT_ONCE = 1 << 15  # points whose columns are made at once
_NOT_INDEXED = {"iq": 0.0, "ci": -1.0, "sem": 0.0, "fit": 180.0}


def write_ang(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as .ang.

    Parameters
    ----------
    ebsd
        The map. Its EDAX setting is kept; from any other frame the angles are brought to EDAX setting 2. X is laid
        along a. OIM places points by their order, so that cells without a scan point are written as not indexed,
        except the missing last points of the shorter rows of a hexagonal grid.
        CI is 1 at indexed points where the map has no field ``ci``; other missing fields are 0.
    path
        The file; it appears only when it is whole.
    extra
        More columns by name, each (rows, cols).
    record
        What was done to the map; version, weights, scale, quality and seed of it stand in the header.

    Raises
    ------
    InputError
        For a place that cannot be written or an extra column of another shape.
    """
    more = extra_columns(extra, ebsd.shape, Path(path))
    cells = _cells(ebsd)
    corner = _corner(ebsd, cells)
    decimals = [5] * 5 + [1, 3, 0, 1, 3] + [5] * len(more)
    parts = strips(ebsd.shape, _AT_ONCE)
    whole = all((cells.of(ebsd.phase_id[rows], rows.start) > 0).all() for rows in parts)
    others = [[bounds(column) for column in _columns(ebsd, cells, corner, more, rows)] for rows in parts]
    limits = [(0.0, 6.0 if whole else _NO_ANGLE)] * 3 + [joined(sides) for sides in zip(*others, strict=True)]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(_header(in_edax_frame(ebsd.cropped(0, 0)), ebsd, cells, list(more), summary(record)).encode())
        try:
            for rows in parts:
                columns = [*_angles(ebsd, cells, rows).T, *_columns(ebsd, cells, corner, more, rows)]
                write_rows(stream, columns, decimals, limits=limits)
                # A large map's columns are in temporary files: what has been written leaves memory.
                layers: list[NDArray[Any]] = [ebsd.quaternions, ebsd.phase_id, *ebsd.fields.values(), *more.values()]
                for layer in layers:
                    release(layer)
        except ValueError as error:
            raise InputError("a column cannot be written", file=path, found=str(error)) from error


@dataclass(frozen=True)
class _Cells:
    """Which cells get a line: the first ``even`` of rows 0, 2, ... and the first ``odd`` of rows 1, 3, ..."""

    columns: int
    even: int
    odd: int

    def of(self, part: NDArray[Any], first: int) -> NDArray[Any]:
        """Return what is written (n, ...) of some rows (rows, cols, ...), the first of which is row ``first``."""
        if self.even == self.odd == self.columns:
            return part.reshape(-1, *part.shape[2:])
        length = np.where(np.arange(first, first + len(part)) % 2, self.odd, self.even)
        return part[np.arange(self.columns) < length[:, None]]


def _angles(ebsd: OrientationMap, cells: _Cells, rows: slice) -> NDArray[np.float64]:
    """Return the Euler angles (n, 3) of the lines of some rows."""
    part = in_edax_frame(ebsd.rows(rows)).in_crystal_frame(CrystalFrame.X_ALONG_A)
    euler = bunge_from_quaternion(cells.of(part.quaternions, rows.start))
    euler[~cells.of(part.indexed, rows.start)] = _NO_ANGLE
    return euler


def _columns(
    ebsd: OrientationMap,
    cells: _Cells,
    corner: tuple[float, float],
    more: Mapping[str, NDArray[Any]],
    rows: slice,
) -> list[NDArray[Any]]:
    """Return the columns (n,) after the angles of the lines of some rows."""
    part = ebsd.rows(rows)
    columns = [part.x + corner[0], part.y + corner[1], _field(part, "iq"), _field(part, "ci"), numbered_phases(part)]
    columns += [_field(part, "sem"), _field(part, "fit"), *(values[rows] for values in more.values())]
    return [cells.of(values, rows.start) for values in columns]


def in_edax_frame(ebsd: OrientationMap) -> OrientationMap:
    """Return a map in the EDAX setting that it is in, or else in setting 2."""
    return ebsd if ebsd.sample_frame in _EDAX else ebsd.in_frame(DEFAULT_FRAME)


def _cells(source: OrientationMap) -> _Cells:
    columns = source.shape[1]
    shorter = source.grid == "hexagonal" and columns > 1
    even, odd = (columns - (shorter and not source.present[start::2, -1].any()) for start in (0, 1))
    return _Cells(columns, even, odd)


def first_point(ebsd: OrientationMap) -> tuple[float, float]:
    """Return where the point [0, 0] of a map stands in the file [um]: its origin where no position is below 0."""
    return _corner(ebsd, _cells(ebsd))


def _corner(source: OrientationMap, cells: _Cells) -> tuple[float, float]:
    """Return where the point [0, 0] stands in the file [um]."""
    # OIM takes no positions left of or above zero
    parts = np.s_[::2, : cells.even], np.s_[1::2, : cells.odd]
    least = (min(float(values[part].min()) for part in parts if values[part].size) for values in (source.x, source.y))
    x, y = (start - min(0.0, low + start) for low, start in zip(least, source.origin, strict=True))
    return x, y


def _field(part: OrientationMap, name: str) -> NDArray[np.floating]:
    """Return a vendor's field (rows, cols), with what EDAX writes where nothing was indexed or scanned."""
    if name not in part.fields:
        return np.where(part.indexed, 1.0 if name == "ci" else 0.0, _NOT_INDEXED[name])
    values = np.asarray(part.fields[name])
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    known = part.indexed if name == "ci" else part.present
    return np.where(known, values, values.dtype.type(_NOT_INDEXED[name]))


def _header(framed: OrientationMap, source: OrientationMap, cells: _Cells, extra: list[str], run: str) -> str:
    # OIM counts rows from 1
    odd, even = cells.even, cells.odd if source.shape[0] > 1 else cells.even
    lines = ["TEM_PIXperUM          1.000000", "x-star                0.000000", "y-star                0.000000"]
    lines += ["z-star                0.000000", "WorkingDistance       0.000000", ""]
    # OIM lists the last phase first
    for count, phase in reversed(list(enumerate(source.phases, 1))):
        lines += _phase_lines(count, phase)
    lines += [
        f"GRID: {'HexGrid' if source.grid == 'hexagonal' else 'SqrGrid'}",
        f"XSTEP: {source.step[0]:.6f}",
        f"YSTEP: {source.step[1]:.6f}",
        f"NCOLS_ODD: {odd}",
        f"NCOLS_EVEN: {even}",
        f"NROWS: {source.shape[0]}",
        "",
        "OPERATOR: \tgrainlight",
        "",
        f"SAMPLEID: \t{one_line(source.sample)}",
        "",
        "SCANID: \t",
        "",
        "NOTES: Start",
        f"grainlight: sample_frame={framed.sample_frame.value} crystal_frame={CrystalFrame.X_ALONG_A.value}",
        f"grainlight: {run}",
        "NOTES: End",
        # the list that orix looks for; it holds for OIM's order too
        "Column names: phi1, Phi, phi2, x, y, image_quality, confidence_index, phase_id, detector_signal, pattern_fit"
        + "".join(f", {name}" for name in extra),
        "",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _phase_lines(number: int, phase: Phase) -> list[str]:
    name = " ".join(phase.name.split()) or f"phase {number}"
    return [
        f"Phase {number}",
        f"MaterialName  \t{name}",
        f"Formula     \t{name}",
        "Info \t",
        f"Symmetry              {phase.edax_code}",
        "LatticeConstants      " + " ".join(f"{value:.3f}" for value in phase.lattice),
        "NumberFamilies        0",
        "",
    ]
