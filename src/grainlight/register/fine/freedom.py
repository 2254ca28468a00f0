"""How much freedom a placement takes: what the sides of boundaries pay for, or else what points held out do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.register.fine.basis import LADDER, Freedom
from grainlight.register.fine.evidence import Halves, Parts, advantage
from grainlight.register.fine.fit import fit, follow
from grainlight.register.fine.sides import Sided, refine, sided
from grainlight.register.level import Pair
from grainlight.register.method import Method
from grainlight.register.transform import Transform

FINE = (1.0, 0.5, 0.0)
"""Blurs [EBSD steps] of a fit from a place that is nearly right."""
WORTHWHILE = 0.25
"""Recorded pixels: smaller corrections of what was stated are not made."""
_SURE = 2.5  # standard errors
# Deviations of smooth drift and of a random walk that are tried, in those of the prior (python -m benchmarks.kept).
_DRIFTS = ((1.0, 1.0), (2.0, 1.0), (4.0, 1.0), (2.0, 2.0))
# Logarithms of the evidence, or of the likelihood that parameters of a shift or of an affine map have to add: in place
# they reach 0, and half their number by chance.
_BENT, _SHIFTED, _MOVED = 5.0, 8.0, 14.0
# Log-likelihood per point of light that follows a map, and share of the points, or of it, that a place without has.
_FOLLOWS, _TOLD = 1.0, 0.5


@dataclass(frozen=True, eq=False)
class Chosen:
    """A placement, the ``name`` of its freedom, and its rms error [pixels] by ``chance``."""

    transform: Transform
    name: str
    chance: float


def choose(
    pair: Pair, base: Transform, near: bool, parts: Parts, affine: Transform | None, ladder: tuple[Freedom, ...]
) -> Chosen:
    """Return the placement of the most freedom that pays.

    Parameters
    ----------
    near
        Whether ``base`` is the stated placement, which is kept unless another is clearly better; what had to be
        searched was scanned on another instrument, and drift is to be expected.
    affine
        The fit from ``base`` where it was made already.
    ladder
        Freedoms that may be taken.
    """
    found = _by_sides(pair, base, near, parts, affine) if ladder else None
    return found or _by_points(pair, base, near, parts, affine, ladder)


def with_freedom(pair: Pair, base: Transform, method: Method, parts: Parts) -> Chosen:
    """Return the placement of the freedom that a method names."""
    use = parts[0] | parts[1]
    best = fit(pair, base, "rigid" if method == "rigid" else "affine", use)
    if method == "deformable":
        bent = _bent(pair, best, parts)
        if bent is not None:
            return Chosen(bent.transform, method, bent.chance)
        best = fit(pair, best, "deformable", use, levels=FINE)
    freedom: Freedom = method  # type: ignore[assignment]
    found = refine(pair, best, freedom, use)
    if found is not None:
        return Chosen(found.transform, method, found.chance)
    return Chosen(best, method, _apart(on_halves(pair, best, freedom, parts)))


def _by_sides(pair: Pair, base: Transform, near: bool, parts: Parts, affine: Transform | None) -> Chosen | None:
    """Choose by the sides of boundaries that points lie on; None where too few are told."""
    use = parts[0] | parts[1]
    straight = refine(pair, affine or fit(pair, base, "affine", use, levels=(2.0, *FINE)), "affine", use)
    if straight is None:
        return None
    bent = _bent(pair, straight.transform, parts, straight)
    best, name = sided(pair, base, use), "stated"
    # what was scanned askew has drift too
    askew = straight.transform.distance(base) > WORTHWHILE and straight.gain_over(best) > _MOVED
    pays = bent is not None and bent.evidence_over(straight) > (_BENT if near and not askew else 0.0)
    if bent is not None and pays and (not near or bent.transform.distance(base) > WORTHWHILE):
        return Chosen(bent.transform, "deformable", bent.chance)
    if not near:
        return Chosen(straight.transform, "affine", straight.chance)
    shifted = refine(pair, fit(pair, base, "translation", use, levels=(2.0, *FINE)), "translation", use)
    for freedom, trial, least in (("translation", shifted, _SHIFTED), ("affine", straight, _MOVED)):
        farther = trial is not None and trial.transform.distance(best.transform) > WORTHWHILE
        if trial is not None and farther and (trial.gain_over(best) > least or _only_there(pair, trial, best, use)):
            best, name = trial, freedom
    if name == "stated":
        # how far a fit would go tells how far off the stated place may be
        told = shifted or straight
        return Chosen(base, name, max(told.chance, told.transform.distance(base)))
    return Chosen(best.transform, name, best.chance)


def _only_there(pair: Pair, trial: Sided, best: Sided, use: NDArray[np.bool_]) -> bool:
    """Whether the light follows the map under a trial and not where the best so far is: no point tells its side there,
    so that sides cannot compare the two."""
    if best.weight.sum() >= _TOLD * trial.weight.sum():
        return False
    there, here = (follow(pair, 0.5, one.transform, use).gain for one in (trial, best))
    return there > _FOLLOWS and here < _TOLD * there


def _bent(pair: Pair, start: Transform, parts: Parts, straight: Sided | None = None) -> Sided | None:
    """Return the deformable placement of the drift that the data are likeliest under."""
    use = parts[0] | parts[1]
    begin = fit(pair, start, "deformable", use, levels=FINE)
    trials = [refine(pair, begin, "deformable", use, drift=drift) for drift in _DRIFTS]
    found = [trial for trial in trials if trial is not None]
    return max(found, key=lambda trial: trial.evidence_over(straight or found[0])) if found else None


def _by_points(
    pair: Pair, base: Transform, near: bool, parts: Parts, affine: Transform | None, ladder: tuple[Freedom, ...]
) -> Chosen:
    """Choose by how well points are told that were held out."""
    use = parts[0] | parts[1]
    if not near:
        straight, bent = on_halves(pair, base, "affine", parts), fit(pair, base, "deformable", use, levels=FINE)
        fitted = on_halves(pair, bent, "deformable", parts)
        if advantage(pair, straight, fitted, parts, 0.0).beyond(1.0):
            return Chosen(base, "affine", _apart(straight))
        return Chosen(bent, "deformable", _apart(fitted))
    best, fitted, name = base, (base, base), "stated"
    for freedom in ladder:
        if freedom == "affine" and affine is not None and name == "stated":
            trial = affine
        else:
            trial = fit(pair, best, freedom, use, levels=FINE if freedom == "deformable" else (2.0, *FINE))
        step = trial.distance(best)
        if step <= WORTHWHILE:
            continue
        trials = on_halves(pair, trial, freedom, parts)
        error = _apart(trials)
        if step > 2 * error and advantage(pair, trials, fitted, parts, 0.0).beyond(_SURE):
            best, fitted, name = trial, trials, freedom
    if name == "stated":
        # nothing was fitted; how far a shift would go tells how far off the stated placement may be
        fitted = on_halves(pair, best, "translation", parts)
    return Chosen(best, name, _apart(fitted))


def on_halves(pair: Pair, best: Transform, freedom: Freedom, parts: Parts) -> Halves:
    """Fit either half anew from a placement that the whole has found; the start's bend is left to the freedom."""
    one, other = (fit(pair, best, freedom, part, levels=(0.5, 0.0)) for part in parts)
    return one, other


def _apart(fitted: Halves) -> float:
    """Return the rms error by chance of a placement that was fitted on halves."""
    # they share blur, relief and prior: what they agree on is not all right (synthetic sections, docs/registration.md)
    return 1.4 * fitted[0].distance(fitted[1]) / 2


__all__ = ["FINE", "LADDER", "Chosen", "choose", "on_halves", "with_freedom"]
