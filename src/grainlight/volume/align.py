"""Alignment of the sections of a volume by their light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.progress import Progress, Silent
from grainlight.volume.alignment.cuts import View, cut_views, draw_cuts, view_of
from grainlight.volume.alignment.fit import ShiftFit, fit_shifts, parts
from grainlight.volume.alignment.pair import Pair, measure_pair, refine_pair
from grainlight.volume.alignment.pattern import Pattern, factor_for, make_pattern
from grainlight.volume.alignment.record import (
    TRENDS,
    Alignment,
    PairRecord,
    Trend,
    load_alignment,
    save_alignment,
)
from grainlight.volume.alignment.sentences import notes_of
from grainlight.volume.alignment.zero import of_same_zero, turned

__all__ = ["Alignment", "align_sections", "draw_cuts", "load_alignment", "save_alignment"]

DISTANCES = (1, 2, 4, 8)
"""Sections that are compared: each with the next one, the second, the fourth and the eighth."""
WORKING = 512
"""Pixels a side at most of the images that are compared; neighbours are compared in full besides."""
PROMINENCE = 6.0
"""Of a peak, from which it is no chance where both sections show the same area; more by the root of the overlap where
less is shown: a peak of chance is higher where the few grains of a corner make it."""
SURE = 8.0
"""Of a peak, from which a single pair places a section that has no other."""
MOST_BENT = 4
"""Sections with EBSD from which their places can contradict the light: three lie nearly on a line as they like."""
FAINT = 0.25
"""Of the usual correlation at a distance, below which a pair does not count."""


def align_sections(
    read: Sequence[Callable[[], LightStack | None]],
    z: NDArray[np.float64],
    *,
    trend: str = "none",
    known: Sequence[bool] | None = None,
    given: NDArray[np.float64] | None = None,
    progress: Progress | None = None,
) -> Alignment:
    """Find the shift of every section from the light of all.

    Each section is compared with the next, the second, fourth and eighth one after it by the normalised
    cross-correlation of the harmonics of their light; one robust fit over all pairs gives the shifts. Sections are read
    once, one after the other: of nine the harmonics are kept at up to 512 pixels a side, of two in full, of all a
    picture of a byte a colour.

    Parameters
    ----------
    read
        (Z,) calls that return the light of a section, None where there is none.
    z
        (Z,) rising heights in um.
    trend
        Structure that leans and sections that drift look the same to neighbours. "none": all shifts are drift, as
        found. "linear": their linear trend over the height is the specimen's and is not corrected. "ebsd": sections
        with EBSD lie where ``given`` says, the others fit between.
    known
        (Z,) sections with EBSD, for trend "ebsd".
    given
        (Z, 2) shifts in um of those sections; 0 if None. Other rows are not looked at.
    progress
        Told of the sections as they are compared.

    Raises
    ------
    InputError
        If heights do not rise, lengths differ, or trend "ebsd" comes without sections that are known.
    """
    z = np.asarray(z, dtype=np.float64)
    held, places = _checked(len(read), z, trend, known, given)
    kept = cast(Trend, trend)
    measured = _measure(read, progress or Silent())
    step, pairs = measured.step, measured.pairs
    usable = np.array([_counts(pair, pairs) for pair in pairs], dtype=bool)
    # light alone says what is related to what; given places may then contradict it
    fit, usable = _fit(z, pairs, usable, step)
    part = parts(len(z), pairs, fit.weights)
    contradicted = _contradicted(z, fit, held & (part >= 0), places)
    if held.any():
        fit = fit_shifts(z, pairs, usable, step, held, places)
    shifts, lean = fit.shifts, _lean(z, fit.shifts, part >= 0)
    if trend == "linear":
        shifts = shifts - (z - z.mean())[:, None] / max(np.ptp(z), 1e-12) * lean
    aligned = (part >= 0) | held
    if len(z) == 1:
        aligned[:] = True
    records = tuple(
        PairRecord(
            p.lower,
            p.upper,
            (float(p.shift[0]), float(p.shift[1])),
            (float(r[0]), float(r[1])),
            float(p.error),
            float(p.quality),
            float(w),
        )
        for p, r, w in zip(pairs, fit.residuals, fit.weights, strict=True)
    )
    errors = np.where(part >= 0, fit.errors, np.where(held, 0.0, np.nan))
    return Alignment(
        z,
        shifts,
        _section_residuals(len(z), records),
        errors,
        aligned,
        records,
        kept,
        notes_of(
            z,
            measured.empty,
            measured.undetermined,
            measured.turns,
            part,
            held,
            contradicted,
            records,
            kept,
            lean,
            fit.shear,
            step,
        ),
        {
            "harmonics": "A0, A2c, A2s, A4c, A4s over the local brightness, high-passed",
            "distances": list(DISTANCES),
            "pixels_a_side": WORKING,
            "step_um": step,
            "fit": "least squares over pairs, weights by their standard errors, Huber",
        },
        cut_views(list(measured.views), z, shifts),
    )


def _checked(
    count: int,
    z: NDArray[np.float64],
    trend: str,
    known: Sequence[bool] | None,
    given: NDArray[np.float64] | None,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which sections are held (Z,) and where (Z, 2)."""
    if count == 0 or z.shape != (count,):
        raise InputError(
            "there are not as many heights as sections", found=f"{count} sections, heights of shape {z.shape}"
        )
    if not (np.isfinite(z).all() and (np.diff(z) > 0).all()):
        raise InputError("the heights of the sections do not rise", expected="finite heights, the lowest first")
    if trend not in TRENDS:
        raise InputError("unknown trend", found=repr(trend), expected=", ".join(TRENDS))
    held, places = np.zeros(count, dtype=bool), np.zeros((count, 2))
    if trend != "ebsd":
        return held, places
    if known is None or len(known) != count or not any(known):
        raise InputError(
            'trend "ebsd" needs sections with EBSD',
            found="none" if known is None or len(known) == count else f"{len(known)} marks, {count} sections",
            advice='take trend "none" or "linear"',
        )
    held = np.array(known, dtype=bool)
    if given is not None:
        places = np.asarray(given, dtype=np.float64)
        if places.shape != (count, 2) or not np.isfinite(places[held]).all():
            raise InputError(
                "the shifts of the sections with EBSD cannot be used",
                found=f"shape {places.shape}",
                expected=f"({count}, 2) um, finite where EBSD is",
            )
    return held, places


@dataclass(frozen=True, eq=False)
class _Measured:
    """What reading all sections left: pairs, views, sections without light and with angles that do not suffice, and the
    degrees that the polarizer zero of a section was turned by, where it was."""

    pairs: tuple[Pair, ...]
    views: tuple[View | None, ...]
    empty: tuple[int, ...]
    undetermined: tuple[int, ...]
    turns: Mapping[int, float]
    step: float


def _measure(read: Sequence[Callable[[], LightStack | None]], progress: Progress) -> _Measured:
    window: dict[int, Pattern] = {}
    full: dict[int, Pattern] = {}
    pairs: list[Pair] = []
    views: list[View | None] = []
    empty, undetermined, turns = [], [], {}
    step, factor = 0.0, 1
    progress.begin("sections compared", len(read))
    for k, reader in enumerate(read):
        pattern = _pattern(reader(), step)
        views.append(None)
        if pattern is None:
            empty.append(k)
        else:
            if not step:
                step, factor = pattern.step, factor_for([pattern.shape], WORKING)
            if not pattern.determined:
                undetermined.append(k)
            full[k], window[k] = pattern, pattern.joined(factor)
            views[k] = view_of(window[k])
            found = _pairs_of(k, window)
            before = [window[i] for i in sorted(window, reverse=True) if i < k]
            if before and not any(_stands_out(pair) for pair in found):
                window[k], degrees = of_same_zero(window[k], before, SURE)
                if degrees:
                    turns[k] = degrees
                    full[k], found = turned(pattern, degrees), _pairs_of(k, window)
            pairs += [
                refine_pair(pair, full[k - 1], full[k])
                if pair.distance == 1 and factor > 1 and pair.prominence >= PROMINENCE
                else pair
                for pair in found
            ]
        full = {i: p for i, p in full.items() if i == k}
        window = {i: p for i, p in window.items() if i > k - DISTANCES[-1]}
        progress.advance()
    return _Measured(tuple(pairs), tuple(views), tuple(empty), tuple(undetermined), turns, step or 1.0)


def _pairs_of(k: int, window: Mapping[int, Pattern]) -> list[Pair]:
    """Pairs of a section with those before it."""
    before = [k - distance for distance in DISTANCES if k - distance in window]
    found = [measure_pair((i, window[i]), (k, window[k])) for i in before]
    return [pair for pair in found if pair is not None]


def _stands_out(pair: Pair) -> bool:
    """Whether the peak of a pair is no chance by itself."""
    return bool(pair.prominence >= PROMINENCE / np.sqrt(pair.overlap))


def _pattern(stack: LightStack | None, step: float) -> Pattern | None:
    return None if stack is None else make_pattern(stack, step or None)


def _counts(pair: Pair, pairs: Sequence[Pair]) -> bool:
    """Whether the peak of a pair is no chance, by itself and beside the others of its distance."""
    usual = float(np.median([p.quality for p in pairs if p.distance == pair.distance]))
    return _stands_out(pair) and pair.quality >= FAINT * usual


def _fit(
    z: NDArray[np.float64],
    pairs: Sequence[Pair],
    usable: NDArray[np.bool_],
    step: float,
) -> tuple[ShiftFit, NDArray[np.bool_]]:
    """Fit by light alone, and fit again without sections that a single doubtful pair places."""
    while True:
        fit = fit_shifts(z, pairs, usable, step)
        weighted = fit.weights > 0
        ends = np.array([[p.lower, p.upper] for p in pairs], dtype=int).reshape(-1, 2)
        degree = np.bincount(ends[weighted].ravel(), minlength=len(z))
        doubtful = np.array([p.prominence < SURE for p in pairs], dtype=bool)
        loose = weighted & doubtful & (degree[ends] == 1).any(1)
        if not loose.any():
            return fit, usable
        usable = usable & ~loose


def _contradicted(
    z: NDArray[np.float64], free: ShiftFit, held: NDArray[np.bool_], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far (Z,) in um sections are held from where light puts them, a linear trend apart; 0 for others."""
    found = np.zeros(len(z))
    if np.count_nonzero(held) >= MOST_BENT:
        away, height = (places - free.shifts)[held], z[held] - z.mean()
        away = away - np.stack([np.polyval(np.polyfit(height, line, 1), height) for line in away.T], 1)
        found[held] = np.hypot(*away.T)
    return found


def _lean(z: NDArray[np.float64], shifts: NDArray[np.float64], placed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the linear trend (2,) of the shifts over the height of the stack, um, of the sections that are placed."""
    if np.count_nonzero(placed) < 3:
        return np.zeros(2)
    slope = np.polyfit(z[placed] - z.mean(), shifts[placed], 1)[0]
    return np.asarray(slope * np.ptp(z))


def _section_residuals(count: int, pairs: Sequence[PairRecord]) -> NDArray[np.float64]:
    squares, weights = np.zeros(count), np.zeros(count)
    for p in pairs:
        for k in (p.lower, p.upper):
            squares[k] += p.weight * (p.residual[0] ** 2 + p.residual[1] ** 2)
            weights[k] += p.weight
    return np.where(weights > 0, np.sqrt(squares / np.maximum(weights, 1e-12)), np.nan)
