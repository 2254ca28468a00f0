"""Last registration: every scan point lies on its own side of the boundaries that the light shows.

Beside a boundary the light is a mixture of that of the two grains. Inside its grain a point may lie anywhere, so how
much of a neighbour's light it has tells nothing while that is less than half: a fit of the light itself takes it for
a pull away from every boundary, and these pulls add up to most of its error. Here a point only speaks where more than
half of its light is a neighbour's. For points that lie anywhere beside a boundary whose mixture is told to a width of
t pixels, a shift is then known to a variance in proportion to t, where that of a fit of the light is in proportion to
the point spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from grainlight.register.fine.basis import Basis, Freedom, coefficients_of, make_basis, moved, positions
from grainlight.register.fine.fit import change_of, follow, normal_of
from grainlight.register.level import Pair
from grainlight.register.transform import Transform

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
_AROUND = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if (down, across) != (0, 0))
_UNLIKE = 4.0  # noises of the light that a neighbour's must differ by to tell a side
# Share of a neighbour's light to which a side is told, from wide to narrow (python -m benchmarks.kept).
_WIDTHS = (0.3, 0.15)
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
    """Expected light (C, P) of the points' grains over its noise, the difference (C, P, 8) of that of their
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
    found = start
    for width in _WIDTHS:
        for _ in range(_ROUNDS):
            at = positions(found, basis, points)
            state = _Told(pair, grains, at, width)
            if (state.weight > 0).sum() < _FEWEST:
                return None
            normal = normal_of(basis, state.down, state.across, state.curvature)
            pull = -state.pull * np.stack((state.across[0], state.down[0]))
            change = change_of(basis, normal, pull, coefficients_of(found, basis))
            step = np.hypot(*(basis.columns @ change.astype(np.float32)).T)
            largest = float(np.quantile(step, 0.98))
            change *= min(1.0, _REACH / max(largest, 1e-9))
            found = moved(found, basis, coefficients_of(found, basis) + change)
            if largest < _CONVERGED:
                break
    if found.folds:
        return None
    state = _Told(pair, grains, positions(found, basis, points), _WIDTHS[-1])
    normal = normal_of(basis, state.down, state.across, state.curvature)
    return Sided(found, state.cost, state.weight, *_posterior(basis, normal, coefficients_of(found, basis)))


def sided(pair: Pair, placed: Transform, use: Mask) -> Sided:
    """Return how a placement that nothing was fitted for lays the points ``use`` (P,) on their sides."""
    state = _Told(pair, _grains(pair, placed, use), placed(pair.fixed.points[use]), _WIDTHS[-1])
    return Sided(placed, state.cost, state.weight)


def _grains(pair: Pair, start: Transform, use: Mask) -> _Grains:
    fixed, level = pair.fixed, pair.level(0.0)
    state = follow(pair, 0.0, start, use)
    expected = state.slope[0][:, None] + state.slope[1:].T @ level.features[:, use]
    place = np.rint((fixed.points[use] - np.array(fixed.corner)) / fixed.step).astype(np.int64)
    high, wide = fixed.known.shape
    differ = np.zeros((*expected.shape, len(_AROUND)), np.float32)
    slope = (state.slope[1:] / state.noise).T.astype(np.float32)
    own = fixed.values[use].T.astype(np.float32)
    for k, (down, across) in enumerate(_AROUND):
        row, column = place[:, 1] + down, place[:, 0] + across
        inside = (row >= 0) & (row < high) & (column >= 0) & (column < wide)
        row, column = row.clip(0, high - 1), column.clip(0, wide - 1)
        inside &= fixed.known[row, column]
        differ[:, :, k] = (slope @ (fixed.grid[:, row, column] - own)) * inside
    square = np.square(differ).sum(0)
    square[square < _UNLIKE**2] = 0.0
    return _Grains((expected / state.noise[:, None]).astype(np.float32), differ, square, state.noise)


class _Told:
    """What the light at places (P, 2) tells of the points' sides: cost (P,), weight (P,), slopes (1, P) of the
    neighbour's share down and across, pull (P,) and curvature (P,) of the weighed cost per share."""

    def __init__(self, pair: Pair, grains: _Grains, at: Array, width: float) -> None:
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
        # a step in the middle of the mixture, told to a width
        z = (0.5 - share.astype(np.float64)) / width
        log = log_ndtr(z)
        steep = np.exp(-0.5 * z * z - log) / np.sqrt(2 * np.pi)
        robust = self.weight / (1 - 2 * log / _CAP)
        self.cost = 0.5 * _CAP * np.log1p(-2 * log / _CAP)
        self.pull = robust * steep / width
        self.curvature = (robust * steep * (z + steep) / width**2).astype(np.float32)


def _posterior(basis: Basis, normal: Array, now: Array) -> tuple[float, float]:
    """Return volume and chance of `Sided` at the coefficients (n, 2): log prior density plus the log volume that the
    data leave, but for what is the same of all freedoms with the same flat part; and the points' rms error."""
    prior = np.kron(np.eye(2), basis.prior)
    flat = now.T.reshape(-1)
    quadratic = 0.5 * flat @ prior @ flat
    own = np.diag(basis.prior) > 0
    held = np.linalg.slogdet(basis.prior[np.ix_(own, own)])[1] if own.any() else 0.0
    tied = basis.tie.T @ (normal + prior) @ basis.tie
    tied += (1e-9 * np.trace(tied) / len(tied) + 1e-12) * np.eye(len(tied))
    volume = float(held - 0.5 * np.linalg.slogdet(tied)[1] - quadratic)
    shapes = (basis.columns.T @ basis.columns).astype(np.float64) / len(basis.columns)
    spread = basis.tie.T @ np.kron(np.eye(2), shapes) @ basis.tie
    return volume, float(np.sqrt(np.trace(np.linalg.solve(tied, spread))))
