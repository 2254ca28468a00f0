"""The maps of a report as embedded images, each with its words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import DIRECTIONS, ipf_colours
from grainlight.report.embed import Embedded, embed, embed_scaled
from grainlight.report.light_view import LightView, grey, limits_of, view_light
from grainlight.report.panels import bar_length, thinned_most
from grainlight.report.plots import boundaries_on, step_text
from grainlight.report.scales import DEGREES, NOT_RESTORED, ON_GREY, SOURCES, Scale
from grainlight.restore.result import NOT_RESTORED as NOTHING

if TYPE_CHECKING:
    from grainlight.restore.result import Result

MOST_PIXELS = 1024
"""Pixels along a side beyond which a page shows every n-th."""
# bytes; together with the rest of the page four thirds of them stay below 8 MB
_IPF, _DOUBT, _ON_LIGHT, _LIGHT, _SOURCE, _OVERLAY = 520_000, 420_000, 420_000, 330_000, 120_000, 380_000


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
    """A map with a title, what it shows in words (``alt``), a caption and, where it has one, a colour scale."""

    name: str
    title: str
    image: Embedded
    alt: str
    caption: str
    bar: Bar | None = None


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
    shown, points = result.map.every(n), measured_map(result).every(n)
    rows, columns = result.map.shape
    wide, high = columns * result.map.step[0], rows * result.map.step[1]
    length = bar_length(wide)
    orientation = {}
    for direction in DIRECTIONS:
        pair = (embed(_bytes(ipf_colours(one, direction)), _IPF) for one in (points, shown))
        words = (f"{what} orientations coloured by IPF-{direction}" for what in ("Measured", "Restored"))
        orientation[direction] = Compare(*pair, *words)
    step = measured_step(result)
    return Maps(
        orientation=orientation,
        measured_title=f"measured{'' if step is None else f', {step} step'}",
        restored_title=f"restored, {step_text(result.map)} step",
        **_light(seen, n),
        panels=tuple(_panels(result, seen, overlay, n)),
        scale=(f"{length:g} µm", round(100 * length / wide, 3)),
        ratio=wide / high,
        crisp=max(shown.shape) < 700,
    )


def measured_map(result: Result) -> OrientationMap:
    """Return what was measured on the output grid: each pixel shows the scan point that it lies nearest to.

    Pixels further from any point than half a step are not indexed; other phases are as in the result.
    """
    from scipy.ndimage import distance_transform_edt

    found = result.map
    if not result.measured.any():
        return found.replace(phase_id=np.where(result.source == NOTHING, found.phase_id, 0).astype(np.int16))
    nearest = distance_transform_edt(~result.measured, return_distances=False, return_indices=True)
    rows, columns = np.indices(found.shape)
    reach = result.record.get("settings", {}).get("scale", 1) / 2
    near = np.maximum(np.abs(nearest[0] - rows), np.abs(nearest[1] - columns)) <= reach
    q = result.measured_quaternions[nearest[0], nearest[1]]
    phase = found.phase_id[nearest[0], nearest[1]]
    other = (result.source == NOTHING) & (found.phase_id > 0)
    return found.replace(
        quaternions=np.where(near[..., None], q, found.quaternions),
        phase_id=np.where(other, found.phase_id, np.where(near, phase, 0)).astype(np.int16),
        fields={},
    )


def measured_step(result: Result) -> str | None:
    """Return the step of the measured points as text, where the record has it."""
    step = result.record.get("ebsd", {}).get("step_um")
    if not step:
        return None
    across, down = step
    return f"{across:.3g} µm" if abs(across - down) < 1e-3 * across else f"{across:.3g} × {down:.3g} µm"


def legend_of_sources(result: Result) -> list[tuple[str, str]]:
    """Return colour and name of the sources that occur."""
    return [(source.colour, source.name) for source in SOURCES if (result.source == source.code).any()]


def _panels(result: Result, seen: LightView, overlay: NDArray[np.uint8] | None, n: int) -> list[Panel]:
    restored = result.source > 0
    p = thinned_most(np.where(restored, result.boundary, np.nan), n)
    below = seen.restored if seen.measured is None else seen.measured
    what = "restored" if seen.measured is None else "measured"
    degrees = thinned_most(np.where(restored, result.uncertainty, np.nan), n)
    panels = [
        Panel(
            "boundaries",
            "Boundaries on the light",
            embed(boundaries_on(grey(below[::n, ::n]), p), _ON_LIGHT),
            f"Grain boundaries coloured by their probability, drawn on the {what} polarized light",
            f"Boundaries of 5° and more by their probability, on the {what} light. A line that follows no edge of the "
            "light rests on EBSD alone; an edge of the light without a line was not believed.",
            Bar.of(ON_GREY),
        ),
        Panel(
            "uncertainty",
            "Uncertainty",
            embed_scaled(DEGREES.position(degrees), DEGREES.palette(), _DOUBT, NOT_RESTORED),
            "Map of the 90 % bound of the error in degrees",
            "The angle that the error is meant to stay below at nine pixels in ten. Above 5° a pixel may belong to the "
            "neighbouring grain." + (" Pink: not restored." if not restored.all() else ""),
            Bar.of(DEGREES),
        ),
        Panel(
            "source",
            "Where each pixel comes from",
            embed(_source_colours(result.source[::n, ::n]), _SOURCE),
            "Map of measured, corrected, inferred and not restored pixels",
            "Measured: the map agrees with the scan point. Corrected: a scan point that its surroundings contradict "
            "was replaced. Inferred: there was no scan point.",
        ),
    ]
    if overlay is not None:
        panels.append(
            Panel(
                "registration",
                "Registration",
                embed(np.ascontiguousarray(overlay[::n, ::n, :3]), _OVERLAY),
                "Boundaries of the EBSD map drawn on the registered polarized light",
                "Boundaries of the EBSD map on the light as it was laid on the map: they must run along its edges.",
            )
        )
    return panels


def _light(seen: LightView, n: int) -> dict[str, Compare | tuple[str, str] | str | None]:
    if seen.measured is None:
        return {"light": None, "light_titles": ("", ""), "light_caption": ""}
    limits = limits_of(seen.measured)
    pair = (embed(grey(image[::n, ::n], limits), _LIGHT) for image in (seen.measured, seen.restored))
    caption = (
        f"The image at {seen.angle:g}°, the one with the most contrast, as recorded and as the restored light has it"
    )
    if seen.explained is not None:
        caption += f", which explains {100 * seen.explained:.0f} % of its variance"
    words = ("Polarized-light image as recorded", "The same image from the restored light")
    return {
        "light": Compare(*pair, *words),
        "light_titles": (f"recorded, {seen.angle:g}°", "restored"),
        "light_caption": caption + ". Scratches, stains and uneven light should be gone; grains should not.",
    }


def _source_colours(source: NDArray[np.uint8]) -> NDArray[np.uint8]:
    palette = [[int(one.colour[i : i + 2], 16) for i in (1, 3, 5)] for one in SOURCES]
    return np.array(palette, dtype=np.uint8)[source]


def _bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(255 * colours).astype(np.uint8)


def _gradient(palette: NDArray[np.uint8]) -> str:
    return "linear-gradient(90deg," + ",".join(f"rgb({r},{g},{b})" for r, g, b in palette.tolist()) + ")"
