"""Fine registration: the displacement under which the light follows the map's points best, by robust Gauss-Newton.

The channels of a group at the moved points are a linear function of the points' features, whatever the optics; the
function, the noise of every channel and the displacement are found in turn. Every channel speaks at once, which no
metric of a single image does; points near boundaries decide, and wrong ones lose their weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.register.basis import Basis, Freedom, coefficients_of, make_basis, moved, positions
from grainlight.register.scene import Scene
from grainlight.register.transform import Transform
from grainlight.register.view import View

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_ROUNDS = 6
TAIL = 10.0  # mean square residual per channel at which a point's weight has halved
FEWEST = 40
"""Points that must lie on the images for anything to be said."""
_CONVERGED = 0.01  # pixels
_SHARPEST = 0.2  # blur of the light at the last level, in EBSD steps
LEVELS = (2.0, 1.0, 0.5, 0.0)
"""Blur of both sides, in EBSD steps; at the last the map's points are as measured."""


@dataclass(frozen=True, eq=False)
class Level:
    """Both sides at one blur: features (P, K); light (H, W, C) and its slopes down and across (H, W, 2 C)."""

    features: Array
    light: NDArray[np.float32]
    slopes: NDArray[np.float32]


class Pair:
    """A scene and a view of it, with their blurred versions made once.

    Parameters
    ----------
    scene, view
        The two sides.
    pixel
        um per recorded pixel, as stated.
    unit
        EBSD step [um] in which blurs and priors are counted; the scene's own unless told.
    """

    def __init__(self, scene: Scene, view: View, pixel: float, unit: float | None = None) -> None:
        self.scene, self.view, self.pixel = scene, view, pixel
        self.unit = scene.step if unit is None else unit
        self._levels: dict[float, Level] = {}

    def level(self, blur: float) -> Level:
        """Return both sides blurred by ``blur`` EBSD steps."""
        if blur not in self._levels:
            here = self.pixel * self.view.binning
            light = self.view.smoothed(max(max(blur, _SHARPEST) * self.unit / here, 0.5))
            # The channels of a pixel lie together: they are read together, at the pixels around each point.
            sides = (light, np.concatenate(np.gradient(light, axis=(1, 2))))
            light, both = (np.ascontiguousarray(side.transpose(1, 2, 0)) for side in sides)
            self._levels[blur] = Level(self.scene.at_points(blur * self.unit), light, both)
        return self._levels[blur]


@dataclass(frozen=True, eq=False)
class Follow:
    """How the light at points follows their features.

    ``residual`` (P, C) over the channels' noise, ``weight`` (P,), 0 off the images; ``explained`` (C,) share of the
    variance; ``slope`` the (1 + K, C) linear functions; ``noise`` (C,).
    """

    residual: Array
    weight: Array
    explained: Array
    slope: Array
    noise: Array

    @property
    def gain(self) -> float:
        """Log-likelihood per point that the map adds to what is known of the light."""
        return float(-0.5 * np.log(np.clip(1 - self.explained, 1e-3, 1.0)).sum())


def fit(
    pair: Pair,
    start: Transform,
    freedom: Freedom,
    use: Mask,
    *,
    levels: tuple[float, ...] = LEVELS,
    stiff: float = 1.0,
    rounds: int = _ROUNDS,
) -> Transform:
    """Return the registration of a freedom nearest to a start.

    Parameters
    ----------
    use
        (P,) points of the scene that count.
    stiff
        Resistance against drift and bend; 1 is usual. It is raised by itself until nothing folds.
    """
    points = pair.scene.points[use]
    for _ in range(6):
        found = start
        basis = make_basis(points, start, freedom, pair.unit, stiff)
        for blur in levels:
            level = pair.level(blur)
            reach = max(blur * pair.unit / pair.pixel, 0.5 * pair.view.binning, 0.5)
            found = _descend(level, level.features[use], points, pair.view, found, basis, reach, rounds)
        if freedom != "deformable" or not found.folds:
            return found
        stiff *= 3.0
    return fit(pair, start, "affine", use, levels=levels, rounds=rounds)


def follow(pair: Pair, blur: float, placed: Transform, use: Mask, slope: Array | None = None) -> Follow:
    """Return how the light follows the points ``use`` (P,) at a blur, by linear functions of its own or given ones."""
    level = pair.level(blur)
    at = pair.view.here(placed(pair.scene.points[use]))
    return _follow(level, level.features[use], at, pair.view, slope)


def _follow(level: Level, features: Array, at: Array, view: View, slope: Array | None = None) -> Follow:
    """Return how the light at positions (P, 2) of a view follows features (P, K)."""
    values, inside = sample(level.light, view.seen, at)
    weight = inside.astype(float)
    count = values.shape[1]
    residual, noise = np.zeros_like(values), np.ones(count)
    functions = np.zeros((1 + features.shape[1], count)) if slope is None else slope
    if inside.sum() < FEWEST:
        return Follow(residual, np.zeros(len(at)), np.zeros(count), functions, noise)
    everything = np.concatenate((np.ones((1, len(at))), features.T)) * inside
    # points off the images have no weight; their values are not to be seen
    values = np.where(inside[:, None], values, 0.0)
    chosen = [(list(channels), [0, *(1 + k for k in which)]) for channels, which in view.groups]
    sides = [(channels, rows, everything[rows]) for channels, rows in chosen]
    for _ in range(3 if slope is None else 1):
        for channels, rows, columns in sides:
            if slope is None:
                weighted = columns * weight
                normal = weighted @ columns.T
                normal += 1e-6 * np.trace(normal) / len(normal) * np.eye(len(normal))
                functions[np.ix_(rows, channels)] = np.linalg.solve(normal, weighted @ values[:, channels])
            for channel in channels:
                residual[:, channel] = values[:, channel] - functions[rows, channel] @ columns
        noise = np.maximum(1.4826 * np.median(np.abs(residual.T[:, inside]), axis=1), 1e-3)
        weight = inside / (1 + ((residual / noise) ** 2).mean(1) / TAIL)
    variance = values[inside].var(0)
    explained = 1 - (residual[inside] ** 2).mean(0) / np.maximum(variance, 1e-9)
    return Follow(residual / noise, weight, explained, functions, noise)


def _descend(
    level: Level,
    features: Array,
    points: Array,
    view: View,
    start: Transform,
    basis: Basis,
    reach: float,
    rounds: int,
) -> Transform:
    """Gauss-Newton at one blur; no step moves a point farther than about ``reach`` pixels."""
    found = start
    for _ in range(rounds):
        at = view.here(positions(found, basis, points))
        state = _follow(level, features, at, view)
        if not state.weight.any():
            return found
        down, across, inside = slopes(level, view.seen, at)
        # per recorded pixel and unit of noise
        across, down = across / (state.noise * view.binning), down / (state.noise * view.binning)
        weight = state.weight * inside
        change = _solve(basis, across, down, state.residual, weight, coefficients_of(found, basis))
        size = np.hypot(*(basis.columns @ change).T)
        largest = float(np.quantile(size, 0.98)) if len(size) else 0.0
        if largest > reach:
            change *= reach / largest
        before = coefficients_of(found, basis)
        found = moved(found, basis, before + change)
        if largest < _CONVERGED:
            break
    return found


def _solve(basis: Basis, across: Array, down: Array, residual: Array, weight: Array, now: Array) -> Array:
    """Return the change (n, 2) of the coefficients: the light's slope times displacement equals minus the residual."""
    # These products are most of a fit; what they lose in single precision the next round puts right.
    b, n = basis.columns.astype(np.float32), basis.columns.shape[1]
    normal = np.zeros((2 * n, 2 * n))
    blocks = ((0, 0, across * across), (0, 1, across * down), (1, 1, down * down))
    for i, j, product in blocks:
        gram = (b * (weight * product.sum(1)).astype(np.float32)[:, None]).T @ b
        normal[i * n : (i + 1) * n, j * n : (j + 1) * n] = gram
        if i != j:
            normal[j * n : (j + 1) * n, i * n : (i + 1) * n] = gram.T
    right = np.concatenate([basis.columns.T @ (weight * (slope * -residual).sum(1)) for slope in (across, down)])
    prior = np.kron(np.eye(2), basis.prior)
    normal += prior
    right -= prior @ now.T.reshape(-1)
    tied, target = basis.tie.T @ normal @ basis.tie, basis.tie.T @ right
    tied += 1e-9 * np.trace(tied) / len(tied) * np.eye(len(tied))
    return (basis.tie @ np.linalg.solve(tied, target)).reshape(2, n).T


def slopes(level: Level, seen: Mask, at: Array) -> tuple[Array, Array, Mask]:
    """Return the light's slopes down and across (P, C) per pixel at positions (P, 2), and where there are."""
    both, inside = sample(level.slopes, seen, at)
    down, across = np.split(both, 2, axis=1)
    return down, across, inside


def sample(images: NDArray[np.float32], seen: Mask, at: Array) -> tuple[Array, Mask]:
    """Return values (P, C) of images (H, W, C) at positions (P, 2) as (column, row), linear in between, and where
    there are: all four pixels around must be seen."""
    high, wide = seen.shape
    inside = (at[:, 0] >= 0) & (at[:, 0] <= wide - 1) & (at[:, 1] >= 0) & (at[:, 1] <= high - 1)
    column, row = np.clip(at[:, 0], 0, wide - 1), np.clip(at[:, 1], 0, high - 1)
    left, top = (
        np.minimum(column.astype(np.int64), max(wide - 2, 0)),
        np.minimum(row.astype(np.int64), max(high - 2, 0)),
    )
    x, y = column - left, row - top
    right, low = min(1, wide - 1), wide * min(1, high - 1)
    flat, mask = images.reshape(-1, images.shape[2]), seen.reshape(-1)
    share, values = np.zeros(len(at)), np.zeros((len(at), images.shape[2]), np.float32)
    for step, weight in ((0, (1 - x) * (1 - y)), (right, x * (1 - y)), (low, (1 - x) * y), (low + right, x * y)):
        index = top * wide + left + step
        values += flat[index] * weight.astype(np.float32)[:, None]
        share += mask[index] * weight
    # Channel after channel in memory: sums over the few channels of many points are then sums of long rows.
    return np.ascontiguousarray(values.T, dtype=np.float64).T, inside & (share > 0.99)
