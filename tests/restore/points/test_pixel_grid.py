"""Neighbours on a regular grid are those that a tree finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.points.pixel_grid import PixelGrid, find_pixel_grid, nearest_on_pixel_grid


def grid(rows: slice, columns: slice, missing: float = 0.0) -> torch.Tensor:
    """Mask (70, 83) of a grid of points of which a share is missing, with a hole."""
    mask = torch.zeros(70, 83, dtype=torch.bool)
    mask[rows, columns] = True
    mask &= torch.from_numpy(np.random.default_rng(0).random(mask.shape) >= missing)
    mask[40:56, 20:41] = False
    return mask


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.3])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(0, 70), slice(0, 83)),
        (slice(0, None, 2), slice(0, None, 2)),
        (slice(5, 60, 4), slice(3, None, 4)),
        (slice(1, None, 2), slice(2, None, 5)),
    ],
)
def test_distances_are_those_of_a_tree(rows: slice, columns: slice, missing: float) -> None:
    mask = grid(rows, columns, missing)
    points = mask.nonzero().numpy()
    assert find_pixel_grid(points) is not None
    near = find_neighbours(mask)
    pixels = np.stack(np.divmod(np.arange(mask.numel()), mask.shape[1]), -1)
    expected, _ = cKDTree(points).query(pixels, k=16)
    assert np.array_equal(near.distance.numpy(), expected.astype(np.float16))
    stated = np.linalg.norm(points[near.index.numpy()] - pixels[:, None], axis=-1)
    assert np.array_equal(stated.astype(np.float16), near.distance.numpy())
    assert all(len(set(row)) == 16 for row in near.index[::97].tolist())


def test_most_pixels_of_a_grid_with_gaps_need_no_tree() -> None:
    mask = grid(slice(0, None, 2), slice(0, None, 2), 0.1)
    points = mask.nonzero().numpy()
    found = find_pixel_grid(points)
    assert found == PixelGrid((0, 0), (2, 2), (35, 42))
    near = nearest_on_pixel_grid(found, points, (70, 83), 16)[2].reshape(mask.shape)
    assert near[12:34, 12:70].all()
    assert not near[48, 30]


def test_scattered_points_are_no_pixel_grid() -> None:
    points = np.argwhere(np.random.default_rng(1).random((60, 60)) < 0.2)
    assert find_pixel_grid(points) is None
    assert find_pixel_grid(points[:1]) is None
