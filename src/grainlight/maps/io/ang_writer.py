"""Write .ang files as EDAX OIM does: square and hexagonal grids, radians, X along a, an EDAX sample frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.atomic import atomic_path
from grainlight.maps.io.edax import DEFAULT_FRAME
from grainlight.maps.io.extra import extra_columns
from grainlight.maps.io.numbering import numbered_phases
from grainlight.maps.io.own_note import summary
from grainlight.maps.io.text_rows import bounds, write_rows
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

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
    keep = _written(ebsd)
    corner = _corner(ebsd, keep)
    decimals = [5] * 5 + [1, 3, 0, 1, 3] + [5] * len(more)
    strip = max(1, _AT_ONCE // ebsd.shape[1])
    strips = [slice(start, start + strip) for start in range(0, ebsd.shape[0], strip)]
    angle = (0.0, 6.0 if ebsd.indexed[keep].all() else _NO_ANGLE)
    others = [[bounds(column) for column in _columns(ebsd, keep, corner, more, rows)] for rows in strips]
    limits = [angle] * 3 + [
        (min(low for low, _ in sides), max(high for _, high in sides)) for sides in zip(*others, strict=True)
    ]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(_header(in_edax_frame(ebsd.cropped(0, 0)), ebsd, keep, list(more), summary(record)).encode())
        try:
            for rows in strips:
                # of a large map no second copy is held
                columns = [*_angles(ebsd, keep, rows).T, *_columns(ebsd, keep, corner, more, rows)]
                write_rows(stream, columns, decimals, limits=limits)
        except ValueError as error:
            raise InputError("a column cannot be written", file=path, found=str(error)) from error


def _angles(ebsd: OrientationMap, keep: NDArray[np.bool_], rows: slice) -> NDArray[np.float64]:
    """Return the Euler angles (n, 3) of the lines of some rows."""
    part = in_edax_frame(ebsd.rows(rows)).in_crystal_frame(CrystalFrame.X_ALONG_A)
    euler = bunge_from_quaternion(part.quaternions[keep[rows]])
    euler[~part.indexed[keep[rows]]] = _NO_ANGLE
    return euler


def _columns(
    ebsd: OrientationMap,
    keep: NDArray[np.bool_],
    corner: tuple[float, float],
    more: Mapping[str, NDArray[Any]],
    rows: slice,
) -> list[NDArray[Any]]:
    """Return the columns (n,) after the angles of the lines of some rows."""
    part, here = ebsd.rows(rows), keep[rows]
    indexed = part.indexed[here]
    columns: list[NDArray[Any]] = [part.x[here] + corner[0], part.y[here] + corner[1]]
    columns += [_field(part, name, here, indexed) for name in ("iq", "ci")]
    columns.append(numbered_phases(part)[here])
    columns += [_field(part, name, here, indexed) for name in ("sem", "fit")]
    return columns + [values[rows][here] for values in more.values()]


def in_edax_frame(ebsd: OrientationMap) -> OrientationMap:
    """Return a map in the EDAX setting that it is in, or else in setting 2."""
    return ebsd if ebsd.sample_frame in _EDAX else ebsd.in_frame(DEFAULT_FRAME)


def _written(source: OrientationMap) -> NDArray[np.bool_]:
    """Return (rows, cols) which cells get a line."""
    keep = np.ones(source.shape, dtype=bool)
    if source.grid == "hexagonal":
        for parity in (0, 1):
            if source.shape[1] > 1 and not source.present[parity::2, -1].any():
                keep[parity::2, -1] = False
    return keep


def _corner(source: OrientationMap, keep: NDArray[np.bool_]) -> tuple[float, float]:
    """Return where the point [0, 0] stands in the file [um]."""
    # OIM takes no positions left of or above zero
    least = (float(values[keep].min()) if not keep.all() else float(values.min()) for values in (source.x, source.y))
    x, y = (start - min(0.0, low + start) for low, start in zip(least, source.origin, strict=True))
    return x, y


def _field(
    source: OrientationMap, name: str, keep: NDArray[np.bool_], indexed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    if name in source.fields:
        values = np.asarray(source.fields[name][keep], dtype=np.float64)
        if name != "ci":
            return np.where(source.present[keep], values, _NOT_INDEXED[name])
    else:
        values = np.full(indexed.shape, 1.0 if name == "ci" else 0.0)
    return np.where(indexed, values, _NOT_INDEXED[name])


def _header(framed: OrientationMap, source: OrientationMap, keep: NDArray[np.bool_], extra: list[str], run: str) -> str:
    odd = int(keep[0].sum())
    even = int(keep[1].sum()) if source.shape[0] > 1 else odd
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
        "SAMPLEID: \t",
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
