"""The layers of a result, each an image with its words and its legend: the same for page, report and notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LightStack
from grainlight.report.colours import DIRECTIONS, Direction, ipf_colours
from grainlight.report.findings import percent
from grainlight.report.light_view import grey, limits_of, view_light
from grainlight.report.measured_view import MeasuredView, view_measured
from grainlight.report.panels import thinned_most
from grainlight.report.plots import boundaries_on, source_colours, step_text
from grainlight.report.scales import CHANCE, DEGREES, NOT_RESTORED, ON_GREY, RESIDUAL, SOURCES, Scale
from grainlight.restore.result import Result

Image = NDArray[np.uint8]
NOTHING = 255
"""Index of a pixel without a number."""
FLAGS = (
    (1 | 2, "#4a4a4a", "no light, or saturated"),
    (4 | 16, "#56b4e9", "light of no single crystal"),
    (8 | 32, "#d55e00", "light contradicts EBSD"),
    (256 | 512, "#009e73", "veiled or out of focus: less contrast than elsewhere"),
    (128, "#f0e442", "brightness not used: a region contradicts EBSD"),
    (64, "#cc79a7", "light not used: a region contradicts EBSD, or is opaque"),
)
"""Bits of `Result.light_flags`, their colours and what they mean. Of several that a pixel has the last is seen: a place
that is known to be veiled contradicts EBSD for that reason."""
_ORIENTATION_KEYS = (("#9e9e9e", "another phase"), ("#000000", "not indexed"))
_FIELD_LINE = "#ff8c1a"


@dataclass(frozen=True, eq=False)
class Layer:
    """An image of the field.

    Parameters
    ----------
    name, title, words
        What it is called, in code and on a page, and what it shows.
    image
        (H, W, 3) colours, (H, W) grey, or (H, W) indices into the palette of a scale, `NOTHING` where there is no
        number.
    left
        What it is compared with under a slider, of the same make; `image` lies right of the line.
    titles
        Of both sides.
    scale
        Of the numbers, or of the colours that lie on the image.
    indexed
        Whether `image` is indices into the palette of ``scale``, or into the colours of ``keys`` where there is none.
    keys
        Colours and their names.
    triangle
        Sample direction whose orientation colours these are.
    """

    name: str
    title: str
    words: str
    image: Image
    left: Image | None = None
    titles: tuple[str, str] = ("", "")
    scale: Scale | None = None
    indexed: bool = False
    keys: tuple[tuple[str, str], ...] = ()
    triangle: Direction | None = None

    @property
    def palette(self) -> list[list[int]] | None:
        """Colours by index."""
        if not self.indexed:
            return None
        if self.scale is None:
            return [rgb_of(colour) for colour, _ in self.keys]
        return [*self.scale.palette(NOTHING).tolist(), rgb_of(NOT_RESTORED)]

    def as_record(self) -> dict[str, Any]:
        """Return what the viewer needs to know of it, but for the bytes: those are of the files that it names."""
        kind = "index" if self.indexed else "rgb" if self.image.ndim == 3 else "grey"
        record: dict[str, Any] = {"name": self.name, "title": self.title, "kind": kind, "words": self.words}
        record |= {"file": f"{self.name}-right" if self.left is not None else self.name}
        if self.left is not None:
            record |= {"left": f"{self.name}-left", "titles": list(self.titles)}
        if self.palette is not None:
            record["palette"] = self.palette
        if self.scale is not None:
            record["bar"] = bar_of(self.scale)
        if self.keys:
            record["keys"] = [list(key) for key in self.keys]
        if self.triangle is not None:
            record["triangle"] = self.triangle
        return record

    def files(self) -> dict[str, Image]:
        """Return its images by the names that the record has."""
        if self.left is None:
            return {self.name: self.image}
        return {f"{self.name}-left": self.left, f"{self.name}-right": self.image}


STEPS = len(DIRECTIONS) + 2
"""How often `layers_of` says that it is further."""


def layers_of(
    result: Result,
    stack: LightStack | None,
    overlay: Image | None = None,
    n: int = 1,
    further: Callable[[], None] = lambda: None,
) -> list[Layer]:
    """Return the layers of a result.

    Parameters
    ----------
    result
        What was restored, (H, W) pixels.
    stack
        The images that it was restored with; None where there were none, or none was used.
    overlay
        (H, W, 3) picture of the registration on the output grid; made of the measured boundaries if None.
    n
        Every n-th pixel is shown; of doubts and boundaries the largest of n x n.
    further
        Called `STEPS` times on the way.
    """
    seen, points = view_light(result, stack), view_measured(result)
    layers = []
    for direction in DIRECTIONS:
        layers.append(_orientation(result, points, direction, n))
        further()
    if seen.measured is not None:
        limits = limits_of(seen.measured)
        known = seen.angle is not None and np.isfinite(seen.angle)
        which = f"The image at {seen.angle:g}°, the one" if known else "The image"
        told = "" if seen.explained is None else f" ({100 * seen.explained:.0f} % of its variance explained)"
        layers.append(
            Layer(
                "light",
                "Polarized light before and after",
                f"{which} with the most contrast{',' if known else ''} as recorded and as the restored light has it"
                f"{told}. Scratches, stains and uneven light should be gone; grains should not.",
                grey(seen.restored[::n, ::n], limits),
                grey(seen.measured[::n, ::n], limits),
                (f"recorded, {seen.angle:g}°" if known else "recorded", "restored"),
            )
        )
    below = grey((seen.restored if seen.measured is None else seen.measured)[::n, ::n])
    further()
    layers.append(_boundaries(result, below, "restored" if seen.measured is None else "measured", n))
    layers += _doubts(result, n)
    layers.append(_source(result, n))
    if result.contradiction is not None:
        layers += _scaled(
            "residual",
            "Residual of the light",
            "How far the light misses what the map would show, in standard deviations of its noise: around 1 is usual, "
            "above 2 they contradict each other.",
            thinned_most(result.contradiction, n),
            RESIDUAL,
        )
    if result.light_flags is not None:
        layers.append(_flags(result.light_flags[::n, ::n], below))
    if overlay is None and seen.measured is not None:
        overlay = np.repeat(grey(seen.measured)[..., None], 3, axis=-1)
        overlay[points.boundaries()] = rgb_of(_FIELD_LINE)
    if overlay is not None:
        layers.append(
            Layer(
                "registration",
                "Registration",
                "Boundaries of the EBSD map as measured, in orange, on the light as it was placed on the map: within a "
                "step of the scan they must run along the edges of the light.",
                np.ascontiguousarray(overlay[::n, ::n, :3]),
            )
        )
    further()
    return layers


_WHERE = {"X": "right", "Y": "up", "Z": "out of the surface"}


def measured_step(result: Result) -> str | None:
    """Return the step of the measured points as text, where the record has it."""
    step = result.record.get("ebsd", {}).get("step_um")
    if not step:
        return None
    across, down = step
    return f"{across:.3g} µm" if abs(across - down) < 1e-3 * across else f"{across:.3g} × {down:.3g} µm"


def bar_of(scale: Scale) -> dict[str, Any]:
    """Return colours, ticks (place in per cent, text) and unit of a scale."""
    at = np.round(100 * scale.position(np.array(scale.ticks, dtype=np.float64)), 1).tolist()
    ticks = [[place, f"{tick:g}"] for place, tick in zip(at, scale.ticks, strict=True)]
    return {"colours": scale.palette(64).tolist(), "ticks": ticks, "unit": scale.unit}


def rgb_of(colour: str) -> list[int]:
    """Return red, green and blue of a colour #rrggbb."""
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def _orientation(result: Result, points: MeasuredView, direction: Direction, n: int) -> Layer:
    return Layer(
        f"ipf-{direction}",
        f"Orientation, IPF-{direction}",
        "Left what was measured, right what was restored. A pixel has the colour of the crystal direction that "
        f"lies along {direction} of the sample ({_WHERE[direction]}).",
        _bytes(ipf_colours(result.map.every(n) if n > 1 else result.map, direction)),
        _bytes(points.colours(direction)[::n, ::n]),
        (f"measured{_step(measured_step(result))}", f"restored{_step(step_text(result.map))}"),
        keys=_ORIENTATION_KEYS,
        triangle=direction,
    )


def _boundaries(result: Result, below: Image, what: str, n: int) -> Layer:
    p = thinned_most(np.where(result.source > 0, result.boundary, np.nan), n)
    return Layer(
        "boundaries",
        "Boundaries on the light",
        f"Boundaries of 5° and more by their probability, on the {what} light. A line that follows no edge of the "
        "light rests on EBSD alone; an edge of the light without a line was not believed.",
        boundaries_on(below, p),
        scale=ON_GREY,
    )


def _doubts(result: Result, n: int) -> list[Layer]:
    restored = result.source > 0
    bound = np.where(restored, result.uncertainty, np.nan)
    words = (
        "The angle that the error is meant to stay below at nine pixels in ten. Above 5° a pixel may belong to the "
        "neighbouring grain."
    )
    found = _scaled("uncertainty", "Uncertainty", words, thinned_most(bound, n), DEGREES)
    if result.other_grain.shape == result.source.shape:
        chance = np.where(restored, result.other_grain, np.nan).astype(np.float32)
        words = "The probability that a pixel belongs to another grain than drawn: that its error exceeds 5°."
        found += _scaled("other-grain", "Another grain?", words, thinned_most(chance, n), CHANCE)
    return found


def _scaled(name: str, title: str, words: str, values: NDArray[np.floating], scale: Scale) -> list[Layer]:
    """A layer of numbers by a scale of 255 colours; none where nothing is known."""
    known = np.isfinite(values)
    if not known.any():
        return []
    position = scale.position(np.where(known, values, scale.low))
    index = np.where(known, np.round(position * (NOTHING - 1)), NOTHING).astype(np.uint8)
    keys = () if known.all() else ((NOT_RESTORED, "no value"),)
    return [Layer(name, title, words, index, scale=scale, indexed=True, keys=keys)]


def _source(result: Result, n: int) -> Layer:
    shares = [float(np.mean(result.source == one.code)) for one in SOURCES]
    keys = [(one.colour, f"{one.name} ({percent(share)})") for one, share in zip(SOURCES, shares, strict=True)]
    words = (
        "Measured: the map agrees with the scan point. Corrected: a scan point that its surroundings contradict was "
        "replaced. Inferred: there was no scan point."
    )
    title = "Where each pixel comes from"
    if n == 1:
        return Layer("source", title, words, result.source.astype(np.uint8), indexed=True, keys=tuple(keys))
    present = tuple(key for key, share in zip(keys, shares, strict=True) if share)
    return Layer("source", title, words, source_colours(result.source, n), keys=present)


def _flags(flags: NDArray[np.uint16], below: Image) -> Layer:
    """Where light and EBSD contradict each other, and where the light itself is doubtful; later ones lie on top."""
    picture = np.repeat((70 + 0.55 * below[..., None]).astype(np.uint8), 3, axis=-1)
    keys = []
    for bits, colour, name in FLAGS:
        at = (flags.astype(np.uint16) & bits) > 0
        if at.any():
            picture[at] = np.round(0.15 * picture[at] + 0.85 * np.array(rgb_of(colour)))
            keys.append((colour, f"{name} ({percent(float(at.mean()))})"))
    words = (
        "Coloured pixels are those whose light counted less: it contradicts the c-axes of EBSD, fits no single crystal "
        "(dust, scratch, stain, two grains in one pixel), or is missing. Where a whole region contradicts EBSD its "
        "light is not used at all, and the map rests on EBSD alone."
    )
    if not keys:
        words = "Nowhere does the light contradict the c-axes of EBSD."
    return Layer("flags", "Light against EBSD", words, picture, keys=tuple(reversed(keys)))


def _step(text: str | None) -> str:
    return "" if text is None else f", {text} step"


def _bytes(colours: NDArray[np.float32]) -> Image:
    return np.round(255 * colours).astype(np.uint8)
