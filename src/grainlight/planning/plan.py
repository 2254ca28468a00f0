"""A plan of what to scan next, in the coordinates of the input, with what it is expected to bring and to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.planning.boxes import Box, rank_boxes
from grainlight.planning.doubt import doubt_of, spacing_of
from grainlight.planning.points import rank_points
from grainlight.restore.result import NOT_RESTORED, Result

_SHOWN = (0.1, 0.25, 0.5, 0.75, 1.0)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to scan next.

    Parameters
    ----------
    x, y
        (n,) um of points in the coordinates of the input, best first.
    boxes
        Boxes in place of points, where these were asked for.
    corners
        (n, 4) um of the corners of the boxes: x0, y0, x1, y1.
    expected
        (k, 2) number of further points, and the predicted share of wrong pixels after them.
    seconds, full_seconds
        What the plan takes, and what a scan of all pixels of the output would; None without a rate.
    step
        um of the output grid.
    """

    x: Array
    y: Array
    boxes: Sequence[Box]
    corners: Array
    expected: Array
    seconds: float | None
    full_seconds: float | None
    step: float

    def save(self, path: str | Path) -> Path:
        """Write points as CSV with the columns x,y, or boxes as x0,y0,x1,y1,step,points, in um, best first.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        The file.
        """
        path = Path(path)
        if self.boxes:
            head = "x0,y0,x1,y1,step,points"
            rows = [
                ",".join(f"{value:.6f}" for value in corner) + f",{box.step * self.step:.6g},{box.points}"
                for corner, box in zip(self.corners, self.boxes, strict=True)
            ]
        else:
            head, rows = "x,y", [f"{x:.6f},{y:.6f}" for x, y in zip(self.x, self.y, strict=True)]
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return path

    @property
    def sentences(self) -> list[str]:
        """What it is expected to bring and to cost, in words."""
        before = self.expected[0, 1]
        found = [f"predicted share of wrong pixels now: {100 * before:.2f} %"]
        found += [f"after {count:.0f} further points: {100 * share:.2f} %" for count, share in self.expected[1:]]
        if self.seconds is not None and self.full_seconds is not None:
            saved = (self.full_seconds - self.seconds) / 3600
            found.append(
                f"time: {_hours(self.seconds)}, against {_hours(self.full_seconds)} for all pixels of the output: "
                f"{saved:.2g} hours saved"
            )
        return found


def plan_points(result: Result, count: int, rate: float | None = None) -> Plan:
    """Plan single points.

    Parameters
    ----------
    result
        A restoration, with its doubt.
    count
        Points, at most.
    rate
        Points a second of the microscope, for the time it takes.

    Raises
    ------
    InputError
        Where there is nothing to plan.
    """
    doubt, free, pixels = _open(result)
    ranked = rank_points(doubt, free, count, spacing_of(result.measured, result.source != NOT_RESTORED))
    x, y = _um(result, ranked.place)
    at = np.unique(np.r_[0, np.round(np.array(_SHOWN) * len(ranked.place)).astype(int)])
    expected = np.stack((at, ranked.left[at] / pixels), -1)
    seconds = None if rate is None else len(ranked.place) / rate
    return Plan(x, y, (), np.zeros((0, 4)), expected, seconds, _full(result, rate), result.map.step[0])


def plan_boxes(result: Result, count: int, rate: float, overhead: float) -> Plan:
    """Plan boxes, each with the step that it is scanned at; as `plan_points`, ``overhead`` in seconds for each box.

    Raises
    ------
    InputError
        Where there is nothing to plan, or no box holds as few points.
    """
    doubt, free, pixels = _open(result)
    spacing = spacing_of(result.measured, result.source != NOT_RESTORED)
    boxes = rank_boxes(doubt, free, count, (1 / rate, overhead), spacing)
    if not boxes:
        raise InputError(
            "no box holds so few points", found=f"{count} points", expected="16 or more", advice="more --points"
        )
    ends = [_um(result, np.array([[one.top, one.left], [one.bottom, one.right]])) for one in boxes]
    corners = np.array([[x[0], y[0], x[1], y[1]] for x, y in ends])
    points = np.r_[0, np.cumsum([one.points for one in boxes])]
    left = (doubt.sum() - np.r_[0.0, np.cumsum([one.doubt for one in boxes])]) / pixels
    at = np.unique(np.r_[0, np.round(np.array(_SHOWN) * len(boxes)).astype(int)])
    seconds = points[-1] / rate + overhead * len(boxes)
    return Plan(
        corners[:, 0],
        corners[:, 1],
        boxes,
        corners,
        np.stack((points, left), -1)[at],
        float(seconds),
        _full(result, rate),
        result.map.step[0],
    )


def _open(result: Result) -> tuple[Array, NDArray[np.bool_], int]:
    """Return doubt (H, W), where points may be placed (H, W), and how many pixels were restored."""
    restored = result.source != NOT_RESTORED
    free = restored & ~result.measured
    if not free.any():
        raise InputError(
            "every pixel of the map is measured",
            found=f"a map at scale {result.record.get('settings', {}).get('scale', 1)}",
            expected="one with pixels between the points",
            advice="enhance with a larger --scale",
        )
    return np.where(free, doubt_of(result), 0.0), free, int(restored.sum())


def _um(result: Result, place: NDArray[np.int64]) -> tuple[Array, Array]:
    row, column = place.T
    step = result.map.step
    return result.map.origin[0] + column * step[0], result.map.origin[1] + row * step[1]


def _full(result: Result, rate: float | None) -> float | None:
    return None if rate is None else float((result.source != NOT_RESTORED).sum()) / rate


def _hours(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.1f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
