"""Registration from end to end: where a map lies on its images, how sure that is, and when it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.register.featureless import without_featureless
from grainlight.register.fine.basis import LADDER, Freedom
from grainlight.register.fine.evidence import Parts, halves, left_over, overlap, sound, sure_part
from grainlight.register.fine.fit import fit, follow
from grainlight.register.fine.freedom import FINE, WORTHWHILE, choose, with_freedom
from grainlight.register.fixed import FixedMap, fixed_map
from grainlight.register.level import Pair
from grainlight.register.method import METHODS, Method
from grainlight.register.moving import MovingLight, moving_light
from grainlight.register.search import Candidate, search, unit_of
from grainlight.register.transform import Transform, stated

_FEWEST_POINTS = 100
_LEAST_SIDE = 8  # scan points
# Of the best placement's score over that of any other turn; unrelated pairs reach 1.5 (docs/registration.md).
_DISTINCT = 2.0
# Of a placement's gain over the best of places around it; fitted to unrelated light it reached 2.8.
_STANDS_OUT = 3.5
# Log-likelihood per point that the map must add to what is known of light in its stated place, with nothing fitted but
# the optics; unrelated light stayed below 0.3 in 196 pairs, light in its place began at 2.9 (docs/registration.md).
_HOLDS = 1.0
# The same of each channel, where there are fewer than five: one image of unrelated light reached 0.07 in 104 pairs,
# three 0.17; in their place 11 of 12 sections had more than 0.4 with one, and 1.3 with three.
_HOLDS_CHANNEL = 0.25
_AS_GOOD = 0.9  # of the best place around it, and
_PROMISING = 1.3
_LEAST_OVERLAP = 0.3
_LEAST_EXPLAINED = 0.05  # of one channel's variance, in a place that was searched
_WORST = 1.0  # EBSD steps of residual
_ELSEWHERE = 24
_SAME = 1.0  # pixels of the search between what it found and a fit of the stated place
_NO_WORSE = 0.02  # log-likelihood per point
_BELIEVED = (
    "The light fits the EBSD map in its stated place. The map has too few boundaries, or too many alike, to tell that "
    "place from all others: it is believed."
)
_FEW_GRAINS = 6.0  # their boundaries do not tell stretch and shear from a shift


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a map lies on its images.

    Parameters
    ----------
    transform
        From EBSD positions to recorded pixels.
    method
        How much freedom the data paid for: "stated" (the placement as stated), "translation", "rigid", "affine" or
        "deformable".
    residual
        Likely root-mean-square error in recorded pixels, estimated from the data; NaN where nothing was fitted.
    moved
        Root-mean-square distance in recorded pixels to the stated placement.
    trusted
        Whether the evidence carries the placement; if not, the light should not be used with it.
    report
        Numbers for the record.
    warnings
        Sentences for the user.
    """

    transform: Transform
    method: str
    residual: float
    moved: float
    trusted: bool
    report: dict[str, Any]
    warnings: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """Return plain values for the record of a run."""
        return {
            "method": self.method,
            "residual_px": _plain(self.residual),
            "moved_px": _plain(self.moved),
            "trusted": self.trusted,
            **self.report,
            "transform": self.transform.as_record(),
        }


def register(
    ebsd: OrientationMap,
    light: LightStack,
    method: Method = "auto",
    *,
    scale: int = 4,
    start: Transform | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Find where a map lies on its images, from nothing but the two.

    Parameters
    ----------
    ebsd
        The map, in any frame; its 6/mmm points count.
    light
        The stack; step, origin and mirror state where the user believes it to be. The step is taken as right to a few
        per cent.
    method
        "auto" keeps the stated placement unless another one tells points that it was not fitted on significantly
        better, and takes no more freedom than pays in the same coin; "rigid", "affine" and "deformable" fix the
        freedom; "none" believes what is stated.
    scale
        Images are binned no further than EBSD step / scale.
    start
        Placement to refine instead of a search, such as from points of the user's.

    Raises
    ------
    InputError
        If the method is unknown.
    """
    if method not in METHODS:
        raise InputError("unknown registration", found=repr(method), expected=", ".join(METHODS))
    progress = progress or Silent()
    fixed = fixed_map(ebsd)
    as_stated = stated(light, fixed.extent) if start is None else start
    if method == "none" or len(fixed.points) < _FEWEST_POINTS or min(fixed.known.shape) < _LEAST_SIDE:
        told = (
            () if method == "none" else ("The map has too few points to register it; the stated placement was used.",)
        )
        return Registration(as_stated, "stated", float("nan"), 0.0, True, {"points": len(fixed.points)}, told)

    def placed(images: LightStack, progress: Progress) -> Registration:
        moving = moving_light(images, fixed.step / scale * (1 + 1e-6), fixed.broad)
        return register_pair(
            Pair(fixed, moving, light.step), as_stated, method, given=start is not None, progress=progress
        )

    progress.begin("registering", 4)
    found = placed(light, progress)
    rest = None if found.trusted else without_featureless(light, fixed.step)
    if rest is not None:
        again = placed(rest, Silent())
        found = again if again.trusted else found
    return replace(found, moved=found.transform.distance(stated(light, fixed.extent)))


def register_pair(
    pair: Pair, as_stated: Transform, method: Method, *, given: bool = False, progress: Progress | None = None
) -> Registration:
    """Register two sides that are made already.

    Parameters
    ----------
    as_stated
        Where they are believed to lie.
    given
        Whether that is a start to refine, and nothing is to be searched elsewhere.
    """
    progress = progress or Silent()
    parts = halves(pair.fixed)
    use = parts[0] | parts[1]
    if method == "auto" and not given and _holds(pair, as_stated, use):
        return _in_place(pair, as_stated, parts, progress)
    found = [] if given else search(pair.fixed, pair.moving, pair.pixel)
    progress.advance()
    base, near, distinct, affine = _base(pair, as_stated, found, use, method, given)
    progress.advance()
    return _fitted(pair, as_stated, base, near, distinct, affine, found, parts, method, progress)


def _in_place(pair: Pair, as_stated: Transform, parts: Parts, progress: Progress) -> Registration:
    """Keep the stated place, which fits, but for what pays on points held out; and say where others would fit too."""
    progress.advance(2)
    use = parts[0] | parts[1]

    def kept_from(base: Transform, ladder: tuple[Freedom, ...]) -> Registration:
        return _fitted(pair, as_stated, base, True, _DISTINCT, None, [], parts, "auto", progress, ladder)

    kept = kept_from(as_stated, LADDER) if pair.fixed.grains >= _FEW_GRAINS else None
    if kept is None or not kept.trusted:
        shifted = fit(pair, as_stated, "translation", use, levels=(2.0, *FINE))
        shift = sure_part(pair, as_stated, shifted.offset - as_stated.offset, use)
        base = as_stated.replaced(offset=as_stated.offset + shift)
        pays = np.hypot(*shift) > WORTHWHILE and _gain(pair, base, use) > _gain(pair, as_stated, use) + _NO_WORSE
        kept = kept_from(base if pays else as_stated, ())
        kept = replace(kept, method="translation" if pays else "stated")
    alone = _rank(pair, kept.transform, use)
    kept = replace(kept, report={**kept.report, "distinct": round(alone, 2)})
    if not kept.trusted or alone >= _DISTINCT:
        return kept
    return replace(kept, warnings=(*kept.warnings, _BELIEVED))


def _fitted(
    pair: Pair,
    as_stated: Transform,
    base: Transform,
    near: bool,
    distinct: float,
    affine: Transform | None,
    found: list[Candidate],
    parts: Parts,
    method: Method,
    progress: Progress,
    ladder: tuple[Freedom, ...] | None = None,
) -> Registration:
    """Fit with as much freedom as pays, or as the method says, and judge it; ``ladder`` where the stated place fits."""
    if ladder != ():
        affine = affine or fit(pair, base, "affine", parts[0] | parts[1])
        trusted = sound(pair, affine, parts[0] | parts[1])
        parts = (parts[0] & trusted, parts[1] & trusted)
    if method == "auto":
        chosen = choose(pair, base, near, parts, affine, LADDER if ladder is None else ladder)
    else:
        chosen = with_freedom(pair, base, method, parts)
    progress.advance()
    residual = left_over(pair, chosen.transform, chosen.chance, parts)
    progress.advance()
    use, held = parts[0] | parts[1], ladder is not None
    return _judged(pair, as_stated, chosen.transform, chosen.name, residual, distinct, found, near, use, held)


def _base(
    pair: Pair,
    as_stated: Transform,
    found: list[Candidate],
    use: NDArray[np.bool_],
    method: Method,
    given: bool,
) -> tuple[Transform, bool, float, Transform | None]:
    """Return the placement to start from, whether it is the stated one, how distinct it is, and the affine fit from
    the stated one if it was made."""
    if given:
        return as_stated, True, 0.0, None
    distinct = found[0].score / max(found[1].score, 1e-9)
    if distinct < _PROMISING:
        # the search is lost; the stated placement may still be told from places around it
        return as_stated, True, distinct, None
    freedom: Freedom = "rigid" if method == "rigid" else "affine"
    stays = fit(pair, as_stated, freedom, use)
    affine = stays if freedom == "affine" else None
    # where the search found the same place, to its own precision, a fit from there would come here
    same = stays.distance(found[0].transform) < _SAME * unit_of(pair.fixed, pair.moving, pair.pixel) / pair.pixel
    there = stays if same else fit(pair, found[0].transform, freedom, use)
    # coarse evidence may be thin: once fitted, the right place stands out further and a wrong one does not
    distinct = distinct if distinct >= _DISTINCT else _rank(pair, there, use)
    if there.distance(stays) < 0.5:
        return as_stated, True, distinct, affine
    gains, here = [_gain(pair, t, use) for t in (there, stays)], _rank(pair, stays, use)
    if here >= _DISTINCT and gains[1] > gains[0] - _NO_WORSE:
        return as_stated, True, here, affine
    return (there, False, distinct, None) if distinct >= _DISTINCT else (as_stated, True, here, affine)


def _gain(pair: Pair, placed: Transform, use: NDArray[np.bool_]) -> float:
    return follow(pair, 0.5, placed, use).gain


def _holds(pair: Pair, placed: Transform, use: NDArray[np.bool_]) -> bool:
    """Whether light follows the map in a place that nothing was fitted for, as well as anywhere around and far better
    than in most places around. A field of two grains can ask for no more: it slides along its boundary."""
    here = _gain(pair, placed, use)
    least = min(_HOLDS, _HOLDS_CHANNEL * len(pair.moving.channels))
    around = _around(pair, placed, use) if here > least else []
    return len(around) > 0 and here >= _AS_GOOD * max(around) and here >= _STANDS_OUT * float(np.median(around))


def _rank(pair: Pair, placed: Transform, use: NDArray[np.bool_]) -> float:
    """Return how a placement's gain compares with the best of places well away from it; `_DISTINCT` is enough."""
    here = max(_gain(pair, placed, use), 0.0)
    return here / max([1e-3, *_around(pair, placed, use)]) * _DISTINCT / _STANDS_OUT


def _around(pair: Pair, placed: Transform, use: NDArray[np.bool_]) -> list[float]:
    """Return the gains of places well away from one."""
    x0, y0, x1, y1 = placed.extent
    reach = 0.3 * min(x1 - x0, y1 - y0) * np.sqrt(abs(np.linalg.det(placed.matrix)))
    least = min(_LEAST_OVERLAP, 0.7 * overlap(pair, placed))
    others = []
    for k in range(_ELSEWHERE):
        angle, far = 2 * np.pi * k / _ELSEWHERE, reach * (0.5 + 0.5 * (k % 3) / 2)
        away = placed.replaced(offset=placed.offset + far * np.array([np.cos(angle), np.sin(angle)]))
        if overlap(pair, away) > least:
            others.append(_gain(pair, away, use))
    return others


def _judged(
    pair: Pair,
    as_stated: Transform,
    best: Transform,
    name: str,
    residual: float,
    distinct: float,
    found: list[Candidate],
    near: bool,
    use: NDArray[np.bool_],
    held: bool,
) -> Registration:
    state, seen = follow(pair, 0.0, best, use), overlap(pair, best)
    # a placement that a fit has improved may be told from its surroundings where the stated one could not
    if distinct < _DISTINCT:
        distinct = max(distinct, _rank(pair, best, use))
    warnings = []
    limit = _WORST * pair.fixed.step / pair.pixel
    part = []
    if seen < _LEAST_OVERLAP and held:
        part.append(
            f"Only {100 * seen:.0f} % of the EBSD map lies on the polarized-light images; elsewhere EBSD is alone."
        )
    elif seen < _LEAST_OVERLAP:
        warnings.append(f"Only {100 * seen:.0f} % of the EBSD map lies on the polarized-light images.")
    if distinct < _DISTINCT:
        warnings.append(
            "The polarized light fits the EBSD map hardly better here than elsewhere "
            f"({distinct:.2f} times as well): too little contrast, or not the same place."
        )
    if not near and pair.fixed.grains < _FEW_GRAINS:
        warnings.append("The EBSD map has too few grains to find its place on the images by search.")
    elif not near and float(state.explained.max()) < _LEAST_EXPLAINED:
        warnings.append("Wherever it is laid, the EBSD map explains next to nothing of the polarized light.")
    if residual > limit:
        warnings.append(
            f"The registration is uncertain by {residual:.1f} pixels (rms), more than an EBSD step of {limit:.1f}."
        )
    trusted = not warnings
    moved = best.distance(as_stated)
    if trusted and not near:
        warnings.append(
            f"The images do not lie where --pl-origin and --pl-step state: registration moved them by {moved:.1f} "
            f"pixels (rms), turned by {best.turn:.1f} degrees{', mirrored' if best.mirrored else ''}."
        )
    report = {
        "points": int(use.sum()),
        "overlap": round(seen, 3),
        "distinct": round(float(distinct), 2),
        "explained": [round(float(v), 3) for v in state.explained],
        "scores": [round(c.score, 3) for c in found[:3]],
        "turn_deg": round(best.turn, 2),
        "mirrored": best.mirrored,
        "least_jacobian": round(float(best.determinants().min()), 3),
    }
    return Registration(best, name, residual, moved, trusted, report, (*warnings, *part))


def _plain(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


__all__ = ["METHODS", "Method", "Registration", "FixedMap", "MovingLight", "register", "register_pair"]
