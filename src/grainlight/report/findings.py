"""Plain sentences on what to trust in a restoration and what not, each from its own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from grainlight.restore.result import Result

Kind = Literal["sound", "note", "caution"]
CLEAR_BOUND = 5.0
"""Degrees: where the bound is larger, a pixel may belong to another grain."""
_CONTRADICTED = 0.05
_UNSURE = 0.05


@dataclass(frozen=True)
class Finding:
    """A sentence or two; ``kind`` says whether it is sound, to be noted, or a reason for caution."""

    kind: Kind
    text: str


def findings(result: Result) -> list[Finding]:
    """Return what the numbers of a result say about itself, cautions first."""
    record = result.record
    found = [
        *_pixels(result),
        *_bound(result),
        *_boundaries(result),
        *_light(record),
        *(_registration(record.get("registration")) if has_light(record) else ()),
        *_standing(result),
    ]
    warnings = [Finding("caution", _sentence(warning)) for warning in record.get("warnings", ())]
    order = {"caution": 0, "sound": 1, "note": 2}
    return sorted([*warnings, *found], key=lambda finding: order[finding.kind])


def shares(result: Result) -> dict[str, float]:
    """Return the shares, 0 to 1, of pixels that were measured, corrected, inferred and not restored."""
    count = np.bincount(result.source.ravel(), minlength=4) / result.source.size
    return dict(zip(("not restored", "measured", "corrected", "inferred"), count.tolist(), strict=True))


def percent(share: float) -> str:
    """Return a share as text: whole per cents, and more digits only where they are all there is."""
    value = 100 * share
    if 0 < value < 0.1:
        return "less than 0.1 %"
    if value > 99.9 and share < 1:
        return "more than 99.9 %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def _pixels(result: Result) -> list[Finding]:
    share = shares(result)
    found = []
    settings = result.record.get("settings", {})
    text = f"{percent(share['measured'])} of the pixels show what EBSD measured there, with its noise taken off"
    if share["inferred"]:
        text += (
            f"; {percent(share['inferred'])} were not measured and are inferred from their surroundings"
            f"{' and the light' if has_light(result.record) else ''}. Report this share along with the map"
        )
    found.append(Finding("note", text + "."))
    measured = share["measured"] + share["corrected"]
    if share["corrected"]:
        many = share["corrected"] > 0.1 * measured
        found.append(
            Finding(
                "caution" if many else "note",
                f"{percent(share['corrected'] / measured)} of the measured points were contradicted by their "
                "surroundings and replaced; what was measured is kept in the result file."
                + (" That is many: look at the map of sources for whole areas that were overruled." if many else ""),
            )
        )
    if share["not restored"]:
        found.append(
            Finding(
                "note",
                f"{percent(share['not restored'])} of the pixels were not restored: another phase, a wide hole, "
                "masked, or too far from any measurement.",
            )
        )
    if settings.get("samples") == 1:
        found.append(
            Finding(
                "caution",
                "Only one view of the section was computed, so boundaries are drawn as there or not there, and "
                "nothing here has an interval. More samples give both.",
            )
        )
    return found


def _bound(result: Result) -> list[Finding]:
    known = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    if known.size == 0 and (result.source > 0).any():
        return [
            Finding("caution", "There is no bound of the error anywhere: nothing here says how far to trust a pixel.")
        ]
    if known.size == 0:
        return [Finding("caution", "Nothing was restored.")]
    middle = float(np.median(known))
    wide = float(np.mean(known > CLEAR_BOUND))
    chance = result.other_grain[np.isfinite(result.other_grain)]
    expected = f", and {percent(float(chance.mean()))} are expected to" if chance.size else ""
    found = [
        Finding(
            "sound" if middle <= 2.0 else "caution",
            f"Half of the pixels have a 90 % bound of {middle:.1f}° or less, and {percent(1 - wide)} of them one within"
            f" {CLEAR_BOUND:g}°: nine pixels in ten are meant to be closer to the truth than their bound.",
        )
    ]
    if wide > 0.001:
        found.append(
            Finding(
                "caution" if wide > _UNSURE else "note",
                f"At {percent(wide)} of the pixels the bound is above {CLEAR_BOUND:g}°: they may belong to the "
                f"neighbouring grain{expected}. They are light in the map of uncertainty.",
            )
        )
    found.append(
        Finding(
            "note",
            _inside(known),
        )
    )
    return found


def _inside(known: NDArray[np.floating]) -> str:
    """Return what the map says of differences inside a grain: of the pixels that surely belong to theirs."""
    sure = known[known <= CLEAR_BOUND]
    if len(sure) < 0.5 * len(known):
        return (
            "Differences inside a grain (KAM, GOS, subgrains) cannot be told: at most of the pixels it is open which "
            "grain they belong to."
        )
    return (
        f"Differences inside a grain that are smaller than about {max(float(np.median(sure)), 0.5):.1f}° (KAM, GOS, "
        "subgrains) are at the limit of what the map can say, and where pixels were inferred they are no measurement."
    )


def _boundaries(result: Result) -> list[Finding]:
    p = result.boundary[result.source > 0]
    expected = float(p.sum())
    if result.record.get("settings", {}).get("samples") == 1 or expected == 0:
        return []
    sure = float(p[p >= 0.9].sum()) / expected
    return [
        Finding(
            "sound" if sure > 0.5 else "caution",
            f"{percent(sure)} of the expected boundary length (5° and more) stands where its probability is 90 % or "
            "more; the rest is drawn fainter where its place is open.",
        )
    ]


def has_light(record: dict[str, Any]) -> bool:
    """Whether polarized light was given and used."""
    placed = record.get("registration") or {}
    if record.get("light_refused"):
        return False
    return bool(record.get("light_input")) and placed.get("trusted", True) and record.get("light", {}).get("used", True)


def _registration(placed: dict[str, Any] | None) -> list[Finding]:
    if not placed or not placed.get("trusted") or not placed.get("moved_px"):
        return []
    method = placed["method"]
    residual, moved = placed.get("residual_px"), placed["moved_px"]
    how = {"file": "by the transform that was given", "points": "by the points that were given"}
    text = f"The images were placed on the map {how.get(method, f'by a search ({method})')}, {moved:.1f}"
    text += " of their pixels from where they were stated to lie"
    if residual is None:
        return [Finding("note", text + ".")]
    kind: Kind = "sound" if residual <= 1.0 else "caution"
    return [Finding(kind, f"{text}; the likely error of the placement is {residual:.1f} pixels.")]


def _light(record: dict[str, Any]) -> list[Finding]:
    if not has_light(record):
        scale = record.get("settings", {}).get("scale", 1)
        if scale == 1:
            return [Finding("note", "No polarized light was used: the map rests on EBSD alone.")]
        return [
            Finding(
                "caution",
                "No polarized light was used: between the measured points, where boundaries run is the model's guess "
                "and no observation. Small grains and twins that no measured point hit are missing.",
            )
        ]
    light = record.get("light", {})
    found = []
    against = light.get("share_contradiction") or 0.0
    strange = max(light.get("share_inconsistent") or 0.0, light.get("share_misfit") or 0.0)
    if against > _CONTRADICTED:
        found.append(
            Finding(
                "caution",
                f"Light and EBSD contradict each other at {percent(against)} of the pixels: a stain or scratch, points "
                "that were misindexed, or images that do not lie on the map. The light counted less there.",
            )
        )
    else:
        found.append(Finding("sound", "The light agrees with the measured c-axes wherever EBSD measured them."))
    if strange > _CONTRADICTED:
        found.append(
            Finding(
                "note",
                f"At {percent(strange)} of the pixels the light is that of no single crystal (dust, stain, a boundary "
                "inside the pixel); it counted less there.",
            )
        )
    for name, what in (("share_saturated", "saturated"), ("share_outside", "outside the images")):
        if (light.get(name) or 0.0) > 0.01:
            found.append(Finding("note", f"{percent(light[name])} of the pixels are {what}."))
    return found


def _standing(result: Result) -> list[Finding]:
    """What holds for every run."""
    frames = result.record.get("frames", {})
    crystal = {"a": "a", "a_star": "a*", "a-star": "a*"}.get(frames.get("crystal", ""), frames.get("crystal", "?"))
    return [
        Finding(
            "note",
            f"The sample frame ({frames.get('sample', '?')}), the crystal frame (X along {crystal}) and the step were "
            "taken as stated. The bound knows nothing of a mistake there.",
        ),
        Finding(
            "note",
            "Polarized light sees the c-axis only: a boundary across which only the turn about c changes is known from "
            "EBSD alone. The model was trained on synthetic metal only.",
        ),
    ]


def _sentence(text: str) -> str:
    text = text.strip()
    return (text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")) if text else text
