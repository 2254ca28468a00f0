"""How much speaks for a placement: points held out, halves against each other, shifts left over block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from grainlight.register.fine.fit import FEWEST, TAIL, follow
from grainlight.register.fixed import FixedMap
from grainlight.register.level import Pair
from grainlight.register.transform import Transform

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Parts = tuple[Mask, Mask]
"""Two halves of the points."""
Halves = tuple[Transform, Transform]
"""A placement found on either half of the points; twice the same where nothing was fitted."""
_BLOCKS = 8  # a side, for the error of a sum over points that are not independent
_STRIPS, _TILES = 12, 4
_FEWEST_IN_BLOCK = 30
_WIDE, _NARROW = 2.0, 0.5  # EBSD steps of blur
# Of windows of so many scan points a side: the misfit, as a share of what grains differ by, from which their light is
# not that of their grains (python -m benchmarks.kept --blot 1).
_REGION, _LOST, _PASSES = 5, 0.6, 3
_LEFT = 0.3  # of the points, at least
_TOLD = 0.2  # of what the light tells of a shift in the best direction: across boundaries


def halves(fixed: FixedMap) -> Parts:
    """Return two halves (P,) of the map's points, like the fields of a chess board."""
    place = np.rint((fixed.points - np.array(fixed.corner)) / fixed.step).astype(int)
    white = place.sum(1) % 2 == 0
    return white, ~white


def sound(pair: Pair, placed: Transform, use: Mask) -> Mask:
    """Return which of the points ``use`` (P,) lie in no region whose light says nothing of its points, as under a
    blot; all of them where little would be left.

    ``placed`` has to be right to a few pixels: boundaries alone are narrower than such a region.
    """
    fixed, features = pair.fixed, pair.level(_NARROW).features[:, use]
    row, column = np.rint((fixed.points - np.array(fixed.corner)) / fixed.step).astype(np.int64).T[::-1]

    def around(values: Array) -> Array:
        image = np.zeros(fixed.known.shape)
        np.add.at(image, (row[use], column[use]), values)
        return uniform_filter(image, _REGION, mode="constant")

    kept = use
    for _ in range(_PASSES):
        # the optics as the points have them that are kept
        usual = follow(pair, _NARROW, placed, kept)
        state = follow(pair, _NARROW, placed, use, usual.slope)
        seen, told = state.weight > 0, kept[use] & (state.weight > 0)
        if told.sum() < FEWEST:
            return use
        expected = usual.slope[1:].T @ features / usual.noise[:, None]
        expected -= expected[:, told].mean(1, keepdims=True)
        signal, usually = np.square(expected).mean(0), float(np.square(expected[:, told]).mean())
        wrong = np.square(state.residual * (state.noise / usual.noise)[:, None]).mean(0).clip(max=4 * usually)
        lost = around(wrong * seen) > _LOST * 0.5 * around((signal + usually) * seen)
        kept = use & ~lost[row, column]
        if kept.sum() < FEWEST:
            return use
    return kept if kept.sum() > _LEFT * use.sum() else use


@dataclass(frozen=True)
class Advantage:
    """How much better one placement tells points that it was not fitted on: log-likelihood and its standard error."""

    value: float
    error: float

    def beyond(self, sigmas: float) -> bool:
        """Whether it is positive beyond so many standard errors."""
        return self.value > sigmas * self.error and self.value > 0


def advantage(pair: Pair, better: Halves, worse: Halves, parts: Parts, blur: float = 0.5) -> Advantage:
    """Compare two placements, each half's on the points of the other half."""
    total, errors = 0.0, 0.0
    for k in (0, 1):
        learn, test = parts[k], parts[1 - k]
        sides = []
        for placed in (better[k], worse[k]):
            slope = follow(pair, blur, placed, learn).slope
            sides.append(follow(pair, blur, placed, test, slope))
        noise = np.minimum(sides[0].noise, sides[1].noise)
        both = (sides[0].weight > 0) & (sides[1].weight > 0)
        costs = [_cost(side.residual * (side.noise / noise)[:, None]) for side in sides]
        gained = np.where(both, costs[1] - costs[0], 0.0).astype(np.float64)
        blocks = _block(pair.fixed, pair.fixed.points[test], _BLOCKS, _BLOCKS)
        sums = np.bincount(blocks, weights=gained, minlength=_BLOCKS**2)
        used = np.bincount(blocks, weights=both, minlength=_BLOCKS**2) > 0
        total += float(gained.sum())
        errors += float(used.sum() * sums[used].var()) if used.sum() > 1 else float(total) ** 2
    return Advantage(total, math.sqrt(errors))


def _cost(residual: Array) -> Array:
    """Return the cost (P,) of residuals (C, P) over their noise, heavy-tailed."""
    return 0.5 * len(residual) * TAIL * np.log1p((residual**2).mean(0) / TAIL)


def left_over(pair: Pair, found: Transform, chance: float, parts: Parts) -> float:
    """Return the likely root-mean-square error of a registration in recorded pixels, of two parts.

    ``chance``, as the data narrow the placement, and what the model could not follow, from shifts of blocks and of
    strips along the slow axis that both halves of the points agree on (their product has no bias).
    """
    unseen = max(
        _agreed(pair, found, parts, _STRIPS, 1),
        _agreed(pair, found, parts, _TILES, _TILES),
        0.0,
    )
    return math.sqrt(chance**2 + unseen)


def _agreed(pair: Pair, found: Transform, parts: Parts, high: int, wide: int) -> float:
    """Return the mean product of the shifts [pixels^2] that the two halves find in the same blocks, less its standard
    error."""
    shifts = []
    for part in parts:
        shift, good = _shifts(pair, found, part, high, wide)
        shifts.append((shift, good))
    both = shifts[0][1] & shifts[1][1]
    if both.sum() < 3:
        return 0.0
    products = (shifts[0][0][both] * shifts[1][0][both]).sum(1)
    return float(products.mean() - products.std() / math.sqrt(len(products)))


def _shifts(pair: Pair, found: Transform, use: Mask, high: int, wide: int, blur: float = 0.0) -> tuple[Array, Mask]:
    """Return the shift (B, 2) in pixels that each block of points still wants, and whether it is sure to two pixels."""
    level, points = pair.level(blur), pair.fixed.points[use]
    state = follow(pair, blur, found, use)
    down, across = (slope / state.noise[:, None] for slope in level.slopes(found(points)))
    block, count = _block(pair.fixed, points, high, wide), high * wide
    w = state.weight

    def add(x: Array) -> Array:
        total: Array = np.bincount(block, weights=w * x.sum(0), minlength=count).astype(np.float64)
        return total

    a, b, c = add(across * across), add(across * down), add(down * down)
    p, q = add(-across * state.residual), add(-down * state.residual)
    determinant = a * c - b * b
    enough = np.bincount(block, weights=w > 0, minlength=count) >= _FEWEST_IN_BLOCK
    good = enough & (determinant > 1e-9) & (np.minimum(a, c) > 0.25)
    safe = np.where(good, determinant, 1.0)
    shift = np.stack(((c * p - b * q) / safe, (a * q - b * p) / safe), -1)
    return np.where(good[:, None], np.clip(shift, -4.0, 4.0), 0.0), good


def sure_part(pair: Pair, placed: Transform, shift: Array, use: Mask) -> Array:
    """Return the part of a shift (2,) [pixels] that the light tells: not along boundaries that all run one way."""
    # blurred, since dust and noise slope every way
    state = follow(pair, _WIDE, placed, use)
    slopes = pair.level(_WIDE).slopes(placed(pair.fixed.points[use]))
    down, across = (slope / state.noise[:, None] for slope in slopes)
    w = state.weight
    cross = float((w * (across * down).sum(0)).sum())
    told = np.array([[(w * (across**2).sum(0)).sum(), cross], [cross, (w * (down**2).sum(0)).sum()]])
    strength, directions = np.linalg.eigh(told)
    sure = directions[:, strength > _TOLD * strength.max()]
    found: Array = sure @ (sure.T @ shift)
    return found


def _block(fixed: FixedMap, points: Array, high: int, wide: int) -> NDArray[np.int64]:
    x0, y0, x1, y1 = fixed.extent
    row = ((points[:, 1] - y0) / max(y1 - y0, 1e-9) * high).astype(np.int64).clip(0, high - 1)
    column = ((points[:, 0] - x0) / max(x1 - x0, 1e-9) * wide).astype(np.int64).clip(0, wide - 1)
    found: NDArray[np.int64] = row * wide + column
    return found


def overlap(pair: Pair, found: Transform) -> float:
    """Return the share of the map's points that the images show."""
    at = pair.moving.here(found(pair.fixed.points))
    high, wide = pair.moving.seen.shape
    inside = ((at >= -0.5) & (at <= np.array([wide, high]) - 0.5)).all(1)
    index = np.rint(at).astype(int)
    seen = pair.moving.seen[index[:, 1].clip(0, high - 1), index[:, 0].clip(0, wide - 1)]
    return float((inside & seen).mean())
