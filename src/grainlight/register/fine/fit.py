"""Fine registration: the displacement under which the light follows the map's points best, by robust Gauss-Newton.

The channels of a group at the moved points are a linear function of the points' features, whatever the optics; the
function, the noise of every channel and the displacement are found in turn. Every channel speaks at once, which no
metric of a single image does; points near boundaries decide, and wrong ones lose their weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.register.fine.basis import Basis, Freedom, coefficients_of, make_basis, moved, positions
from grainlight.register.level import Pair, PyramidLevel
from grainlight.register.moving import Group
from grainlight.register.transform import Transform

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
_ROUNDS = 6
TAIL = 10.0  # mean square residual per channel at which a point's weight has halved
FEWEST = 40
"""Points that must lie on the images for anything to be said."""
_CONVERGED = 0.01  # pixels
_STALE = 0.1  # of the reach: points that have moved so far need slopes anew
_ROUGH, _ENOUGH = 1.0, 8_000  # EBSD steps of blur from which so many points are enough
LEVELS = (2.0, 1.0, 0.5, 0.0)
"""Blur of both sides, in EBSD steps; at the last the map's points are as measured."""


@dataclass(frozen=True, eq=False)
class Follow:
    """How the light at points follows their features.

    ``residual`` (C, P) over the channels' noise, ``weight`` (P,), 0 off the images; ``explained`` (C,) share of the
    variance; ``slope`` the (1 + K, C) linear functions; ``noise`` (C,).
    """

    residual: Single
    weight: Single
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
        (P,) points of the map that count.
    stiff
        Resistance against drift and bend; 1 is usual. It is raised by itself until nothing folds.
    """
    points = pair.fixed.points[use]
    few = _thinned(len(points))
    for _ in range(6):
        found = start
        basis = make_basis(points, start, freedom, pair.fixed.step, stiff)
        for blur in levels:
            level = pair.level(blur)
            reach = max(blur * pair.fixed.step / pair.pixel, 0.5 * pair.moving.binning, 0.5)
            which = few if blur >= _ROUGH else slice(None)
            features = level.features[:, use][:, which]
            found = _descend(level, features, points[which], found, basis.at(which), reach, rounds)
        if freedom != "deformable" or not found.folds:
            return found
        stiff *= 3.0
    return fit(pair, start, "affine", use, levels=levels, rounds=rounds)


def _thinned(count: int) -> slice | NDArray[np.int64]:
    """Return which of so many points a blurred level takes: neighbours say the same there."""
    if count <= _ENOUGH:
        return slice(None)
    return np.sort(np.random.default_rng(0).permutation(count)[:_ENOUGH])


def follow(pair: Pair, blur: float, placed: Transform, use: Mask, slope: Array | None = None) -> Follow:
    """Return how the light follows the points ``use`` (P,) at a blur, by linear functions of its own or given ones."""
    level = pair.level(blur)
    return _follow(level, level.features[:, use], placed(pair.fixed.points[use]), slope)


def _follow(
    level: PyramidLevel, features: Single, at: Array, slope: Array | None = None, before: Follow | None = None
) -> Follow:
    """Return how the light at recorded pixels (P, 2) follows features (K, P); ``before``: as it did close by."""
    values, inside = level.sample(at)
    count, rows = len(values), 1 + len(features)
    functions = np.zeros((rows, count)) if slope is None else slope
    if inside.sum() < FEWEST:
        nothing = np.zeros(len(at), np.float32)
        return Follow(np.zeros_like(values), nothing, np.zeros(count), functions, np.ones(count))
    everything = np.concatenate((np.ones((1, len(at)), np.float32), features, values))
    if not inside.all():
        # points off the images have no weight; their values are not to be seen
        everything *= inside
    columns, values = everything[:rows], everything[rows:]
    weight = inside.astype(np.float32)
    if before is not None:
        weight *= np.maximum(before.weight, np.float32(1e-3))
    for _ in range(3 if slope is None and before is None else 1):
        if slope is None:
            functions = _functions(level.moving.groups, (columns * weight) @ everything.T)
        residual: Single = values - functions.T.astype(np.float32) @ columns
        noise = np.maximum(1.4826 * _median(np.abs(residual if inside.all() else residual[:, inside])), 1e-3)
        scale = (1 / np.sqrt(count * TAIL) / noise).astype(np.float32)[:, None]
        weight = inside * np.reciprocal(1 + np.square(residual * scale).sum(0))
    shown, left = (values, residual) if inside.all() else (values[:, inside], residual[:, inside])
    explained = 1 - np.square(left).mean(1) / np.maximum(shown.var(1), 1e-9)
    return Follow(residual / noise.astype(np.float32)[:, None], weight, explained, functions, noise)


def _functions(groups: tuple[Group, ...], gram: NDArray[np.floating]) -> Array:
    """Return the linear functions (1 + K, C) of the products of constant and features with them and channels."""
    products = gram.astype(np.float64)
    rows = len(products)
    found = np.zeros((rows, products.shape[1] - rows))
    for channels, which in groups:
        mine = np.array([0, *(1 + k for k in which)])
        normal, right = products[mine][:, mine], products[mine][:, [rows + c for c in channels]]
        normal += (1e-6 * np.trace(normal) / len(normal) + 1e-12) * np.eye(len(normal))
        found[mine[:, None], channels] = np.linalg.solve(normal, right)
    return found


def _median(values: Single) -> Array:
    """Return the (upper) medians of the rows."""
    middle = values.shape[1] // 2
    found: Array = np.partition(values, middle, axis=1)[:, middle].astype(np.float64)
    return found


def _descend(
    level: PyramidLevel,
    features: Single,
    points: Array,
    start: Transform,
    basis: Basis,
    reach: float,
    rounds: int,
) -> Transform:
    """Gauss-Newton at one blur; no step moves a point farther than about ``reach`` pixels.

    Slopes, and with them the matrix of the normal equations, are kept while the points hardly move.
    """
    now = coefficients_of(start, basis)
    found = moved(start, basis, now)
    at, moved_by = positions(found, basis, points), np.inf
    state: Follow | None = None
    down = across = np.zeros(0, np.float32)
    normal = np.zeros(0)
    for _ in range(rounds):
        state = _follow(level, features, at, before=state if moved_by < reach else None)
        if not state.weight.any():
            return found
        if moved_by > _STALE * reach:
            # per unit of noise
            noise = state.noise.astype(np.float32)[:, None]
            down, across = (slope / noise for slope in level.slopes(at))
            normal = normal_of(basis, down, across, state.weight)
            moved_by = 0.0
        pull = -state.weight * np.stack([(slope * state.residual).sum(0) for slope in (across, down)])
        change = change_of(basis, normal, pull, now)
        step = basis.columns @ change.astype(np.float32)
        size = np.sqrt((step * step).sum(1))
        largest = float(np.quantile(size, 0.98)) if len(size) else 0.0
        if largest > reach:
            change *= reach / largest
            step *= reach / largest
        found = moved(found, basis, coefficients_of(found, basis) + change)
        now = coefficients_of(found, basis)
        at = at + step
        moved_by += min(largest, reach)
        if largest < _CONVERGED:
            break
    return found


def normal_of(basis: Basis, down: Single, across: Single, weight: Single) -> Array:
    """Return the matrix (2 n, 2 n) of the normal equations without the prior; slopes (C, P), weight (P,)."""
    # These products are most of a fit; the next round corrects what single precision loses.
    n = basis.columns.shape[1]
    weights = [weight * product.sum(0) for product in (across * across, across * down, down * down)]
    grams = np.zeros((3, n, n))
    for points, which, columns in basis.pieces:
        for gram, weighted in zip(grams, weights, strict=True):
            gram[which[:, None], which] += (columns * weighted[points, None]).T @ columns
    aa, ad, dd = grams
    return np.block([[aa, ad], [ad, dd]])


def change_of(basis: Basis, normal: Array, pull: NDArray[np.floating], now: Array) -> Array:
    """Return the change (n, 2) of coefficients ``now`` (n, 2) under a pull (2, P) of the points, across and down."""
    prior = np.kron(np.eye(2), basis.prior)
    right = (pull @ basis.columns).astype(np.float64).reshape(-1) - prior @ now.T.reshape(-1)
    tied, target = basis.tie.T @ (normal + prior) @ basis.tie, basis.tie.T @ right
    # light without any slope leaves nothing to solve for
    tied += (1e-9 * np.trace(tied) / len(tied) + 1e-12) * np.eye(len(tied))
    return (basis.tie @ np.linalg.solve(tied, target)).reshape(2, -1).T
