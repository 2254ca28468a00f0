"""What an alignment has to say, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grainlight.volume.alignment.record import PairRecord, Trend

_BENT = 2.0  # pixels
_UNSURE = 0.5  # pixels of shear
_LIKER = 0.02  # by how much the correlation of the liker two is larger
_SAME = 0.999  # correlation from which two images are one


def notes_of(
    z: NDArray[np.float64],
    empty: Sequence[int],
    undetermined: Sequence[int],
    turns: Mapping[int, float],
    part: NDArray[np.int_],
    held: NDArray[np.bool_],
    contradicted: NDArray[np.float64],
    pairs: Sequence[PairRecord],
    trend: Trend,
    lean: NDArray[np.float64],
    shear: float,
    step: float,
) -> tuple[str, ...]:
    """Return the sentences.

    Parameters
    ----------
    z
        (Z,) um.
    empty, undetermined
        Sections without light, and those whose angles do not determine the harmonics.
    turns
        Degrees by which the polarizer zero of sections was turned.
    part
        (Z,) as `fit.parts` returns it.
    held
        (Z,) sections whose place is given.
    contradicted
        (Z,) um by which light puts those elsewhere.
    pairs
        With residuals and weights.
    trend, lean, shear
        What was kept; the linear trend found (2,) and its standard error over the height of the stack in um.
    step
        um per pixel.
    """
    if len(z) == 1:
        return ()
    said = []
    if (part < 0).all():
        placed = "only their EBSD places them" if held.any() else "none is shifted"
        return (f"The light of no section is related to that of another: {placed}.",)
    for k in np.flatnonzero(part < 0).tolist():
        placed = "it lies where its EBSD says" if held[k] else "it is placed between its neighbours"
        if k in empty:
            said.append(f"{_name(k, z)} has no light: {placed}.")
        else:
            said.append(f"The light of {_name(k, z)} is related to none of its neighbours': {placed}.")
    if undetermined:
        names = ", ".join(str(k + 1) for k in undetermined)
        said.append(f"Aligned by the mean of their images, as their angles do not suffice: sections {names}.")
    placed_turned = {k: degrees for k, degrees in turns.items() if part[k] >= 0}
    if placed_turned:
        by = sorted({round(abs(degrees)) for degrees in placed_turned.values()})
        said.append(
            "The polarizer had another zero than for the sections before, or the section was turned, by "
            f"{', '.join(map(str, by))} degrees; their light was compared as if it had the same: sections "
            f"{', '.join(str(k + 1) for k in sorted(placed_turned))}."
        )
    bent = np.flatnonzero(contradicted > _BENT * step)
    if bent.size:
        worst = int(contradicted.argmax())
        said.append(
            f"The places given by EBSD contradict the light, by up to {contradicted[worst] / step:.1f} pixels at "
            f"{_name(worst, z)}: sections {', '.join(str(k + 1) for k in bent)}."
        )
    said += _gaps(z, part, held)
    said += _order(z, pairs)
    for p in pairs:
        if p.quality > _SAME and np.hypot(*p.shift) < 0.01 * step:
            said.append(f"{_name(p.lower, z)} and {_name(p.upper, z)} have the same images.")
    said += _trend(trend, lean, shear, step, int(held.sum()), len(z))
    return tuple(sentence[0].upper() + sentence[1:] for sentence in said)


def _name(k: int, z: NDArray[np.float64]) -> str:
    return f"section {k + 1} (z = {z[k]:g} um)"


def _gaps(z: NDArray[np.float64], part: NDArray[np.int_], held: NDArray[np.bool_]) -> list[str]:
    """Say where the stack falls apart, unless the place of both parts is given."""
    anchored = {int(part[k]) for k in np.flatnonzero(held)}
    placed = np.flatnonzero(part >= 0).tolist()
    said = []
    for below, above in pairwise(placed):
        if part[below] != part[above] and not {int(part[below]), int(part[above])} <= anchored:
            said.append(
                f"No pair of sections joins those up to {_name(below, z)} to those from {_name(above, z)}: "
                "how far the two parts are displaced is not known, and they are left without a step between them."
            )
    return said


def _order(z: NDArray[np.float64], pairs: Sequence[PairRecord]) -> list[str]:
    """Say where two neighbours look exchanged: the section before is liker to the second, that after to the first; and
    where one looks out of place: liker to one neighbour than both neighbours to each other, and unlike the other."""
    quality = {(p.lower, p.upper): p.quality for p in pairs if p.weight > 0}
    said, named = [], set()
    for k in range(len(z) - 1):
        before = (k - 1, k), (k - 1, k + 1)
        after = (k + 1, k + 2), (k, k + 2)
        sides = [side for side in (before, after) if all(pair in quality for pair in side)]
        if len(sides) == 2 and all(quality[far] > quality[near] + _LIKER for near, far in sides):
            said.append(f"{_name(k, z)} and {_name(k + 1, z)} look exchanged: check their order.")
            named |= {k, k + 1}
    for k in range(1, len(z) - 1):
        three = (k - 1, k), (k - 1, k + 1), (k, k + 1)
        if named & {k - 1, k, k + 1} or any(pair not in quality for pair in three):
            continue
        below, across, above = (quality[pair] for pair in three)
        if min(below, above) + 2 * _LIKER < across < max(below, above):
            other = k - 1 if below < above else k + 1
            said.append(
                f"{_name(k, z)} is less like {_name(other, z)} than the section on its other side is: does it belong "
                "elsewhere in the order?"
            )
    return said


def _trend(trend: Trend, lean: NDArray[np.float64], shear: float, step: float, known: int, count: int) -> list[str]:
    if count < 3:
        return []
    found = f"({lean[0] / step:.2f}, {lean[1] / step:.2f}) pixels in x and y over the height of the stack"
    unsure = f"The structure itself leaves the shear over the stack uncertain by {shear / step:.2f} pixels"
    if trend == "none":
        said = [f"The linear trend of the shifts, {found}, is corrected as drift."]
    elif trend == "linear":
        said = [f"The linear trend of the shifts, {found}, is kept as the specimen's and not corrected."]
    else:
        return [f"{known} sections with EBSD fix the frame; the trend between them is theirs."]
    advice = "; sections with EBSD that fix the frame would tell it (trend ebsd)" if shear > _UNSURE * step else ""
    return [*said, f"{unsure} (a standard error, from its scatter over the field){advice}."]
