"""Figures of a report: what stands at its top, and the table of grains."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from grainlight.grains.grain_map import GrainMap
from grainlight.grains.interval import Interval
from grainlight.report.figures import measured_step
from grainlight.report.findings import percent, shares
from grainlight.report.plots import step_text

if TYPE_CHECKING:
    from grainlight.restore.result import Result

_FIGURES = (
    ("grains", "Grains", "", 0),
    ("interior_grains", "of them whole inside the map", "", 0),
    ("mean_diameter", "Mean equivalent diameter", "µm", 3),
    ("astm_number", "ASTM grain size number (E2627)", "", 3),
    ("mean_aspect", "Mean aspect ratio", "", 3),
    ("mean_gos", "Mean grain orientation spread", "°", 3),
    ("boundary_density", "Boundary length per area", "µm⁻¹", 3),
    ("twin_fraction", "Twin boundaries, share of length", "%", 3),
    ("variant_fraction", "Burgers variants, share of length", "%", 3),
)
_LEAST_SPECIAL = 0.005


@dataclass(frozen=True)
class Tile:
    """A figure with its name and, below it, a word on it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Line:
    """A line of the table of grains; ``interval`` is empty without samples; ``part`` of the line above."""

    name: str
    value: str
    interval: str
    part: bool = False


def headline(result: Result, grains: GrainMap) -> list[Tile]:
    """Return the figures at the top of the page."""
    rows, columns = result.map.shape
    step = result.map.step
    share = shares(result)
    known = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    before = measured_step(result)
    tiles = [
        Tile("Field", f"{columns * step[0]:.3g} × {rows * step[1]:.3g} µm", f"{columns} × {rows} pixels"),
        Tile("Step", step_text(result.map), f"measured at {before}" if before else ""),
        Tile("Measured", percent(share["measured"] + share["corrected"]), f"{percent(share['inferred'])} inferred"),
    ]
    if known.size:
        middle, high = np.percentile(known, (50, 95))
        tiles.append(Tile("90 % bound", f"{middle:.1f}°", f"median; {high:.1f}° at 95 % of pixels"))
    one = grains.figures["grains"]
    between = _between(one, "", 0)
    tiles.append(
        Tile("Grains", f"{one.value:.0f}", f"90 %: {between}" if between else f"from {grains.threshold:g}° up")
    )
    size = grains.figures["mean_diameter"]
    if math.isfinite(size.value):
        between = _between(size, "", 3)
        tiles.append(Tile("Mean diameter", f"{size.value:.3g} µm", f"90 %: {between}" if between else "whole grains"))
    return tiles


def lines_of(grains: GrainMap) -> list[Line]:
    """Return the table of grains: the figures, with the special boundaries that occur below their sums."""
    lines = []
    for name, words, unit, digits in _FIGURES:
        one = grains.figures.get(name)
        kind = name.removesuffix("_fraction")
        if one is None or not math.isfinite(one.value) or (kind != name and one.value < _LEAST_SPECIAL):
            continue
        part = name == "interior_grains"
        lines.append(Line(words, _value(one.value, unit, digits), _between(one, unit, digits), part))
        start = f"fraction of {kind} "
        special = [(key, value) for key, value in grains.figures.items() if key.startswith(start)]
        for key, value in sorted(special, key=lambda item: -np.nan_to_num(item[1].value)):
            if value.value >= _LEAST_SPECIAL:
                words = _indices(key.removeprefix("fraction of ").replace(" deg", "°"))
                lines.append(Line(words, _value(value.value, "%", 1), _between(value, "%", 1), part=True))
    return lines


def _value(value: float, unit: str, digits: int) -> str:
    value = 100 * value if unit == "%" else value
    text = _number(value, unit, digits)
    return text + ("°" if unit == "°" else f" {unit}" if unit else "")


def _between(one: Interval, unit: str, digits: int) -> str:
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return ""
    ends = (100 * end if unit == "%" else end for end in (one.low, one.high))
    return " to ".join(_number(end, unit, digits) for end in ends)


def _number(value: float, unit: str, digits: int) -> str:
    if unit == "%":
        return f"{value:.1f}"
    return f"{value:,.0f}" if digits == 0 else f"{value:.{digits}g}"


def _indices(name: str) -> Markup:
    """Miller-Bravais indices with their minus signs as bars."""
    text = Markup.escape(name.replace("<", "⟨").replace(">", "⟩"))
    barred = re.sub(r"-(\d)", r'<span class="over">\1</span>', str(text))
    return Markup(re.sub(r"[{⟨].*?[}⟩]", r'<span class="miller">\g<0></span>', barred))
