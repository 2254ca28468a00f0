"""Fine registration: the displacement under which the light follows the map's points best, by robust Gauss-Newton.

The channels of a group at the moved points are a linear function of the points' features, whatever the optics; the
function, the noise of every channel and the displacement are found in turn. Every channel speaks at once, which no
metric of a single image does; points near boundaries decide, and wrong ones lose their weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from grainlight.register.basis import Basis, Freedom, coefficients_of, make_basis, moved
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
    """Both sides at one blur: features (P, K) and light with its slopes, (C, H, W) each."""

    features: Array
    light: NDArray[np.float32]
    down: NDArray[np.float32]
    across: NDArray[np.float32]


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
            down, across = (np.asarray(slope) for slope in np.gradient(light, axis=(1, 2)))
            self._levels[blur] = Level(self.scene.at_points(blur * self.unit), light, down, across)
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
    return _follow(level, level.features[use], pair.scene.points[use], pair.view, placed, slope)


def _follow(
    level: Level, features: Array, points: Array, view: View, placed: Transform, slope: Array | None = None
) -> Follow:
    values, inside = sample(level.light, view.seen, view.here(placed(points)))
    weight = inside.astype(float)
    count = values.shape[1]
    residual, noise = np.zeros_like(values), np.ones(count)
    functions = np.zeros((1 + features.shape[1], count)) if slope is None else slope
    if inside.sum() < FEWEST:
        return Follow(residual, np.zeros(len(points)), np.zeros(count), functions, noise)
    for _ in range(3 if slope is None else 1):
        for channels, which in view.groups:
            columns = np.concatenate((np.ones((len(points), 1)), features[:, which]), 1)
            rows = [0, *(1 + k for k in which)]
            weighted = columns * weight[:, None]
            normal = weighted.T @ columns
            normal += 1e-6 * np.trace(normal) / len(normal) * np.eye(len(normal))
            for channel in channels:
                if slope is None:
                    functions[rows, channel] = np.linalg.solve(normal, weighted.T @ values[:, channel])
                raw = np.where(inside, values[:, channel] - columns @ functions[rows, channel], 0.0)
                noise[channel] = max(1.4826 * float(np.median(np.abs(raw[inside]))), 1e-3)
                residual[:, channel] = raw
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
        state = _follow(level, features, points, view, found)
        if not state.weight.any():
            return found
        at = view.here(found(points))
        across, inside = sample(level.across, view.seen, at)
        down, _ = sample(level.down, view.seen, at)
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
    b, n = basis.columns, basis.columns.shape[1]
    normal = np.zeros((2 * n, 2 * n))
    blocks = ((0, 0, across * across), (0, 1, across * down), (1, 1, down * down))
    for i, j, product in blocks:
        gram = (b * (weight * product.sum(1))[:, None]).T @ b
        normal[i * n : (i + 1) * n, j * n : (j + 1) * n] = gram
        if i != j:
            normal[j * n : (j + 1) * n, i * n : (i + 1) * n] = gram.T
    right = np.concatenate([b.T @ (weight * (slope * -residual).sum(1)) for slope in (across, down)])
    prior = np.kron(np.eye(2), basis.prior)
    normal += prior
    right -= prior @ now.T.reshape(-1)
    tied, target = basis.tie.T @ normal @ basis.tie, basis.tie.T @ right
    tied += 1e-9 * np.trace(tied) / len(tied) * np.eye(len(tied))
    return (basis.tie @ np.linalg.solve(tied, target)).reshape(2, n).T


def sample(images: NDArray[np.float32], seen: Mask, at: Array) -> tuple[Array, Mask]:
    """Return values (P, C) of images at positions (P, 2) as (column, row), linear in between, and where there are."""
    where = at.T[::-1]
    high, wide = seen.shape
    inside = (at[:, 0] >= 0) & (at[:, 0] <= wide - 1) & (at[:, 1] >= 0) & (at[:, 1] <= high - 1)
    inside &= map_coordinates(seen.astype(np.float32), where, order=1, mode="nearest") > 0.99
    values = np.stack([map_coordinates(image, where, order=1, mode="nearest") for image in images], -1)
    return values.astype(np.float64), inside
