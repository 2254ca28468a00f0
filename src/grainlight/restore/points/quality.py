"""What quality fields (CI, IQ, MAD, BC, ...) say of a point's noise, believed only as far as neighbours confirm it.

No value of a field is taken at its word: the same number means other things in other files, and some writers fill the
column with something else. A field only ranks the points. What a rank is worth is measured on the map itself, by how
far points disagree with their neighbours inside grains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap

QUALITY = ("ci", "iq", "mad", "bc", "bs", "fit", "bands", "pq", "pattern_quality")
"""Fields that are asked, by the names that the readers give them."""

Array = NDArray[np.float64]

_BINS = 6
_FEWEST = 60  # pairs for a median
_FEWEST_POINTS = 1500
_MONOTONE, _RATIO, _HALF_RATIO = 0.8, 1.3, 1.15
_WRONG = 10.0  # degrees that a share of wrong points counts for
# The angle between two noisy copies of an orientation follows a Maxwell distribution: its median over its scale.
MAXWELL_MEDIAN = 1.5382


@dataclass(frozen=True, eq=False)
class Pairs:
    """Neighbours inside grains: flat indices of the two points (n,), the angle between them in degrees, the distance in
    steps (1 or 2)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    angle: Array
    lag: NDArray[np.int8]

    def where(self, mask: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.first[mask], self.second[mask], self.angle[mask], self.lag[mask])


@dataclass(frozen=True, eq=False)
class Quality:
    """``level`` (h, w) noise in degrees (rms) of each point, None where no field tells; ``report`` for the record."""

    level: Array | None
    report: dict[str, Any]


def quality_levels(ebsd: OrientationMap, pairs: Pairs, alone: Array, noise: float) -> Quality:
    """Give each point a noise level from the quality fields that neighbours confirm.

    Parameters
    ----------
    ebsd
        The map.
    pairs
        Neighbours inside grains.
    alone
        (h, w) 1 where no neighbour agrees with a point, 0 where one does, NaN where too few are there to tell.
    noise
        Of the whole map, degrees (rms).

    Notes
    -----
    For each field the points are put into six bins by rank. The mean square disagreement of pairs with one point in bin
    i and one in bin j is v_i + v_j plus the drift of orientations over the distance; medians of all classes at one and
    two steps give v and drift of every bin by least squares. To v comes what the share of points that agree with nobody
    exceeds the usual one by. A field is accepted if v rises or falls with the rank in each half of a chequerboard of
    blocks, the same way and by enough. The levels of the accepted fields are averaged (as logarithms), the points put
    into bins by that average, and the bins measured again; what the two halves do not agree on is shrunk to the level
    of the whole map.
    """
    points = np.flatnonzero(ebsd.is_6mmm)
    report: dict[str, Any] = {"fields": {}}
    if points.size < _FEWEST_POINTS:
        return Quality(None, report | {"used": [], "why": "too few points"})
    half = _chequerboard(ebsd.shape)
    scores = []
    for name in QUALITY:
        if name not in ebsd.fields:
            continue
        rank = _rank(np.asarray(ebsd.fields[name], dtype=np.float64).ravel()[points])
        found = None if rank is None else _measure(rank, points, ebsd.phase_id.size, pairs, alone, half)
        accepted = found is not None and found.accepted
        report["fields"][name] = {
            "used": accepted,
            "levels_deg": None if found is None else [round(float(x), 3) for x in np.sqrt(found.square)],
        }
        if accepted and rank is not None and found is not None:
            scores.append(found.smooth(rank))
    report["used"] = [name for name, entry in report["fields"].items() if entry["used"]]
    if not scores:
        return Quality(None, report)
    together = _rank(np.mean(scores, axis=0), jitter=True)
    found = None if together is None else _measure(together, points, ebsd.phase_id.size, pairs, alone, half)
    if together is None or found is None or not found.accepted:
        return Quality(None, report | {"used": [], "why": "the fields contradict one another"})
    level = np.full(ebsd.phase_id.size, noise)
    level[points] = noise * np.exp(found.trust * (found.smooth(together) - np.log(noise)))
    report |= {"trust": round(found.trust, 3), "levels_deg": [round(float(x), 3) for x in np.sqrt(found.square)]}
    return Quality(level.reshape(ebsd.shape), report)


@dataclass(frozen=True, eq=False)
class _Bins:
    """Monotone mean square noise of each bin (deg^2), whether it can be believed, and how far."""

    square: Array
    accepted: bool
    trust: float

    def smooth(self, rank: Array) -> Array:
        """Logarithm of the level at ranks 0 to 1, between the middles of the bins by straight lines."""
        middle = (np.arange(_BINS) + 0.5) / _BINS
        return np.interp(rank, middle, 0.5 * np.log(self.square))


def _measure(
    rank: Array, points: NDArray[np.int64], size: int, pairs: Pairs, alone: Array, half: NDArray[np.bool_]
) -> _Bins | None:
    number = np.full(size, -1, dtype=np.int64)
    number[points] = np.minimum((rank * _BINS).astype(np.int64), _BINS - 1)
    usable = pairs.where((number[pairs.first] >= 0) & (number[pairs.second] >= 0))
    halves = []
    for side in (False, True):
        square = _squares(number, usable.where(half[usable.first] == side), alone.ravel(), half == side)
        if square is None:
            return None
        halves.append(square)
    whole = _squares(number, usable, alone.ravel(), np.ones(size, dtype=bool))
    if whole is None:
        return None
    slope = [_spearman(square) for square in halves]
    up = slope[0] > 0
    same = slope[0] * slope[1] > 0 and min(abs(slope[0]), abs(slope[1])) >= _MONOTONE
    level = _isotonic(whole, up)
    sides = [_isotonic(square, up) for square in halves]
    ratio = np.sqrt(level.max() / level.min())
    enough = ratio >= _RATIO and all(np.sqrt(s.max() / s.min()) >= _HALF_RATIO for s in sides)
    a, b = (np.log(square) - np.log(square).mean() for square in halves)
    reliability = float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-12))
    # Two halves together are worth more than each (Spearman and Brown).
    trust = 2 * reliability / (1 + reliability) if reliability > 0 else 0.0
    return _Bins(level, bool(same and enough), float(np.clip(trust, 0.0, 1.0)))


def _squares(number: NDArray[np.int64], pairs: Pairs, alone: Array, side: NDArray[np.bool_]) -> Array | None:
    """Mean square noise (deg^2) of each bin, by least squares over classes of pairs; None where pairs are too few."""
    from scipy.optimize import nnls

    a, b = number[pairs.first], number[pairs.second]
    low, high = np.minimum(a, b), np.maximum(a, b)
    key = (pairs.lag - 1) * _BINS**2 + low * _BINS + high
    order = np.argsort(key, kind="stable")
    classes, start = np.unique(key[order], return_index=True)
    rows, targets = [], []
    for one, angles in zip(classes, np.split(pairs.angle[order], start[1:]), strict=True):
        if angles.size < _FEWEST:
            continue
        lag, (i, j) = 1 + int(one) // _BINS**2, divmod(int(one) % _BINS**2, _BINS)
        square = 3 * (float(np.median(angles)) / MAXWELL_MEDIAN) ** 2
        row = np.zeros(2 * _BINS)
        row[i] += 1.0
        row[j] += 1.0
        row[_BINS + i] += 0.5 * lag
        row[_BINS + j] += 0.5 * lag
        weight = np.sqrt(angles.size) / square
        rows.append(row * weight)
        targets.append(square * weight)
    if len(rows) < 2 * _BINS or not (np.array(rows)[:, :_BINS] > 0).any(axis=0).all():
        return None
    # A weak pull of the drifts to one another where few pairs tell them from noise.
    scale = float(np.median([np.abs(row).max() for row in rows]))
    for k in range(_BINS - 1):
        row = np.zeros(2 * _BINS)
        row[_BINS + k], row[_BINS + k + 1] = scale, -scale
        rows.append(row)
        targets.append(0.0)
    square, _ = nnls(np.array(rows), np.array(targets))
    return np.maximum(square[:_BINS], 1e-3) + _wrong(number, alone, side)


def _wrong(number: NDArray[np.int64], alone: Array, side: NDArray[np.bool_]) -> Array:
    """What points that agree with nobody add to the mean square of a bin (deg^2), beyond what is usual and chance."""
    known = side & (number >= 0) & np.isfinite(alone)
    count = np.maximum(np.bincount(number[known], minlength=_BINS), 1)
    share = np.bincount(number[known], weights=alone[known], minlength=_BINS) / count
    usual = float(np.median(share))
    excess = np.clip(share - usual - 3 * np.sqrt(usual * (1 - usual) / count), 0.0, 0.9)
    return np.asarray(_WRONG**2 * excess / (1 - excess))


def _rank(values: Array, jitter: bool = False) -> Array | None:
    """Ranks 0 to 1 of values; equal values share one. None where a field is constant or not finite."""
    if not np.isfinite(values).all():
        return None
    unique, place, count = np.unique(values, return_inverse=True, return_counts=True)
    if unique.size < 3:
        return None
    middle = np.cumsum(count) - 0.5 * count
    rank = middle[place] / values.size
    filled = np.unique(np.minimum((rank * _BINS).astype(int), _BINS - 1)).size
    if filled < _BINS and not jitter:
        return None
    if filled < _BINS:
        # many points of one score: spread evenly over the ranks that they share
        order = np.lexsort((np.random.default_rng(0).random(values.size), values))
        rank[order] = (np.arange(values.size) + 0.5) / values.size
    return rank


def _chequerboard(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Flat (h w) halves of a map in blocks, so that one grain is seldom in both."""
    side = max(8, min(shape) // 4)
    row, column = np.indices(shape)
    return ((row // side + column // side) % 2 == 1).ravel()


def _spearman(values: Array) -> float:
    """Rank correlation of values with their order; equal ones are ranked as they come.

    Bins that show no noise at all are equal at the floor: a field whose values fall onto it has told nothing there, and
    does not count as falling.
    """
    from scipy.stats import rankdata, spearmanr

    return float(spearmanr(np.arange(len(values)), rankdata(values, method="ordinal")).statistic)


def _isotonic(values: Array, up: bool) -> Array:
    """Least-squares monotone sequence, in the logarithm."""
    from scipy.optimize import isotonic_regression

    return np.asarray(np.exp(isotonic_regression(np.log(values), increasing=up).x))
