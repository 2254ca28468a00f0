"""Measured points whose orientation a pixel may take: the nearest ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

_COUNT = 24

Pixels = NDArray[np.intp]


class Candidates:
    """The measured points of a map; ``spacing`` in pixels of as many points on a regular grid."""

    def __init__(self, measured: NDArray[np.bool_]) -> None:
        """Take the points of a mask (H, W) with some."""
        self.points = np.argwhere(measured)
        self.spacing = np.sqrt(measured.size / len(self.points))
        self._tree = cKDTree(self.points)

    def near(self, pixels: Pixels) -> tuple[NDArray[np.float64], Pixels]:
        """Distance in pixels and index (n, k) of the nearest 24 points, nearest first, of pixels (n, 2)."""
        return self._tree.query(pixels, k=np.arange(1, min(_COUNT, len(self.points)) + 1))

    def cheapest(self, index: Pixels, cost: NDArray[np.float64]) -> Pixels:
        """Row and column (n, 2) of the point of least cost (n, k) among those of an index (n, k)."""
        return self.points[np.take_along_axis(index, cost.argmin(axis=1)[:, None], axis=1)[:, 0]]
