"""How noisy an EBSD map is, point by point, and how fast orientations turn inside its grains, from the map itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.quality import MAXWELL_MEDIAN, Pairs, quality_levels

LEAST, MOST, USUAL = 0.3, 8.0, 0.5
MOST_OF_A_POINT = 12.0
"""Degrees; a point that is worse than that says nothing of its grain."""
_FEWEST_PAIRS = 200
_OF_NOISE = 1.8
_MOST_PAIRS = 500_000
_PAIRS_FOR_FIELDS = 200_000
_ALONE = 8.0
_AT_ONCE = 1 << 16  # pairs; each takes some hundred bytes


@dataclass(frozen=True, eq=False)
class EbsdNoise:
    """What an EBSD map says of its own precision.

    ``noise``: root-mean-square misorientation of a measured point from the truth, in degrees. ``gradient``: growth of
    the mean square misorientation inside a grain, in degrees^2 per EBSD step. ``level`` (h, w): noise of each point;
    all the same where no quality field is confirmed. ``report``: which fields are, for the record.
    """

    noise: float
    gradient: float
    level: NDArray[np.float64]
    report: dict[str, Any] = field(default_factory=dict)


def estimate_noise(ebsd: OrientationMap, known: float | None = None) -> EbsdNoise:
    """Estimate noise and gradient from pairs of points one and two steps apart.

    Parameters
    ----------
    known
        Noise in degrees (rms) where the user knows it; then only the gradient is estimated, and the noise is the same
        everywhere.

    Notes
    -----
    With independent noise n and a gradient g per step, the mean square angle is 2 n^2 + g at one step and 2 n^2 + 2 g
    at two. Medians over pairs inside grains stand for the means. Maps too small to tell are taken for 0.5 degrees.
    Quality fields then tell points apart, as far as neighbours confirm them (`restore.points.quality`).
    """
    steps = [_pairs(ebsd, 1), _pairs(ebsd, 2)]
    # Vendors that smooth or round write neighbours that are exactly alike: they say nothing of noise.
    one, two = (pairs.where(pairs.angle > 1e-3) for pairs in steps)
    stated = None if known is None else max(known, LEAST / 2)
    usual = _uniform(ebsd, USUAL if stated is None else stated, 0.0)
    if len(one.angle) < _FEWEST_PAIRS or len(two.angle) < _FEWEST_PAIRS:
        return usual
    # Pairs inside grains: small against a boundary, but not cut off where the noise itself is large.
    quarter, half = np.quantile(one.angle, (0.25, 0.5))
    # Of noise alone the median is 1.4 times the lower quartile (Maxwell); boundaries make the ratio larger.
    limit = min(max(5.0, 4.0 * float(quarter)), 25.0 if half < _OF_NOISE * quarter else 12.0)
    inside = [pairs.where(pairs.angle < limit) for pairs in (one, two)]
    # Grains of one or two points have no pairs inside them to measure noise with.
    if min(len(p.angle) for p in inside) < _FEWEST_PAIRS or len(inside[0].angle) < 0.1 * len(one.angle):
        return usual
    near, far = (3 * float(np.median(p.angle) / MAXWELL_MEDIAN) ** 2 for p in inside)
    if stated is not None:
        return _uniform(ebsd, stated, max(near - 2 * stated**2, 0.0))
    noise = float(np.clip(np.sqrt(max(2 * near - far, 0.0) / 2), LEAST, MOST))
    gradient = max(near - 2 * noise**2, 0.0)
    few = [p.where(np.arange(p.angle.size) % (1 + p.angle.size // _PAIRS_FOR_FIELDS) == 0) for p in inside]
    both = Pairs(*(np.concatenate([getattr(p, name) for p in few]) for name in ("first", "second", "angle", "lag")))
    found = quality_levels(ebsd, both, _alone(ebsd, steps[0]), noise)
    if found.level is None:
        return EbsdNoise(noise, gradient, np.full(ebsd.shape, noise), found.report)
    return EbsdNoise(noise, gradient, np.clip(found.level, LEAST, MOST_OF_A_POINT), found.report)


def _uniform(ebsd: OrientationMap, noise: float, gradient: float) -> EbsdNoise:
    return EbsdNoise(noise, gradient, np.full(ebsd.shape, noise))


def _pairs(ebsd: OrientationMap, lag: int) -> Pairs:
    """6/mmm points ``lag`` steps apart along rows and columns, thinned where there are very many."""
    q, known = ebsd.quaternions.reshape(-1, 4), ebsd.is_6mmm
    found = []
    for a, b in _sides(lag):
        here, there = _both(known, a, b)
        stride = max(1, here.size // _MOST_PAIRS)
        here, there = here[::stride], there[::stride]
        found.append((here, there, _angles(q, here, there)))
    first, second, angle = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Pairs(first, second, angle, np.full(first.size, lag, dtype=np.int8))


def _sides(lag: int) -> tuple[tuple[Any, Any], ...]:
    """Slices of a map and of the same map ``lag`` steps on, along rows and columns."""
    return (np.s_[:, lag:], np.s_[:, :-lag]), (np.s_[lag:], np.s_[:-lag])


def _both(known: NDArray[np.bool_], a: Any, b: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat indices of known points and of their known neighbours."""
    flat = np.arange(known.size).reshape(known.shape)
    both = known[a] & known[b]
    return flat[a][both], flat[b][both]


def _alone(ebsd: OrientationMap, one: Pairs) -> NDArray[np.float64]:
    """(h, w) 1 where no neighbour is within 8 degrees, 0 where one is, NaN with fewer than three neighbours.

    ``one``: pairs a step apart, used as they are where none was thinned out.
    """
    q, known = ebsd.quaternions.reshape(-1, 4), ebsd.is_6mmm
    sides = [_both(known, a, b) for a, b in _sides(1)]
    first, second = (np.concatenate(part) for part in zip(*sides, strict=True))
    angle = one.angle if one.angle.size == first.size else _angles(q, first, second)
    close = angle < _ALONE
    near, count = (
        np.bincount(first[use], minlength=known.size) + np.bincount(second[use], minlength=known.size)
        for use in (close, slice(None))
    )
    alone = np.where(near == 0, 1.0, 0.0).reshape(known.shape)
    return np.where(known & (count.reshape(known.shape) >= 3), alone, np.nan)


def _angles(q: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Angles in degrees (n,) between orientations (points, 4) at two lists of places, a part at a time."""
    found = np.empty(first.size)
    for start in range(0, first.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        left, right = (torch.from_numpy(q[index[part]]) for index in (first, second))
        found[part] = torch.rad2deg(disorientation_angle(left, right)).numpy()
    return found
