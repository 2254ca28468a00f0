"""How noisy an EBSD map is, point by point, and how fast orientations drift inside its grains, from the map itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.quality import MAXWELL_MEDIAN, Pairs, quality_levels

LEAST, MOST, USUAL = 0.3, 3.0, 0.5
MOST_OF_A_POINT = 12.0
"""Degrees; a point that is worse than that says nothing of its grain."""
_FEWEST_PAIRS = 200
_MOST_PAIRS = 500_000
_ALONE = 8.0
_AT_ONCE = 1 << 20  # points


@dataclass(frozen=True, eq=False)
class EbsdNoise:
    """What an EBSD map says of its own precision.

    ``noise``: root-mean-square misorientation of a measured point from the truth, in degrees. ``drift``: growth of the
    mean square misorientation inside a grain, in degrees^2 per EBSD step. ``level`` (h, w): noise of each point; all
    the same where no quality field is confirmed. ``report``: which fields are, for the record.
    """

    noise: float
    drift: float
    level: NDArray[np.float64]
    report: dict[str, Any] = field(default_factory=dict)


def estimate_noise(ebsd: OrientationMap, known: float | None = None) -> EbsdNoise:
    """Estimate noise and drift from pairs of points one and two steps apart.

    Parameters
    ----------
    known
        Noise in degrees (rms) where the user knows it; then only the drift is estimated, and the noise is the same
        everywhere.

    Notes
    -----
    With independent noise n and a drift d per step, the mean square angle is 2 n^2 + d at one step and 2 n^2 + 2 d at
    two. Medians over pairs inside grains stand for the means. Maps too small to tell are taken for 0.5 degrees. Quality
    fields then tell points apart, as far as neighbours confirm them (`restore.quality`).
    """
    one, two = _pairs(ebsd, 1), _pairs(ebsd, 2)
    stated = None if known is None else max(known, LEAST / 2)
    usual = _uniform(ebsd, USUAL if stated is None else stated, 0.0)
    if len(one.angle) < _FEWEST_PAIRS or len(two.angle) < _FEWEST_PAIRS:
        return usual
    # Pairs inside grains: small against a boundary, but not cut off where the noise itself is large.
    limit = min(max(5.0, 4.0 * float(np.quantile(one.angle, 0.25))), 12.0)
    inside = [pairs.where(pairs.angle < limit) for pairs in (one, two)]
    # Grains of one or two points have no inside to measure.
    if min(len(p.angle) for p in inside) < _FEWEST_PAIRS or len(inside[0].angle) < 0.1 * len(one.angle):
        return usual
    near, far = (3 * float(np.median(p.angle) / MAXWELL_MEDIAN) ** 2 for p in inside)
    if stated is not None:
        return _uniform(ebsd, stated, max(near - 2 * stated**2, 0.0))
    noise = float(np.clip(np.sqrt(max(2 * near - far, 0.0) / 2), LEAST, MOST))
    drift = max(near - 2 * noise**2, 0.0)
    both = Pairs(*(np.concatenate([getattr(p, name) for p in inside]) for name in ("first", "second", "angle", "lag")))
    found = quality_levels(ebsd, both, _alone(ebsd), noise)
    if found.level is None:
        return EbsdNoise(noise, drift, np.full(ebsd.shape, noise), found.report)
    return EbsdNoise(noise, drift, np.clip(found.level, LEAST, MOST_OF_A_POINT), found.report)


def _uniform(ebsd: OrientationMap, noise: float, drift: float) -> EbsdNoise:
    return EbsdNoise(noise, drift, np.full(ebsd.shape, noise))


def _pairs(ebsd: OrientationMap, lag: int) -> Pairs:
    """6/mmm points ``lag`` steps apart along rows and columns; exact copies are left out."""
    q, known = ebsd.quaternions, ebsd.hexagonal
    flat = np.arange(known.size).reshape(known.shape)
    found = []
    for a, b in ((np.s_[:, lag:], np.s_[:, :-lag]), (np.s_[lag:], np.s_[:-lag])):
        at = np.argwhere(known[a] & known[b])
        at = at[:: max(1, len(at) // _MOST_PAIRS)]
        here, there = (flat[part][tuple(at.T)] for part in (a, b))
        left, right = (torch.from_numpy(q.reshape(-1, 4)[index]) for index in (here, there))
        found.append((here, there, torch.rad2deg(disorientation_angle(left, right)).numpy()))
    first, second, angle = (np.concatenate(parts) for parts in zip(*found, strict=True))
    pairs = Pairs(first, second, angle, np.full(first.size, lag, dtype=np.int8))
    # Vendors that smooth or round write neighbours that are exactly alike: they say nothing of noise.
    return pairs.where(angle > 1e-3)


def _alone(ebsd: OrientationMap) -> NDArray[np.float64]:
    """(h, w) 1 where no neighbour is within 8 degrees, 0 where one is, NaN with fewer than three neighbours."""
    q, known = torch.from_numpy(ebsd.quaternions), ebsd.hexagonal
    near, count = (np.zeros(ebsd.shape, dtype=np.int64) for _ in range(2))
    for a, b in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        both = known[a] & known[b]
        angle = np.full(both.shape, 180.0)
        rows = max(1, _AT_ONCE // max(both.shape[1], 1))
        for start in range(0, both.shape[0], rows):
            some = both[start : start + rows]
            left, right = (q[part][start : start + rows][some] for part in (a, b))
            angle[start : start + rows][some] = torch.rad2deg(disorientation_angle(left, right)).numpy()
        for part in (a, b):
            near[part] += both & (angle < _ALONE)
            count[part] += both
    return np.where(known & (count >= 3), (near == 0).astype(np.float64), np.nan)
