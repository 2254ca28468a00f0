"""One fit for the shifts of all sections, over all pairs of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.volume.alignment.pair import BLOCKS, Pair

_HUBER = 1.5  # standard errors
_WRONG = 8.0  # standard errors from which a pair is taken out, and
_FAR = 2.0  # steps
_TIE = 1e-7  # of the weight of a usual pair: what places a section that no pair reaches
_ROUNDS = 30


@dataclass(frozen=True, eq=False)
class ShiftFit:
    """Shifts that agree best with the pairs.

    ``shifts`` (Z, 2) um; ``weights`` (P,) of the pairs from 0 to 1, times their inverse squared error in the fit;
    ``residuals`` (P, 2) um, measured less fitted; ``errors`` (Z,) um, standard errors of the shifts against their mean
    (against the fixed ones where there are some); ``shear`` um, that of a linear trend over the height, likewise.
    """

    shifts: NDArray[np.float64]
    weights: NDArray[np.float64]
    residuals: NDArray[np.float64]
    errors: NDArray[np.float64]
    shear: float


def fit_shifts(
    z: NDArray[np.float64],
    pairs: Sequence[Pair],
    usable: NDArray[np.bool_],
    floor: float,
    fixed: NDArray[np.bool_] | None = None,
    given: NDArray[np.float64] | None = None,
) -> ShiftFit:
    """Fit the shifts of sections by iteratively reweighted least squares.

    Huber's weights (1.5 standard errors) first; then pairs that are off by far get no weight, and it is fitted again.
    The error of a pair counts times the number of sections it spans: a boundary that leans shifts all pairs that meet
    it the same way, so that a far pair tells nothing of the drift that the near ones between do not tell better.
    Sections next to each other are tied by a vanishing spring, so that one that no pair reaches lies on the straight
    line between those that are reached.

    Parameters
    ----------
    z
        (Z,) rising heights in um.
    pairs
        What was measured.
    usable
        (P,) pairs that count at all.
    floor
        um: error that no pair is below, and the unit of what counts as far off (a pixel's part and a pixel).
    fixed, given
        (Z,) sections whose shifts are given, (Z, 2) um. Without, the mean of the shifts is 0.
    """
    count = len(z)
    held = np.zeros(count, dtype=bool) if fixed is None else fixed
    places = np.zeros((count, 2)) if given is None else np.where(held[:, None], given, 0.0)
    index = np.array([[p.lower, p.upper] for p in pairs], dtype=int).reshape(-1, 2)
    measured = np.array([p.shift for p in pairs], dtype=np.float64).reshape(-1, 2)
    error = np.array([max(p.error, floor / 50) * p.distance for p in pairs], dtype=np.float64)
    use = usable.copy()
    robust = np.ones(len(pairs))
    shifts = places
    for _ in range(4):
        robust = np.where(use, 1.0, 0.0)
        for _ in range(_ROUNDS):
            before = shifts
            shifts = _solver(z, index, robust / error**2, held).solved(measured, places)
            off = np.hypot(*(measured - (shifts[index[:, 1]] - shifts[index[:, 0]])).T)
            robust = np.where(use, 1 / np.maximum(off / (_HUBER * error), 1.0), 0.0)
            if np.abs(shifts - before).max(initial=0.0) < 1e-4 * floor:
                break
        scale = max(float(np.median(off[use] / error[use])) / 0.8, 1.0) if use.any() else 1.0
        wrong = use & (off > _WRONG * scale * error) & (off > _FAR * floor)
        if not wrong.any():
            break
        use &= ~wrong
    solver = _solver(z, index, robust / error**2, held)
    influence = np.array([p.influence for p in pairs], dtype=np.float64).reshape(-1, BLOCKS * 2)
    moved = solver.solved(influence, np.zeros((count, BLOCKS * 2))).reshape(count, BLOCKS, 2)
    if not held.any():
        moved = moved - moved.mean(0)
        shifts = shifts - shifts.mean(0)
    height = z - z.mean()
    lean = np.einsum("z,zbk->bk", height, moved) / max(float((height**2).sum()), 1e-12) * np.ptp(z)
    residuals = measured - (shifts[index[:, 1]] - shifts[index[:, 0]])
    errors = np.sqrt((moved**2).sum((1, 2)) / 2)
    return ShiftFit(shifts, robust, residuals, errors, float(np.sqrt((lean**2).sum() / 2)))


@dataclass(frozen=True, eq=False)
class _Solver:
    """Weighted least squares of the differences of neighbours on a graph, some nodes held."""

    index: NDArray[np.int_]
    weight: NDArray[np.float64]
    normal: NDArray[np.float64]
    held: NDArray[np.bool_]

    def solved(self, measured: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values (Z, C) whose differences fit ``measured`` (P, C), equal to ``places`` where held."""
        right = np.zeros_like(places)
        weighted = self.weight[:, None] * measured
        np.add.at(right, self.index[:, 1], weighted)
        np.add.at(right, self.index[:, 0], -weighted)
        free = ~self.held
        if not self.held.any():
            free = free.copy()
            free[0] = False  # any one may be held where only differences count
        found = places.copy()
        if free.any():
            known = right[free] - self.normal[np.ix_(free, ~free)] @ places[~free]
            found[free] = np.linalg.solve(self.normal[np.ix_(free, free)], known)
        return found


def _solver(
    z: NDArray[np.float64], index: NDArray[np.int_], weight: NDArray[np.float64], held: NDArray[np.bool_]
) -> _Solver:
    count = len(z)
    ties = np.stack((np.arange(count - 1), np.arange(1, count)), 1)
    gaps = np.diff(z)
    usual = float(np.median(weight[weight > 0])) if (weight > 0).any() else 1.0
    stiff = _TIE * usual * np.median(gaps) / gaps if count > 1 else gaps
    normal = np.zeros((count, count))
    for (i, j), w in zip((*index, *ties), (*weight, *stiff), strict=True):
        normal[i, i] += w
        normal[j, j] += w
        normal[i, j] -= w
        normal[j, i] -= w
    return _Solver(index, weight, normal, held)


def parts(count: int, pairs: Sequence[Pair], weights: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return a number (Z,) for each section: the same where pairs of weight join them; -1 where none reaches it."""
    number = np.arange(count)
    reached = np.zeros(count, dtype=bool)
    for pair, weight in zip(pairs, weights, strict=True):
        if weight > 0:
            reached[[pair.lower, pair.upper]] = True
            number[number == number[pair.upper]] = number[pair.lower]
    return np.where(reached, number, -1)
