"""Histograms of grain sizes and boundary angles with 90 % intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.grains.boundaries import edge_angles, laue_groups
from grainlight.grains.grain_map import GrainMap
from grainlight.restore.uncertainty.bound import LARGEST as LARGEST_ANGLE

Array = NDArray[np.float64]
_NORMAL_90 = 1.645  # standard deviations on either side that hold nine cases in ten
_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Histogram:
    """Shares by class.

    Parameters
    ----------
    edges
        (n + 1,) limits of the classes.
    share
        (n,) 0 to 1, together 1.
    low, high
        (n,) ends of the 90 % interval of each share; None where there are no samples.
    """

    edges: Array
    share: Array
    low: Array | None = None
    high: Array | None = None


def diameter_histogram(found: GrainMap, *, seed: int = 0) -> Histogram | None:
    """Return the number share of grains by equivalent diameter [um], or None without grains that are whole.

    Grains at the border are left out, as ASTM E2627 asks. An interval comes from those of the grains: every grain's
    diameter varies within its own, independently.
    """
    inner = ~found.grains.on_edge
    diameter = found.grains.diameter[inner]
    if diameter.size < 2:
        return None
    edges = _round_classes(float(diameter.max()), diameter.size)
    share = np.histogram(diameter, edges)[0] / diameter.size
    if "diameter" not in found.low:
        return Histogram(edges, share)
    low, high = (np.maximum(side["diameter"][inner], 1e-9) for side in (found.low, found.high))
    width = np.log(np.maximum(high / low, 1.0)) / (2 * _NORMAL_90)
    draw = np.random.default_rng(seed).standard_normal((_DRAWS, diameter.size))
    varied = np.minimum(diameter * np.exp(width * draw), edges[-1] * (1 - 1e-9))
    shares = np.stack([np.histogram(one, edges)[0] for one in varied]) / diameter.size
    return _with_ends(edges, share, *np.percentile(shares, (5, 95), axis=0))


def angle_histogram(found: GrainMap, samples: ArrayLike, *, classes: int = 19) -> Histogram | None:
    """Return the length share of edges from the threshold up by disorientation [degrees], or None without any.

    Parameters
    ----------
    found
        Grains and boundaries of a map.
    samples
        (K, H, W, 4) orientations of the ensemble in the frames and the crystal frame of ``found.ebsd``; an interval is
        1.645 standard deviations of its members on either side.
    classes
        From the threshold of the boundaries to the largest disorientation of 6/mmm.
    """
    members = np.asarray(samples)
    edges = np.linspace(found.threshold, LARGEST_ANGLE, classes + 1)
    at = np.flatnonzero((found.angle >= found.threshold) | (found.probability[0] > 0))
    few = replace(
        found.edges, first=found.edges.first[at], second=found.edges.second[at], length=found.edges.length[at]
    )
    share = _length_share(found.angle[at], few.length, edges)
    if share is None:
        return None
    others = []
    groups = laue_groups(found.ebsd)
    for member in members:
        q = member.astype(np.float64)
        angle = edge_angles(q, found.ebsd.phase_id, groups, few)
        one = _length_share(angle, few.length, edges)
        if one is not None:
            others.append(one)
    if len(others) < 2:
        return Histogram(edges, share)
    spread = _NORMAL_90 * np.std(np.stack(others), axis=0, ddof=1)
    return _with_ends(edges, share, share - spread, share + spread)


def _length_share(angle: NDArray, length: NDArray, edges: Array) -> Array | None:
    known = np.isfinite(angle)
    count = np.histogram(angle[known], edges, weights=length[known].astype(np.float64))[0]
    return count / count.sum() if count.sum() > 0 else None


def _with_ends(edges: Array, share: Array, low: Array, high: Array) -> Histogram:
    return Histogram(edges, share, np.clip(np.minimum(low, share), 0, 1), np.clip(np.maximum(high, share), 0, 1))


def _round_classes(largest: float, count: int) -> Array:
    """Return limits from 0 to at least the largest value, about the square root of the count many, at round steps."""
    wanted = largest / min(max(np.sqrt(count), 8), 20)
    power = 10.0 ** np.floor(np.log10(wanted))
    step = min((factor * power for factor in (1, 2, 2.5, 5, 10)), key=lambda one: abs(np.log(one / wanted)))
    return step * np.arange(int(np.floor(largest / step)) + 2)
