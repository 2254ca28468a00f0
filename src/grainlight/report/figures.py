"""The maps of a report as embedded images, each with its words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LightStack
from grainlight.report.colours import DIRECTIONS, ipf_colours
from grainlight.report.embed import Embedded, embed, embed_scaled
from grainlight.report.findings import percent
from grainlight.report.light_view import LightView, grey, limits_of, view_light
from grainlight.report.measured_view import MeasuredView, view_measured
from grainlight.report.panels import bar_length, thinned_most
from grainlight.report.plots import boundaries_on, source_colours, step_text
from grainlight.report.scales import CHANCE, DEGREES, NOT_RESTORED, ON_GREY, SOURCES, Scale

if TYPE_CHECKING:
    from grainlight.restore.result import Result

MOST_PIXELS = 1024
"""Pixels along a side beyond which a page shows every n-th."""
# bytes; together with the rest of the page four thirds of them stay below 8 MB
IPF, UNCERTAINTY, ON_LIGHT, LIGHT, SOURCE, OVERLAY, DAMAGE = (
    1000 * size for size in (480, 420, 420, 330, 120, 380, 350)
)

FLAGS = (
    (1 | 2, "#4a4a4a", "no light, or saturated"),
    (4 | 16, "#56b4e9", "light of no single crystal"),
    (256 | 512, "#009e73", "veiled or out of focus: less contrast than elsewhere"),
    (8 | 32, "#d55e00", "light contradicts EBSD"),
    (128, "#f0e442", "brightness not used: a region contradicts EBSD"),
    (64, "#cc79a7", "light not used: a region contradicts EBSD, or is opaque"),
)
"""Bits of `Result.light_flags`, their colours and what they mean."""


@dataclass(frozen=True)
class Bar:
    """A colour scale: CSS gradient, ticks as (position in per cent, text), and the unit."""

    gradient: str
    ticks: tuple[tuple[float, str], ...]
    unit: str

    @classmethod
    def of(cls, scale: Scale) -> Bar:
        """Return the bar of a scale."""
        at = 100 * scale.position(np.array(scale.ticks, dtype=np.float64))
        texts = (f"{tick:g}" for tick in scale.ticks)
        return cls(_gradient(scale.palette(17)), tuple(zip(np.round(at, 1).tolist(), texts, strict=True)), scale.unit)

    @classmethod
    def linear(cls, palette: NDArray[np.uint8], low: float, high: float, unit: str) -> Bar:
        """Return the bar of a linear scale with its two ends and its middle named."""
        ticks = ((0.0, f"{low:g}"), (50.0, f"{(low + high) / 2:g}"), (100.0, f"{high:g}"))
        return cls(_gradient(palette[:: max(1, len(palette) // 16)]), ticks, unit)


@dataclass(frozen=True)
class Panel:
    """A map with a title, what it shows in words (``alt``), a caption, and a scale or ``keys``: colours and names."""

    name: str
    title: str
    image: Embedded
    alt: str
    caption: str
    bar: Bar | None = None
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Compare:
    """Two images of the same field under a slider, ``left`` of its line and ``right`` of it."""

    left: Embedded
    right: Embedded
    left_alt: str
    right_alt: str


@dataclass(frozen=True)
class Maps:
    """All maps of a page.

    ``orientation`` by direction; ``light`` before and after, or None without images; ``scale`` the length of the scale
    bar in um with its share of the width in per cent; ``ratio`` width over height of the field; ``crisp`` whether the
    pixels are fewer than the screen's, and shown as squares.
    """

    orientation: dict[str, Compare]
    measured_title: str
    restored_title: str
    light: Compare | None
    light_titles: tuple[str, str]
    light_caption: str
    panels: tuple[Panel, ...]
    scale: tuple[str, float]
    ratio: float
    crisp: bool


def maps_of(result: Result, stack: LightStack | None, overlay: NDArray[np.uint8] | None = None) -> Maps:
    """Return the maps of a page.

    Parameters
    ----------
    result
        What was restored.
    stack
        The images that it was restored with, or None.
    overlay
        (H, W, 3) picture of the registration on the output grid, or None.
    """
    n = max(1, math.ceil(max(result.map.shape) / MOST_PIXELS))
    seen = view_light(result, stack)
    shown, points = result.map.every(n), view_measured(result)
    rows, columns = result.map.shape
    wide, high = columns * result.map.step[0], rows * result.map.step[1]
    length = bar_length(wide)
    orientation: dict[str, Compare] = {}
    for direction in DIRECTIONS:
        images = (points.colours(direction)[::n, ::n], ipf_colours(shown, direction))
        left, right = (embed(_bytes(image), IPF) for image in images)
        words = f"orientations coloured by IPF-{direction}"
        orientation[direction] = Compare(left, right, f"Measured {words}", f"Restored {words}")
    step = measured_step(result)
    return Maps(
        orientation=orientation,
        measured_title=f"measured{'' if step is None else f', {step} step'}",
        restored_title=f"restored, {step_text(result.map)} step",
        **_light(seen, n),
        panels=tuple(_panels(result, seen, points, overlay, n)),
        scale=(f"{length:g} µm", round(100 * length / wide, 3)),
        ratio=wide / high,
        crisp=max(shown.shape) < 700,
    )


def measured_step(result: Result) -> str | None:
    """Return the step of the measured points as text, where the record has it."""
    step = result.record.get("ebsd", {}).get("step_um")
    if not step:
        return None
    across, down = step
    return f"{across:.3g} µm" if abs(across - down) < 1e-3 * across else f"{across:.3g} × {down:.3g} µm"


def _panels(
    result: Result, seen: LightView, points: MeasuredView, overlay: NDArray[np.uint8] | None, n: int
) -> list[Panel]:
    restored = result.source > 0
    p = thinned_most(np.where(restored, result.boundary, np.nan), n)
    below = seen.restored if seen.measured is None else seen.measured
    what = "restored" if seen.measured is None else "measured"
    panels = [
        Panel(
            "boundaries",
            "Boundaries on the light",
            embed(boundaries_on(grey(below[::n, ::n]), p), ON_LIGHT),
            f"Grain boundaries coloured by their probability, drawn on the {what} polarized light",
            f"Boundaries of 5° and more by their probability, on the {what} light. A line that follows no edge of the "
            "light rests on EBSD alone; an edge of the light without a line was not believed.",
            Bar.of(ON_GREY),
        ),
        *_bound(result, n),
        *_other_grain(result, n),
        Panel(
            "source",
            "Where each pixel comes from",
            embed(source_colours(result.source, n), SOURCE),
            "Map of measured, corrected, inferred and not restored pixels",
            "Measured: the map agrees with the scan point. Corrected: a scan point that its surroundings contradict "
            "was replaced. Inferred: there was no scan point.",
            keys=tuple((one.colour, one.name) for one in SOURCES if (result.source == one.code).any()),
        ),
    ]
    if result.light_flags is not None:
        panels.append(_flags(result.light_flags[::n, ::n], grey(below[::n, ::n])))
    if overlay is None and seen.measured is not None:
        overlay = _overlay(grey(seen.measured), points.boundaries())
    if overlay is not None:
        panels.append(
            Panel(
                "registration",
                "Registration",
                embed(np.ascontiguousarray(overlay[::n, ::n, :3]), OVERLAY),
                "Boundaries of the measured EBSD map drawn on the polarized light",
                "Boundaries of the EBSD map as measured, in orange, on the light as it was placed on the map: within a "
                "step of the scan they must run along the edges of the light.",
            )
        )
    return panels


def _bound(result: Result, n: int) -> list[Panel]:
    """The bound of the error; nothing where none is given (`restore.record.uncalibrated_warning`)."""
    degrees = np.where(result.source > 0, result.uncertainty, np.nan)
    unknown = np.isnan(degrees)
    if unknown.all():
        return []
    return [
        Panel(
            "uncertainty",
            "Uncertainty",
            embed_scaled(DEGREES.position(thinned_most(degrees, n)), DEGREES.palette(), UNCERTAINTY, NOT_RESTORED),
            "Map of the 90 % bound of the error in degrees",
            "The angle that the error is meant to stay below at nine pixels in ten. Above 5° a pixel may belong to the "
            "neighbouring grain." + (" Pink: not restored." if unknown.any() else ""),
            Bar.of(DEGREES),
        )
    ]


def _other_grain(result: Result, n: int) -> list[Panel]:
    if result.other_grain.shape != result.source.shape or not np.isfinite(result.other_grain).any():
        return []
    chance = thinned_most(np.where(result.source > 0, result.other_grain, np.nan).astype(np.float32), n)
    return [
        Panel(
            "other-grain",
            "Another grain?",
            embed_scaled(CHANCE.position(chance), CHANCE.palette(), UNCERTAINTY, NOT_RESTORED),
            "Map of the probability that a pixel belongs to another grain",
            "The probability that a pixel belongs to another grain than drawn: that its error exceeds 5°.",
            Bar.of(CHANCE),
        )
    ]


def _overlay(image: NDArray[np.uint8], boundaries: NDArray[np.bool_]) -> NDArray[np.uint8]:
    picture = np.repeat(image[..., None], 3, axis=-1)
    picture[boundaries] = _rgb("#ff8c1a")
    return picture


def _flags(flags: NDArray[np.uint16], image: NDArray[np.uint8]) -> Panel:
    """Where light and EBSD contradict each other, and where the light itself is doubtful; later ones lie on top."""
    picture = np.repeat((70 + 0.55 * image[..., None]).astype(np.uint8), 3, axis=-1)
    keys = []
    for bits, colour, name in FLAGS:
        at = (flags.astype(np.uint16) & bits) > 0
        if at.any():
            picture[at] = np.round(0.15 * picture[at] + 0.85 * _rgb(colour))
            keys.append((colour, f"{name} ({percent(float(at.mean()))})"))
    return Panel(
        "contradiction",
        "Light against EBSD",
        embed(picture, DAMAGE),
        "Map of the pixels where light and EBSD contradict each other or the light is damaged",
        "Coloured pixels are those whose light counted less: it contradicts the c-axes of EBSD, fits no single crystal "
        "(dust, scratch, stain, two grains in one pixel), or is missing. Where a whole region contradicts EBSD its "
        "light is not used at all, and the map rests on EBSD alone."
        if keys
        else "Nowhere does the light contradict the c-axes of EBSD.",
        keys=tuple(reversed(keys)),
    )


def _light(seen: LightView, n: int) -> dict[str, Any]:
    if seen.measured is None:
        return {"light": None, "light_titles": ("", ""), "light_caption": ""}
    limits = limits_of(seen.measured)
    left, right = (embed(grey(image[::n, ::n], limits), LIGHT) for image in (seen.measured, seen.restored))
    known = seen.angle is not None and math.isfinite(seen.angle)
    which = (
        f"The image at {seen.angle:g}°, the one with the most contrast,"
        if known
        else "The image with the most contrast"
    )
    caption = f"{which} as recorded and as the restored light has it"
    if seen.explained is not None:
        caption += f" ({100 * seen.explained:.0f} % of its variance explained)"
    return {
        "light": Compare(left, right, "Polarized-light image as recorded", "The same image from the restored light"),
        "light_titles": (f"recorded, {seen.angle:g}°" if known else "recorded", "restored"),
        "light_caption": caption + ". Scratches, stains and uneven light should be gone; grains should not.",
    }


def _rgb(colour: str) -> NDArray[np.uint8]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8)


def _bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(255 * colours).astype(np.uint8)


def _gradient(palette: NDArray[np.uint8]) -> str:
    return "linear-gradient(90deg," + ",".join(f"rgb({r},{g},{b})" for r, g, b in palette.tolist()) + ")"
