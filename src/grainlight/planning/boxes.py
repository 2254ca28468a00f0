"""Rectangles that a stage is sent to, each scanned at a step of its own: those that lift most doubt for their time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIDES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Sides in pixels that a box may have."""
STEPS = (1, 2, 3, 4, 6)
"""Pixels between its points."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the output grid: rows from ``top`` to ``bottom`` and columns from ``left`` to ``right`` (the last
    one in it), every ``step``-th of both measured: ``points`` of them, which lift so much ``doubt`` (in pixels)."""

    top: int
    left: int
    bottom: int
    right: int
    step: int
    points: int
    doubt: float


def rank_boxes(
    doubt: Array, free: NDArray[np.bool_], points: int, seconds: tuple[float, float], spacing: float
) -> list[Box]:
    """Choose boxes, the one that lifts most doubt a second first, until they hold so many points.

    Parameters
    ----------
    doubt
        (H, W) probability that a pixel is wrong.
    free
        (H, W) where something is to be restored and nothing was measured.
    points
        To be measured in all boxes, at most.
    seconds
        Of the microscope: for each point, and for each box.
    spacing
        Pixels between neighbouring measured points.

    Notes
    -----
    Doubt falls in proportion to the distance between points: a box whose points are m pixels apart, where they were s
    apart, lifts a share 1 - m / s of it.
    """
    left = np.where(free, doubt, 0.0).astype(np.float64)
    apart = np.full(doubt.shape, float(spacing))
    found: list[Box] = []
    budget = points
    while budget > 0:
        best = max(_best_of_each(left, apart, budget, seconds), default=None, key=lambda one: one[0])
        if best is None or best[0] <= 0:
            break
        box = best[1]
        inside = np.s_[box.top : box.bottom + 1, box.left : box.right + 1]
        left[inside] *= np.minimum(box.step / apart[inside], 1.0)
        apart[inside] = np.minimum(apart[inside], box.step)
        budget -= box.points
        found.append(box)
    return found


def _best_of_each(left: Array, apart: Array, budget: int, seconds: tuple[float, float]) -> Iterator[tuple[float, Box]]:
    """Yield for each step and side the box that lifts most doubt a second, and how much that is."""
    for step in STEPS:
        table = _sums(left * np.maximum(1 - step / apart, 0.0))
        for side in SIDES:
            tall, wide = (min(side, extent) for extent in left.shape)
            count = -(-tall // step) * -(-wide // step)
            if side > max(left.shape) or side < 2 * step or count > budget:
                continue
            stride = max(side // 4, 1)
            rows, columns = (np.arange(0, n - m + 1, stride) for n, m in zip(left.shape, (tall, wide), strict=True))
            lifted = _in_boxes(table, rows, columns, (tall, wide))
            i, j = np.unravel_index(lifted.argmax(), lifted.shape)
            top, first, most = int(rows[i]), int(columns[j]), float(lifted[i, j])
            box = Box(top, first, top + tall - 1, first + wide - 1, step, count, most)
            yield most / (seconds[0] * count + seconds[1]), box


def _sums(values: Array) -> Array:
    """Sums over rows and columns (H + 1, W + 1) from the first corner on."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values.cumsum(0).cumsum(1)
    return table


def _in_boxes(table: Array, rows: NDArray[np.int64], columns: NDArray[np.int64], sides: tuple[int, int]) -> Array:
    """Sums in rectangles of these sides that begin at so many rows and columns."""
    down, across = rows + sides[0], columns + sides[1]
    upper = table[np.ix_(down, across)] - table[np.ix_(rows, across)]
    return np.asarray(upper - table[np.ix_(down, columns)] + table[np.ix_(rows, columns)])
