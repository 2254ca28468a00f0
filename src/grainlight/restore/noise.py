"""How noisy an EBSD map is, and how fast orientations drift inside its grains, from the map itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.maps.orientation_map import OrientationMap

LEAST, MOST, USUAL = 0.3, 3.0, 0.5
_FEWEST_PAIRS = 200
_MOST_PAIRS = 500_000
# The angle between two noisy copies of an orientation follows a Maxwell distribution: its median over its scale.
_MAXWELL_MEDIAN = 1.5382


@dataclass(frozen=True)
class EbsdNoise:
    """What an EBSD map says of its own precision.

    ``noise``: root-mean-square misorientation of a measured point from the truth, in degrees. ``drift``: growth of the
    mean square misorientation inside a grain, in degrees^2 per EBSD step.
    """

    noise: float
    drift: float


def estimate_noise(ebsd: OrientationMap, known: float | None = None) -> EbsdNoise:
    """Estimate noise and drift from pairs of points one and two steps apart.

    Parameters
    ----------
    known
        Noise in degrees (rms) where the user knows it; then only the drift is estimated.

    Notes
    -----
    With independent noise n and a drift d per step, the mean square angle is 2 n^2 + d at one step and 2 n^2 + 2 d at
    two. Medians over pairs inside grains stand for the means. Maps too small to tell are taken for 0.5 degrees.
    """
    one, two = _pairs(ebsd, 1), _pairs(ebsd, 2)
    if len(one) < _FEWEST_PAIRS or len(two) < _FEWEST_PAIRS:
        return EbsdNoise(USUAL if known is None else max(known, LEAST / 2), 0.0)
    # Pairs inside grains: small against a boundary, but not cut off where the noise itself is large.
    limit = min(max(5.0, 4.0 * float(np.quantile(one, 0.25))), 12.0)
    inside = [a[a < limit] for a in (one, two)]
    # Grains of one or two points have no inside to measure.
    if min(map(len, inside)) < _FEWEST_PAIRS or len(inside[0]) < 0.1 * len(one):
        return EbsdNoise(USUAL if known is None else max(known, LEAST / 2), 0.0)
    near, far = (3 * float(np.median(a) / _MAXWELL_MEDIAN) ** 2 for a in inside)
    if known is None:
        known = float(np.clip(np.sqrt(max(2 * near - far, 0.0) / 2), LEAST, MOST))
    return EbsdNoise(max(known, LEAST / 2), max(float(near) - 2 * known**2, 0.0))


def _pairs(ebsd: OrientationMap, lag: int) -> NDArray[np.float64]:
    """Angles in degrees between 6/mmm points ``lag`` steps apart along rows and columns; exact copies are left out."""
    q, known = ebsd.quaternions, ebsd.hexagonal
    found = []
    for a, b in ((np.s_[:, lag:], np.s_[:, :-lag]), (np.s_[lag:], np.s_[:-lag])):
        at = np.argwhere(known[a] & known[b])
        at = at[:: max(1, len(at) // _MOST_PAIRS)]
        left, right = (torch.from_numpy(q[part][tuple(at.T)]) for part in (a, b))
        found.append(torch.rad2deg(disorientation_angle(left, right)).numpy())
    angle = np.concatenate(found)
    # Vendors that smooth or round write neighbours that are exactly alike: they say nothing of noise.
    return angle[angle > 1e-3]
