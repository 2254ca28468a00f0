"""From points held back to the restored map: how much of it is wrong, and whether its bound holds.

A point that was held back is a step from the nearest one that was kept; a pixel between points is nearer. What is found
at the points therefore says too much of the map. Two things carry it over, and the estimate is their geometric mean:
the doubt that the restoration states at both (points are weighted so that their doubt is distributed as that of the
pixels: post-stratification; for shifts of covariates Sugiyama et al., JMLR 8 (2007) 985), and a power of the distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.validation.share import LEVEL, Share

Array = NDArray[np.float64]
_STRATA = 8
_FEWEST_IN_STRATUM = 15.0
_LEAST_CARRY = 0.2
_LARGE = 1.945  # 99 % quantile of the noise's angle, over its root mean square (Maxwell's distribution)
_OWN = 0.75  # how much of the errors of useless light are its own


POWER = 0.6
"""Of the distance to the nearest point, that the share of wrong pixels grows with: `python -m benchmarks.held_back`."""
_USEFUL, _USELESS = 0.7, 1.0  # wrong share with light over that without, a step from the nearest point


def weights(doubt: Array, map_doubt: Array) -> Array:
    """Return weights (n,) of mean 1 under which the doubt (n,) of points is distributed as that of pixels (m,).

    Strata are quantiles of the pixels; one with few points is joined with the next.
    """
    edges = np.unique(np.quantile(map_doubt, np.linspace(0, 1, _STRATA + 1)[1:-1]))
    there, here = np.searchsorted(edges, map_doubt), np.searchsorted(edges, doubt)
    pixels = np.bincount(there, minlength=len(edges) + 1).astype(np.float64)
    points = np.bincount(here, minlength=len(edges) + 1).astype(np.float64)
    group = _joined(points)
    share = np.bincount(group, pixels) / pixels.sum()
    count = np.bincount(group, points)
    return (share / np.maximum(count, 1.0) * len(doubt))[group[here]]


def carry(
    wrong: Array, doubt: tuple[Array, Array] | None, distance: tuple[Array, Array], against: float | None = None
) -> float:
    """Return by what a share of wrong points is to be multiplied to be that of wrong pixels.

    Parameters
    ----------
    wrong
        (n,) 1 where a point is wrong, else 0.
    doubt
        Stated probability of another grain at points (n,) and pixels (m,); None where none is stated.
    distance
        Steps to the nearest measured point, of points (n,) and pixels (m,).
    against
        Wrong share of the points with light over that without; None without light. Light that does no better than none
        errs by itself (it lies beside its place, say), and that is as often wrong near a point as far from it.
    """
    near, far = (float(np.mean(side**POWER)) for side in distance)
    by_distance = min(far / max(near, 1e-9), 1.0)
    found = by_distance
    if doubt is not None and wrong.any():
        weight = weights(*doubt)
        found = float(np.sqrt(found * min((weight * wrong).mean() / wrong.mean(), 1.0)))
    found = max(found, _LEAST_CARRY)
    if against is None:
        return found
    useless = float(np.clip((against - _USEFUL) / (_USELESS - _USEFUL), 0.0, 1.0))
    return found ** (1 - _OWN * useless)


def _joined(points: Array) -> NDArray[np.int64]:
    """Number of the group that each stratum belongs to, every group of enough points."""
    group, number, held = np.zeros(len(points), dtype=np.int64), 0, 0.0
    for stratum, count in enumerate(points):
        group[stratum] = number
        held += count
        if held >= _FEWEST_IN_STRATUM and points[stratum + 1 :].sum() >= _FEWEST_IN_STRATUM:
            number, held = number + 1, 0.0
    return group


def times(share: Share, factor: float) -> Share:
    """Return a share and its interval, multiplied."""
    return Share(*(min(value * factor, 1.0) for value in (share.value, share.low, share.high)))


def is_wrong(error: Array) -> Array:
    """Return 1 where an error (n,) in degrees is that of another grain, else 0."""
    return (error > BOUNDARY_ANGLE).astype(np.float64)


def over_bound(error: Array, bound: Array, noise: Array) -> Array:
    """Return 1 where the error (n,) is over the bound, else 0.

    The measured orientations that the error was found with are themselves off by ``noise`` (n,) degrees (rms), which
    adds to it in squares: an error is over the bound where it is so even if the noise is as large as it is in one point
    of a hundred.
    """
    return (error**2 > bound**2 + (_LARGE * noise) ** 2).astype(np.float64)


def uncovered(wrong_share: float, wrong: Array, over: Array, weight: Array) -> float:
    """Return the share of pixels whose error is over the bound.

    Parameters
    ----------
    wrong_share
        Of the pixels, as it was carried to them.
    wrong, over
        (n,) 1 where a point is wrong, and where its error is over its bound.
    weight
        (n,) under which the doubt of the points is that of the pixels.

    Notes
    -----
    Of wrong pixels more have a narrow bound than of wrong points of the same doubt: they are nearer to measured ones.
    As for the wrong share, the geometric mean of what the doubt says and of no dependence on it, which here is all of
    them, agrees with tuning sections (`python -m benchmarks.held_back`).
    """

    def of(which: Array) -> float:
        total = float((weight * which).sum())
        return float((weight * which * over).sum()) / total if total > 0 else 0.0

    return wrong_share * float(np.sqrt(of(wrong))) + (1 - wrong_share) * of(1 - wrong)


def median_of(value: Array) -> tuple[float, float, float]:
    """Return the median of values (n,) with its 90 % interval, from the order of the values."""
    if not len(value):
        return (float("nan"),) * 3  # type: ignore[return-value]
    half = norm.ppf((1 + LEVEL) / 2) * 0.5 / np.sqrt(len(value))
    middle, low, high = np.quantile(value, [0.5, max(0.5 - half, 0.0), min(0.5 + half, 1.0)])
    return float(middle), float(low), float(high)
