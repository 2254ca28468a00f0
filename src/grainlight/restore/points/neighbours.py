"""The measured points nearest to every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.restore.points.pixel_grid import find_pixel_grid, nearest_on_pixel_grid

NEIGHBOURS = 16
"""Measured points asked per pixel."""
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Neighbours:
    """Nearest measured points of every pixel.

    ``index`` into ``points`` and ``distance`` in pixels, (H W, k) each; ``points`` (M, 2) row and column.
    """

    index: Tensor
    distance: Tensor
    points: Tensor

    def flat(self, columns: int) -> Tensor:
        """Flat index (M,) of the points in a map of so many columns."""
        return self.points[:, 0] * columns + self.points[:, 1]


def find_neighbours(mask: Tensor, k: int = NEIGHBOURS) -> Neighbours:
    """The k nearest measured pixels of each pixel of a mask (H, W); fewer where there are fewer."""
    rows, columns = mask.shape
    points = mask.nonzero()
    k = min(k, len(points))
    grid = find_pixel_grid(points.numpy())
    if grid is None:
        index, distance = np.empty((rows * columns, k), np.int32), np.empty((rows * columns, k), np.float16)
        rest = np.arange(rows * columns)
    else:
        index, distance, found = nearest_on_pixel_grid(grid, points.numpy(), (rows, columns), k)
        rest = np.flatnonzero(~found)
    tree = cKDTree(points.numpy().astype(np.float64))
    for start in range(0, len(rest), _CHUNK):
        flat = rest[start : start + _CHUNK]
        d, i = tree.query(np.stack(np.divmod(flat, columns), -1), k=k, workers=-1)
        index[flat], distance[flat] = i.reshape(len(flat), k), d.reshape(len(flat), k)
    return Neighbours(torch.from_numpy(index), torch.from_numpy(distance), points)
