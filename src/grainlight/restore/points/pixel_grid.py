"""Nearest points of a regular grid with gaps: where they lie is known in advance, only gaps are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
# Places asked, nearest first, in multiples of the points wanted: one in three may be missing.
_SPARE = 3
# Pixels looked up at once, and the share of a grid's places that must hold a point.
_AT_ONCE, _FILLED = 1 << 13, 0.5


@dataclass(frozen=True)
class PixelGrid:
    """Rows and columns ``start``, ``start + step``, ... of a map, pairs of row and column, ``shape`` of the grid."""

    start: tuple[int, int]
    step: tuple[int, int]
    shape: tuple[int, int]


def find_pixel_grid(points: Indices) -> PixelGrid | None:
    """The coarsest grid that points (M, 2) lie on; None where they fill less than half of it."""
    axes = [np.unique(points[:, axis]) for axis in (0, 1)]
    if min(map(len, axes)) < 2:
        return None
    step = [int(np.gcd.reduce(np.diff(axis))) for axis in axes]
    shape = [int(axis[-1] - axis[0]) // by + 1 for axis, by in zip(axes, step, strict=True)]
    if len(points) < _FILLED * shape[0] * shape[1]:
        return None
    return PixelGrid((int(axes[0][0]), int(axes[1][0])), (step[0], step[1]), (shape[0], shape[1]))


def nearest_on_pixel_grid(
    grid: PixelGrid, points: Indices, shape: tuple[int, int], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float16], NDArray[np.bool_]]:
    """The k nearest points of every pixel of a map.

    Parameters
    ----------
    points
        Row and column (M, 2) of the points, all on ``grid``.
    shape
        Rows and columns H, W of the map.

    Returns
    -------
    Index into ``points`` (H W, k) and distance in pixels, nearest first, and whether they were found (H W): near edges
    and in holes they may lie farther away than was looked.
    """
    rows, columns = shape
    index = np.zeros((rows * columns, k), np.int32)
    distance = np.zeros((rows * columns, k), np.float16)
    found = np.zeros(rows * columns, bool)
    (down, across), most = grid.step, _SPARE * k
    # All that can be among the nearest: a circle with that many places, and what its edge cuts.
    radius = np.sqrt(most * down * across / np.pi) + down + across
    reach = int(radius // down) + 1, int(radius // across) + 1
    # With a rim, for pixels that are outside the grid.
    before = [start // step + 1 + more for start, step, more in zip(grid.start, grid.step, reach, strict=True)]
    size = [side // step + 3 + 2 * more + 1 for side, step, more in zip(shape, grid.step, reach, strict=True)]
    table = np.full(size, -1, np.int32)
    place = (points - grid.start) // grid.step + before
    table[place[:, 0], place[:, 1]] = np.arange(len(points))
    table_flat, width = table.ravel(), size[1]
    offset = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 2)
    for phase in np.ndindex(down, across):
        squared = ((offset * grid.step - phase) ** 2).sum(1)
        # Of points equally far, those that are cut off must not all lie on one side.
        order = np.lexsort((offset @ (5, 3) % 7, squared))[:most]
        away, ask = np.sqrt(squared[order]).astype(np.float16), offset[order] @ (width, 1)
        r, c = (
            np.arange((start + shift) % step, side, step)
            for start, shift, step, side in zip(grid.start, phase, grid.step, shape, strict=True)
        )
        at = [
            (axis - start - shift) // step + first
            for axis, start, shift, step, first in zip((r, c), grid.start, phase, grid.step, before, strict=True)
        ]
        pixels, bases = (r[:, None] * columns + c).ravel(), (at[0][:, None] * width + at[1]).ravel()
        for first in range(0, len(pixels), _AT_ONCE):
            pixel, base = pixels[first : first + _AT_ONCE], bases[first : first + _AT_ONCE]
            seen = table_flat[base[:, None] + ask[:k]]
            whole = (seen >= 0).all(1)
            if whole.all():
                index[pixel], distance[pixel], found[pixel] = seen, away[:k], True
                continue
            index[pixel[whole]], distance[pixel[whole]], found[pixel[whole]] = seen[whole], away[:k], True
            pixel, base = pixel[~whole], base[~whole]
            seen = table_flat[base[:, None] + ask]
            there = seen >= 0
            number = there.cumsum(1, dtype=np.int16)
            enough = number[:, -1] >= k
            # k of each row, in their order.
            chosen = there & (number <= k) & enough[:, None]
            pixel = pixel[enough]
            index[pixel] = seen[chosen].reshape(-1, k)
            distance[pixel] = np.broadcast_to(away, chosen.shape)[chosen].reshape(-1, k)
            found[pixel] = True
    return index, distance, found
