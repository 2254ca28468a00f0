"""Last registration: every scan point lies on its own side of the boundaries that the light shows.

Beside a boundary the light is a mixture of that of the two grains. Inside its grain a point may lie anywhere, so how
much of a neighbour's light it has tells nothing while that is less than half: a fit of the light itself takes it for
a pull away from every boundary, and these pulls add up to most of its error. Here a point only speaks where more than
half of its light is a neighbour's. For points that lie anywhere beside a boundary whose mixture is told to a width of
t pixels, a shift is then known to a variance in proportion to t, where that of a fit of the light is in proportion to
the point spread.

Sides that are told that sharply leave a range of places that contradict no point. The fit is its mean, and the error
that of the whole range: every point's step is as wide as what the other points leave open of its place (assumed density
filtering of a probit model; Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 3.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from grainlight.register.fine.basis import Basis, Freedom, coefficients_of, make_basis, moved, positions
from grainlight.register.fine.fit import Follow, change_of, follow, normal_of
from grainlight.register.level import Pair
from grainlight.register.transform import Transform

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
_AROUND = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if (down, across) != (0, 0))
_UNLIKE = 4.0  # noises of the light that a neighbour's must differ by to tell a side
# Share of a neighbour's light to which a side is told beside noise (python -m benchmarks.kept).
_WIDTH = 0.05
# Scan points away up to which those of a grain tell its light, square of the noises that their own may differ by, and
# times that they are weighed by it (python -m benchmarks.kept).
_NEAR, _SAME, _PASSES = 3, 1.0, 3
_OFF = 0.5  # mean square residual per channel, in noises, at which a point's say in its grain's light has halved
_CAP = 9.0  # cost at which a point on the wrong side loses its weight, and
_STRANGE = 2.0  # the mean square residual per channel, along no neighbour's light, at which any point does
_ROUNDS = 8
_CONVERGED = 0.005  # pixels
_REACH = 0.5
_FEWEST = 40  # points beside boundaries


@dataclass(frozen=True, eq=False)
class Sided:
    """A placement by the sides of boundaries.

    ``transform``; ``cost`` (P,) of the points and ``weight`` (P,), 0 where nothing tells a side; ``volume`` the
    logarithm of how much the data narrow the prior, of Laplace's method, with the prior's cost; ``chance`` the rms
    error [pixels] that this width means.
    """

    transform: Transform
    cost: Array
    weight: Array
    volume: float = 0.0
    chance: float = 0.0

    def gain_over(self, other: Sided) -> float:
        """Return how much less the points' sides cost here than under another placement."""
        return float((np.minimum(self.weight, other.weight) * (other.cost - self.cost)).sum())

    def evidence_over(self, other: Sided) -> float:
        """Return the logarithm of how many times as likely the data are under this freedom as under another one with
        the same flat part."""
        return self.gain_over(other) + self.volume - other.volume


@dataclass(frozen=True, eq=False)
class _Grains:
    """Light (C, P) of the points' grains over its noise, the difference (C, P, 8) of that of their
    neighbours, its square (P, 8), 0 where they do not differ, and the noise (C,)."""

    expected: Single
    differ: Single
    square: Single
    noise: Array


def refine(
    pair: Pair, start: Transform, freedom: Freedom, use: Mask, *, drift: tuple[float, float] = (1.0, 0.0)
) -> Sided | None:
    """Return the placement of a freedom near a start, good to a pixel or so; None where too few points tell a side.

    Parameters
    ----------
    use
        (P,) points of the map that count.
    drift
        As for `make_basis`.
    """
    grains = _grains(pair, start, use)
    if (grains.square > 0).any(1).sum() < _FEWEST:
        return None
    points = pair.fixed.points[use]
    basis = make_basis(points, start, freedom, pair.fixed.step, drift=drift)
    # a start is good to a pixel
    found, vague = start, np.array([[1.0], [1.0], [0.0]])
    for _ in range(_ROUNDS):
        state = _Told(pair, grains, positions(found, basis, points), vague)
        if (state.weight > 0).sum() < _FEWEST:
            return None
        normal = normal_of(basis, state.down, state.across, state.curvature)
        pull = -state.pull * np.stack((state.across[0], state.down[0]))
        change = change_of(basis, normal, pull, coefficients_of(found, basis))
        step = np.hypot(*(basis.columns @ change.astype(np.float32)).T)
        largest = float(np.quantile(step, 0.98))
        change *= min(1.0, _REACH / max(largest, 1e-9))
        found = moved(found, basis, coefficients_of(found, basis) + change)
        vague = _left_open(basis, normal)
        if largest < _CONVERGED:
            break
    if found.folds:
        return None
    state = _Told(pair, grains, positions(found, basis, points), vague)
    normal = normal_of(basis, state.down, state.across, state.curvature)
    return Sided(found, state.cost, state.weight, *_posterior(basis, normal, coefficients_of(found, basis)))


def sided(pair: Pair, placed: Transform, use: Mask) -> Sided:
    """Return how a placement that nothing was fitted for lays the points ``use`` (P,) on their sides."""
    state = _Told(pair, _grains(pair, placed, use), placed(pair.fixed.points[use]), np.zeros((3, 1)))
    return Sided(placed, state.cost, state.weight)


def _grains(pair: Pair, start: Transform, use: Mask) -> _Grains:
    fixed, level = pair.fixed, pair.level(0.0)
    state = follow(pair, 0.0, start, use)
    expected = (state.slope[0][:, None] + state.slope[1:].T @ level.features[:, use]) / state.noise[:, None]
    place = np.rint((fixed.points[use] - np.array(fixed.corner)) / fixed.step).astype(np.int64)
    row, column = place.T[::-1]
    light, rest = _own_light(fixed.known.shape, (row, column), expected.astype(np.float32), state)
    noise, light = state.noise * rest, light / rest.astype(np.float32)[:, None]
    high, wide = fixed.known.shape
    grid, known = np.zeros((len(light), high, wide), np.float32), np.zeros((high, wide), bool)
    grid[:, row, column], known[row, column] = light, fixed.known[row, column]
    differ = np.zeros((*light.shape, len(_AROUND)), np.float32)
    for k, (down, across) in enumerate(_AROUND):
        at, beside = row + down, column + across
        inside = (at >= 0) & (at < high) & (beside >= 0) & (beside < wide)
        at, beside = at.clip(0, high - 1), beside.clip(0, wide - 1)
        inside &= known[at, beside]
        differ[:, :, k] = (grid[:, at, beside] - light) * inside
    square = np.square(differ).sum(0)
    square[square < _UNLIKE**2] = 0.0
    return _Grains(light, differ, square, noise)


def _own_light(
    shape: tuple[int, int], at: tuple[NDArray[np.int64], NDArray[np.int64]], expected: Single, state: Follow
) -> tuple[Single, Array]:
    """Light (C, P) of the grains of points at rows and columns of a grid, over its noise, by what their own points show
    beside what their axes would (C, P); and how much less the noise (C,) is about it."""
    if not (state.weight > 0).any():
        return expected, np.ones(len(expected))
    inner = tuple(slice(_NEAR, _NEAR + n) for n in shape)

    def image(values: Single) -> Single:
        out = np.zeros((*values.shape[:-1], *(n + 2 * _NEAR for n in shape)), np.float32)
        out[..., at[0] + _NEAR, at[1] + _NEAR] = values
        return out

    axes, seen, heard = image(expected), image(state.residual), image(state.weight)
    own, trust = np.zeros_like(seen), heard.copy()
    offsets = [(down, across) for down in range(2 * _NEAR + 1) for across in range(2 * _NEAR + 1)]
    around = [(slice(down, down + shape[0]), slice(across, across + shape[1])) for down, across in offsets]
    alike = [np.square(axes[:, *there] - axes[:, *inner]).sum(0) < _SAME for there in around]
    for _ in range(_PASSES):
        total, weight = np.zeros_like(seen[:, *inner]), np.ones(shape, np.float32)
        for there, same in zip(around, alike, strict=True):
            its = trust[there] * same
            total += seen[:, *there] * its
            weight += its
        own[:, *inner] = total / weight
        trust = heard / (1 + np.square(seen - own).mean(0) / np.float32(_OFF))
    offset = own[:, at[0] + _NEAR, at[1] + _NEAR]
    left = np.median(np.abs(state.residual - offset)[:, state.weight > 0], axis=1)
    # Of few points the light is found from themselves, which makes noise look less than it is.
    return expected + offset, np.sqrt(np.clip(1.4826 * left, 0.05, 1.0))


class _Told:
    """What the light at places (P, 2) tells of the points' sides: cost (P,), weight (P,), slopes (1, P) of the
    neighbour's share down and across, pull (P,) and curvature (P,) of the weighed cost per share; ``vague`` (3, P) or
    (3, 1) as by `_left_open`."""

    def __init__(self, pair: Pair, grains: _Grains, at: Array, vague: Array) -> None:
        noise = grains.noise.astype(np.float32)[:, None]
        values, inside = pair.sharp.sample(at)
        residual = values / noise - grains.expected
        safe = np.maximum(grains.square, np.float32(1e-6))
        share = np.einsum("cp,cpk->pk", residual, grains.differ) / safe
        # what no mixture with this neighbour explains
        mixed = share.clip(0.0, 1.0)
        strange = np.square(residual).sum(0)[:, None] + (mixed * mixed - 2 * mixed * share) * grains.square
        strange = np.where(grains.square > 0, strange.clip(0.0, None), np.float32(np.inf))
        which = strange.argmin(1)[:, None]
        strange, share, square = (np.take_along_axis(x, which, 1)[:, 0] for x in (strange, share, safe))
        toward = np.take_along_axis(grains.differ, which[None], 2)[:, :, 0] / (square * noise)
        self.weight: Array = (inside / (1 + strange / (_STRANGE * len(values)))).astype(np.float64)
        down, across = pair.sharp.slopes(at)
        self.down, self.across = ((slope * toward).sum(0, keepdims=True) for slope in (down, across))
        # a step in the middle of the mixture, told to a width of its own
        down, across = self.down[0].astype(np.float64), self.across[0].astype(np.float64)
        lies = (vague[0] * across**2 + vague[1] * down**2 + 2 * vague[2] * across * down).clip(0.0, 1.0)
        width = np.sqrt(_WIDTH**2 + 1 / square.astype(np.float64) + lies)
        z = (0.5 - share.astype(np.float64)) / width
        log = log_ndtr(z)
        steep = np.exp(-0.5 * z * z - log) / np.sqrt(2 * np.pi)
        robust = self.weight / (1 - 2 * log / _CAP)
        self.cost = 0.5 * _CAP * np.log1p(-2 * log / _CAP)
        self.pull = robust * steep / width
        curvature = robust * steep * (z + steep) / width**2
        # of the point alone, beside what the others say
        self.curvature = (curvature / (1 - lies * curvature).clip(0.1)).astype(np.float32)


def _left_open(basis: Basis, normal: Array) -> Array:
    """Return the variances of the points' places across and down, and their covariance (3, P) [pixels^2], that data
    with normal equations (2 n, 2 n) and the prior leave."""
    left = basis.tie @ np.linalg.solve(_tied(basis, normal), basis.tie.T)
    whole, n = left.astype(np.float32), len(basis.prior)
    found = np.zeros((3, len(basis.columns)))
    for points, which, columns in basis.pieces:
        for k, (i, j) in enumerate(((0, 0), (n, n), (0, n))):
            found[k, points] = (columns @ whole[np.ix_(which + i, which + j)] * columns).sum(1)
    return found


def _tied(basis: Basis, normal: Array) -> Array:
    """Return the precision (m, m) of the parameters, by data and prior."""
    tied: Array = basis.tie.T @ (normal + np.kron(np.eye(2), basis.prior)) @ basis.tie
    return tied + (1e-9 * np.trace(tied) / len(tied) + 1e-12) * np.eye(len(tied))


def _posterior(basis: Basis, normal: Array, now: Array) -> tuple[float, float]:
    """Return volume and chance of `Sided` at the coefficients (n, 2): log prior density plus the log volume that the
    data leave, but for what is the same of all freedoms with the same flat part; and the points' rms error."""
    prior = np.kron(np.eye(2), basis.prior)
    flat = now.T.reshape(-1)
    quadratic = 0.5 * flat @ prior @ flat
    own = np.diag(basis.prior) > 0
    held = np.linalg.slogdet(basis.prior[np.ix_(own, own)])[1] if own.any() else 0.0
    tied = _tied(basis, normal)
    volume = float(held - 0.5 * np.linalg.slogdet(tied)[1] - quadratic)
    shapes = (basis.columns.T @ basis.columns).astype(np.float64) / len(basis.columns)
    spread = basis.tie.T @ np.kron(np.eye(2), shapes) @ basis.tie
    return volume, float(np.sqrt(np.trace(np.linalg.solve(tied, spread))))
