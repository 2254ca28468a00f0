"""What is known of single pixels of a result: of one, and of all of them in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion, matrix_from_quaternion
from grainlight.crystal.frames import SampleFrame
from grainlight.report.scales import SOURCES
from grainlight.report.viewer.layers import FLAGS
from grainlight.report.viewer.pack import packed
from grainlight.restore.result import Result

MISSING = 65535
"""A value that is not known."""
_TENTH = 400  # rows from which a part of them is tried first
DEGREES, CHANCES, DEVIATIONS = (0.01, 0.1, 1.0), (0.001, 0.01, 0.05), (0.1, 0.1, 0.5)
"""Steps of what is told of a pixel: angles in degrees, probabilities, the residual in standard deviations; the finest
where there is room."""


def axes_of(frame: SampleFrame) -> dict[str, list[float]]:
    """Return where X, Y and Z of a sample frame point: to the right, up, and out of the surface."""
    turned = matrix_from_quaternion(frame.to_s)
    return {name: [round(float(v), 6) + 0.0 for v in turned[:, k]] for k, name in enumerate("XYZ")}


def pixel_record(result: Result, row: int, column: int) -> dict[str, Any]:
    """Return what is known of a pixel, the nearest one of the map: orientation, c-axis, bound, source, correction,
    light."""
    rows, columns = result.map.shape
    row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
    at = row, column
    axis = result.map.part(slice(row, row + 1), slice(column, column + 1)).c_axes()[0, 0]
    axis = axis if axis[2] >= 0 else -axis
    flags = 0 if result.light_flags is None else int(result.light_flags[at])
    return {
        "row": row,
        "column": column,
        "x": result.map.origin[0] + column * result.map.step[0],
        "y": result.map.origin[1] + row * result.map.step[1],
        "phase": phase_names(result).get(int(result.map.phase_id[at]), "not indexed"),
        "euler": [round(float(v), 2) for v in np.degrees(bunge_from_quaternion(result.map.quaternions[at]))],
        "frames": frames_of(result),
        "inclination": round(float(np.degrees(np.arccos(np.clip(axis[2], -1, 1)))), 2),
        "azimuth": round(float(np.degrees(np.arctan2(axis[1], axis[0])) % 360), 2),
        "bound": _known(result.uncertainty[at], 2),
        "other_grain": _known(result.other_grain[at], 3) if result.other_grain.shape == result.source.shape else None,
        "boundary": _known(result.boundary[at], 3),
        "source": SOURCES[int(result.source[at])].name,
        "correction": _known(result.correction[at], 2),
        "residual": None if result.contradiction is None else _known(result.contradiction[at], 1),
        "flags": [name for bits, _, name in FLAGS if flags & bits],
    }


def phase_names(result: Result) -> dict[int, str]:
    """Return the phases by their numbers."""
    return {one.id: str(one) for one in result.map.phases}


def frames_of(result: Result) -> str:
    """Return what the angles refer to."""
    return f"sample {result.map.sample_frame.value}, crystal X along {result.map.crystal_frame.value}"


@dataclass(frozen=True)
class Values:
    """What is known of all pixels that are shown, as a page holds it: ``arrays`` packed (`pack.packed`), by name, each
    with the ``units`` of its numbers; ``every`` n-th pixel of the image, ``size`` in bytes of text."""

    arrays: dict[str, str]
    units: dict[str, float]
    every: int
    size: int

    def as_record(self) -> dict[str, Any]:
        """Return plain values for the page."""
        return {"arrays": self.arrays, "units": self.units, "every": self.every}


def values_of(result: Result, n: int, budget: int) -> Values:
    """Return the values of every n-th pixel, in at most so many bytes: in coarser steps, then of fewer pixels."""
    plans = ((0, 1), (1, 1), (2, 1), (2, 2), (2, 3), (2, 4), (2, 6), (2, 10))
    rows = result.map.shape[0]
    found = None
    for level, every in plans:
        # a tenth of the rows tells whether the whole may fit, in a tenth of the time
        part = slice(0, rows) if rows < _TENTH else slice(rows // 2, rows // 2 + rows // 10)
        if part != slice(0, rows):
            expected = _values(result, n, every, level, part).size * rows / (part.stop - part.start)
            if expected > 1.2 * budget and (level, every) != plans[-1]:
                continue
        found = _values(result, n, every, level, slice(0, rows))
        if found.size <= budget:
            break
    assert found is not None  # the last plan is always tried
    return found


def _values(result: Result, n: int, every: int, level: int, rows: slice) -> Values:
    thin = n * every
    at = slice(rows.start, rows.stop, thin), slice(None, None, thin)
    angle, chance, deviation = DEGREES[level], CHANCES[level], DEVIATIONS[level]
    euler = np.degrees(bunge_from_quaternion(result.map.quaternions[at]))
    known: dict[str, tuple[NDArray[Any], float]] = {
        **{f"euler{k}": (euler[..., k], angle) for k in range(3)},
        "bound": (result.uncertainty[at], angle),
        "boundary": (result.boundary[at], chance),
        "correction": (result.correction[at], angle),
        "source": (result.source[at], 1.0),
        "phase": (result.map.phase_id[at], 1.0),
    }
    if result.other_grain.shape == result.source.shape:
        known["other_grain"] = result.other_grain[at], chance
    if result.contradiction is not None:
        known["residual"] = result.contradiction[at], deviation
    if result.light_flags is not None:
        known["flags"] = result.light_flags[at], 1.0
    arrays = {name: packed(_whole(values, unit)) for name, (values, unit) in known.items()}
    units = {name: unit for name, (_, unit) in known.items()}
    return Values(arrays, units, every, sum(map(len, arrays.values())))


def _whole(values: NDArray[Any], unit: float) -> NDArray[np.uint16]:
    known = np.isfinite(values) & (values >= 0)
    steps = np.round(np.where(known, values, 0).astype(np.float64) / unit)
    return np.where(known, np.minimum(steps, MISSING - 1), MISSING).astype(np.uint16)


def _known(value: Any, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
