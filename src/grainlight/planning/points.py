"""A ranked list of points: the next is always the one that lifts most of the doubt that those before have left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Array = NDArray[np.float64]
WIDTH = 0.4
"""Standard deviation of what a point tells, in distances between neighbouring measured points: of 0.25, 0.4, 0.6 and
0.9 the best on tuning sections (`python -m benchmarks.planning --tuning --width W`)."""
_LEAST = 0.7  # pixels of that standard deviation
_CUT = 3.0  # standard deviations after which it is nothing
_TILE = 32


@dataclass(frozen=True, eq=False)
class Ranked:
    """Points in the order of their worth: ``place`` (n, 2) row and column, ``left`` (n + 1,) the doubt of the whole map
    before the first and after each."""

    place: NDArray[np.int64]
    left: Array


def rank_points(doubt: Array, free: NDArray[np.bool_], count: int, spacing: float) -> Ranked:
    """Choose points one after the other.

    Parameters
    ----------
    doubt
        (H, W) probability that a pixel is wrong.
    free
        (H, W) where a point may be placed: nothing was measured there, and there is something to restore.
    count
        How many at most; fewer where no doubt is left.
    spacing
        Pixels between neighbouring measured points.

    Notes
    -----
    A measured point settles its own pixel and, less and less, those around it: doubt is multiplied by 1 - k, where k is
    a Gaussian of the distance. The worth of a point is the doubt that it would lift, its sum with k.
    """
    width = max(WIDTH * spacing, _LEAST)
    kernel = _kernel(width)
    reach = len(kernel) // 2
    left = np.pad(doubt.astype(np.float64), reach)
    open_ = np.pad(free, reach)
    side = kernel[reach]
    worth = np.where(open_, _along(_along(left, side, 0), side, 1), 0.0)
    best = _Best(worth)
    total = float(left.sum())
    place, lefts = [], [total]
    for _ in range(count):
        row, column, gain = best.largest()
        if gain <= 0:
            break
        near = np.s_[row - reach : row + reach + 1, column - reach : column + reach + 1]
        before = left[near].copy()
        left[near] *= 1 - kernel
        open_[row, column] = False
        total -= float((before - left[near]).sum())
        place.append((row - reach, column - reach))
        lefts.append(total)
        best.renew(_renewed(left, open_, worth, kernel, row, column))
    return Ranked(np.array(place, dtype=np.int64).reshape(-1, 2), np.array(lefts))


def _kernel(width: float) -> Array:
    reach = max(int(np.ceil(_CUT * width)), 1)
    side = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.outer(side, side)


def _renewed(
    left: Array, open_: NDArray[np.bool_], worth: Array, kernel: Array, row: int, column: int
) -> tuple[slice, slice]:
    """Compute the worth anew around a point that was chosen, and return where."""
    reach = len(kernel) // 2
    outer = [slice(max(at - 3 * reach, 0), at + 3 * reach + 1) for at in (row, column)]
    inner = [slice(max(at - 2 * reach, 0), at + 2 * reach + 1) for at in (row, column)]
    side = kernel[reach]
    part = _along(_along(left[outer[0], outer[1]], side, 0), side, 1)
    here = tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
    rows, columns = inner
    fresh = part[here]
    target = worth[rows, columns]
    target[...] = np.where(open_[rows, columns], fresh[: target.shape[0], : target.shape[1]], 0.0)
    return rows, columns


def _along(values: Array, side: Array, axis: int) -> Array:
    return np.asarray(correlate1d(values, side, axis, mode="constant"))


class _Best:
    """Where an array is largest, tile by tile, so that a change costs the tiles that it touches."""

    def __init__(self, worth: Array) -> None:
        self.worth = worth
        self.rows, self.columns = (-(-side // _TILE) for side in worth.shape)
        self.most = np.zeros((self.rows, self.columns))
        self.renew((slice(0, worth.shape[0]), slice(0, worth.shape[1])))

    def renew(self, where: tuple[slice, slice]) -> None:
        """Look again at the tiles that a part of the array touches."""
        rows, columns = where
        for i in range(rows.start // _TILE, min(-(-rows.stop // _TILE), self.rows)):
            for j in range(columns.start // _TILE, min(-(-columns.stop // _TILE), self.columns)):
                self.most[i, j] = self._tile(i, j).max()

    def largest(self) -> tuple[int, int, float]:
        """Row, column and value of the largest."""
        i, j = np.unravel_index(self.most.argmax(), self.most.shape)
        tile = self._tile(int(i), int(j))
        row, column = np.unravel_index(tile.argmax(), tile.shape)
        return int(i) * _TILE + int(row), int(j) * _TILE + int(column), float(tile[row, column])

    def _tile(self, i: int, j: int) -> Array:
        return self.worth[i * _TILE : (i + 1) * _TILE, j * _TILE : (j + 1) * _TILE]
