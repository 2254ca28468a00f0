"""The fixed side of a registration, the EBSD map: powers of the c-axes at the scan points and on a grid."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from grainlight.maps.orientation_map import OrientationMap
from grainlight.optics.calibration.robust import grain_count
from grainlight.optics.forward.axis_powers import BENT, H2_IMAG, H2_REAL, H4_IMAG, H4_REAL, S2, S, axis_powers, basis
from grainlight.register.blocks import block_side, blocks, enlarged

Array = NDArray[np.float64]
A0, A2, A4 = (S, S2), (H2_REAL, H2_IMAG), (H4_REAL, H4_IMAG)
"""Which of `features` the harmonics 0, 2 and 4 follow."""
_BROAD = 1 / 5  # standard deviation of the high pass, in shares of the map's shorter side
_MOST_POINTS = 24_000  # that speak; the grid has them all
# A Gaussian wider than this many points is taken on a grid that it is this wide on.
_WIDEST = 16
_AT_ONCE = 1 << 16  # points whose features are computed at once


@dataclass(frozen=True, eq=False)
class FixedMap:
    """Features of the map's points that any optics only combine linearly.

    Parameters
    ----------
    points
        (P, 2) um, (x, y) from the first EBSD point, of the points that count, thinned where there are many.
    values
        (P, K) features of them.
    grid
        (K, h, w) the same on a square grid of ``step`` um that begins at ``corner``, gaps filled by the nearest.
    known
        (h, w) whether a point that counts is nearest.
    step, corner, extent
        um; (x, y); (x0, y0, x1, y1) of all points.
    broad
        um: structure wider than this is light, texture or tilt of the section, not grains; it is taken off.
    grains
        About how many the points belong to.
    """

    points: Array
    values: Array
    grid: NDArray[np.float32]
    known: NDArray[np.bool_]
    step: float
    corner: tuple[float, float]
    extent: tuple[float, float, float, float]
    broad: float
    grains: float = math.inf

    def at_points(self, blur: float) -> Array:
        """Return the features (P, K) without their broad part, blurred by a Gaussian of ``blur`` um."""
        if blur <= 0:
            return self.values - self._broad_at_points
        sigma = blur / self.step
        smooth = (gaussian_filter(image, sigma, mode="nearest") for image in self.grid)
        return _sample(smooth, self._places) - self._broad_at_points

    def on_grid(self, blur: float) -> tuple[NDArray[np.float32], int]:
        """Return the features without their broad part, blurred by a Gaussian of ``blur`` um, and what is known.

        Returns
        -------
        (K + 1, h, w) on blocks of points where the Gaussian is wide, and how many points a side a block has.
        """
        sigma = blur / self.step
        factor = block_side(sigma)
        shrink, small = self._broad
        known = _binned(self.known.astype(np.float32), factor)
        found = np.empty((len(self.grid) + 1, *known.shape), np.float32)
        for image, broad, out in zip(self.grid, small, found[:-1], strict=True):
            gaussian_filter(_binned(image, factor), sigma / factor, output=out, mode="nearest")
            out -= enlarged(broad, shrink / factor, known.shape)
        found[-1] = known
        return found, factor

    @cached_property
    def _places(self) -> Array:
        """(2, P) rows and columns of the points on the grid."""
        return ((self.points - np.array(self.corner)) / self.step).T[::-1]

    @cached_property
    def _broad_at_points(self) -> Array:
        """(P, K)."""
        shrink, small = self._broad
        return _sample(small, (self._places + 0.5) / shrink - 0.5)

    @cached_property
    def _broad(self) -> tuple[int, NDArray[np.float32]]:
        """The broad part of the features on a grid of blocks of so many points a side, and that number."""
        sigma = self.broad / self.step
        shrink = max(1, int(sigma / _WIDEST))
        if shrink == 1:
            return 1, np.stack([gaussian_filter(image, sigma, mode="nearest") for image in self.grid])
        small = (_binned(image, shrink) for image in self.grid)
        return shrink, np.stack([gaussian_filter(image, sigma / shrink, mode="nearest") for image in small])


def features(c_axes: Array) -> Array:
    """Return the terms of the light (P, K) of axes (P, 3) whose inclination is not bent.

    Whatever the angle, the optics and the anisotropy (while it is weak), intensity is a linear combination of these.
    """
    return basis(axis_powers(torch.from_numpy(c_axes)), range(BENT)).T.numpy()


def fixed_map(ebsd: OrientationMap) -> FixedMap:
    """Return the features of a map, whatever its grid and frame; only 6/mmm points count."""
    present = ebsd.present
    x0, y0 = float(ebsd.x[present].min()), float(ebsd.y[present].min())
    x1, y1 = float(ebsd.x[present].max()), float(ebsd.y[present].max())
    step = min(s for s, n in zip(ebsd.step, ebsd.shape[::-1], strict=True) if n > 1) if max(ebsd.shape) > 1 else 1.0
    rows, columns = round((y1 - y0) / step) + 1, round((x1 - x0) / step) + 1
    use = ebsd.is_6mmm
    # a few rows at once and in single precision: of a large map this is most of what is held
    strip = max(1, _AT_ONCE // ebsd.shape[1])
    parts = [slice(start, start + strip) for start in range(0, ebsd.shape[0], strip)]
    axes = [ebsd.rows(rows).c_axes()[use[rows]] for rows in parts]
    grains = sum(grain_count(torch.from_numpy(part)) for part in axes if len(part) > 1)
    values = np.concatenate([features(part).astype(np.float32) for part in axes])
    points = np.stack((ebsd.x[use], ebsd.y[use]), -1)
    grid, known = _on_grid(points, values, (rows, columns), (x0, y0), step, 0.75 * max(ebsd.step))
    broad = max(_BROAD * min(rows, columns), 4.0) * step
    points, values = thinned(points, values)
    return FixedMap(points, values.astype(np.float64), grid, known, step, (x0, y0), (x0, y0, x1, y1), broad, grains)


def thinned(points: Array, values: NDArray[Any]) -> tuple[Array, NDArray[Any]]:
    """Return points (P, 2) and their features (P, K), of very many a part that is enough to tell a place."""
    if len(points) <= _MOST_POINTS:
        return points, values
    keep = np.random.default_rng(0).random(len(points)) < _MOST_POINTS / len(points)
    return points[keep], values[keep]


def _on_grid(
    points: Array,
    values: NDArray[np.float32],
    shape: tuple[int, int],
    corner: tuple[float, float],
    step: float,
    reach: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the values (K, h, w) of the nearest points on a grid, and where one is within reach [um]."""
    place = (points - np.array(corner)) / step
    index = np.rint(place).astype(np.int64)
    nearest = np.full(shape, -1)
    # a point at a place of the grid is the nearest there; only the other places are searched
    exact = (np.abs(place - index) < 1e-3).all(1)
    nearest[index[exact, 1], index[exact, 0]] = np.flatnonzero(exact)
    known = nearest >= 0
    gaps = np.argwhere(~known)
    if len(gaps):
        distance, found = cKDTree(points).query(gaps[:, ::-1] * step + np.array(corner))
        nearest[~known] = found
        known[~known] = distance <= reach
    grid = np.empty((values.shape[1], *shape), np.float32)
    for column, image in zip(values.T, grid, strict=True):
        np.take(np.ascontiguousarray(column), nearest, out=image)
    return grid, known


def _binned(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the means of blocks of points, the edge repeated."""
    if factor == 1:
        return image
    return blocks(np.pad(image, [(0, -n % factor) for n in image.shape], mode="edge"), factor)


def _sample(images: Iterable[NDArray[np.float32]], where: Array) -> Array:
    return np.stack([map_coordinates(image, where, order=1, mode="nearest") for image in images], -1).astype(float)
