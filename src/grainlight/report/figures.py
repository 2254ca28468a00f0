"""The maps of a report as embedded images, each with its words: the layers of the viewer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LightStack
from grainlight.report.embed import Embedded, embed, embed_scaled
from grainlight.report.panels import bar_length
from grainlight.report.scales import NOT_RESTORED, Scale
from grainlight.report.viewer.layers import NOTHING, Layer, layers_of, measured_step

if TYPE_CHECKING:
    from grainlight.restore.result import Result

MOST_PIXELS = 1024
"""Pixels along a side beyond which a page shows every n-th."""
# bytes; together with the rest of the page four thirds of them stay below 8 MB
IPF, DOUBT, ON_LIGHT, LIGHT, SOURCE, OVERLAY, DAMAGE = (1000 * size for size in (330, 270, 320, 260, 100, 300, 260))
VALUES = 1_350_000 * 4 // 3
"""Of the values of pixels and of the grains, as text."""
_BUDGET = {
    "light": LIGHT,
    "boundaries": ON_LIGHT,
    "uncertainty": DOUBT,
    "other-grain": DOUBT,
    "residual": DOUBT,
    "source": SOURCE,
    "flags": DAMAGE,
    "registration": OVERLAY,
}

__all__ = ["Bar", "Figure", "Maps", "maps_of", "measured_step", "thinning_of"]


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


@dataclass(frozen=True, eq=False)
class Figure:
    """A layer as images of a page: its one or two (file, image, title, what it shows), and its colour scale."""

    layer: Layer
    images: tuple[tuple[str, Embedded, str, str], ...]
    bar: Bar | None

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Colours and names that occur."""
        return tuple(key for key in self.layer.keys if not key[1].endswith("(0 %)"))


@dataclass(frozen=True)
class Maps:
    """All maps of a page.

    ``orientation`` by direction, ``light`` or None without images, the other ``panels``; ``scale`` the length of the
    scale bar in um with its share of the width in per cent; ``ratio`` width over height of the field; ``crisp`` whether
    the pixels are fewer than the screen's, and shown as squares; ``every`` n-th pixel is shown.
    """

    orientation: dict[str, Figure]
    light: Figure | None
    panels: tuple[Figure, ...]
    scale: tuple[str, float]
    ratio: float
    crisp: bool
    every: int

    @property
    def layers(self) -> list[Layer]:
        """Of all figures, in the order of the viewer."""
        figures = [*self.orientation.values(), *([] if self.light is None else [self.light]), *self.panels]
        return [one.layer for one in figures]


def thinning_of(result: Result) -> int:
    """Return n so that every n-th pixel of a result is no more than a page shows."""
    return max(1, math.ceil(max(result.map.shape) / MOST_PIXELS))


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
    n = thinning_of(result)
    figures = [_figure(layer) for layer in layers_of(result, stack, overlay, n)]
    rows, columns = result.map.shape
    wide, high = columns * result.map.step[0], rows * result.map.step[1]
    length = bar_length(wide)
    return Maps(
        orientation={str(one.layer.triangle): one for one in figures if one.layer.triangle is not None},
        light=next((one for one in figures if one.layer.name == "light"), None),
        panels=tuple(one for one in figures if one.layer.triangle is None and one.layer.name != "light"),
        scale=(f"{length:g} µm", round(100 * length / wide, 3)),
        ratio=wide / high,
        crisp=-(-max(rows, columns) // n) < 700,
        every=n,
    )


_SHOWS = {
    "light": ("Polarized-light image as recorded", "The same image from the restored light"),
    "boundaries": ("Grain boundaries coloured by their probability, drawn on the polarized light",),
    "uncertainty": ("Map of the 90 % bound of the error in degrees",),
    "other-grain": ("Map of the probability that a pixel belongs to another grain",),
    "residual": ("Map of how far the light misses what the map would show",),
    "source": ("Map of measured, corrected, inferred and not restored pixels",),
    "flags": ("Map of the pixels where light and EBSD contradict each other or the light is damaged",),
    "registration": ("Boundaries of the measured EBSD map drawn on the polarized light",),
}


def _figure(layer: Layer) -> Figure:
    words = f"orientations coloured by IPF-{layer.triangle}"
    alts = _SHOWS.get(layer.name, (f"Measured {words}", f"Restored {words}"))
    titles = layer.titles if layer.left is not None else ("",)
    budget = _BUDGET.get(layer.name, IPF)
    images = tuple(
        (file, _embedded(layer, image, budget), title, alt)
        for (file, image), title, alt in zip(layer.files().items(), titles, alts, strict=True)
    )
    return Figure(layer, images, None if layer.scale is None else Bar.of(layer.scale))


def _embedded(layer: Layer, image: NDArray[np.uint8], budget: int) -> Embedded:
    if not layer.indexed:
        return embed(image, budget)
    if layer.scale is None:
        return embed(np.array(layer.palette, dtype=np.uint8)[image], budget)
    position = np.where(image == NOTHING, np.nan, image / (NOTHING - 1))
    return embed_scaled(position, layer.scale.palette(NOTHING), budget, NOT_RESTORED)


def _gradient(palette: NDArray[np.uint8]) -> str:
    return "linear-gradient(90deg," + ",".join(f"rgb({r},{g},{b})" for r, g, b in palette.tolist()) + ")"
