"""Small charts as SVG text that takes the page's font: histograms, pole figure, colour key, axes of the sample."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from grainlight.report.embed import Embedded, embed
from grainlight.report.histograms import Histogram
from grainlight.report.scales import DENSITY

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 14, 44


def histogram_chart(histogram: Histogram, x_label: str, y_label: str, alt: str) -> Markup:
    """Return a histogram in per cent, with whiskers where it has intervals; ``alt`` says what it shows."""
    share = 100 * histogram.share
    top = float(max(share.max(), 0 if histogram.high is None else 100 * histogram.high.max()))
    y_ticks = ticks(0, top, 4)
    top = max(top * 1.04, y_ticks[-1])
    first, last = float(histogram.edges[0]), float(histogram.edges[-1])
    wide, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def right(x: float) -> float:
        return round(_LEFT + (x - first) / (last - first) * wide, 1)

    def up(y: float) -> float:
        return round(_TOP + (1 - y / top) * high, 1)

    parts = []
    for y in y_ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up(y)}" y2="{up(y)}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{up(y) + 4}">{y:g}</text>')
    for i, value in enumerate(share):
        x0, x1 = right(histogram.edges[i]), right(histogram.edges[i + 1])
        parts.append(
            f'<rect class="bar" x="{x0 + 0.6:.1f}" y="{up(value)}" width="{x1 - x0 - 1.2:.1f}" '
            f'height="{up(0) - up(value):.1f}"/>'
        )
    if histogram.low is not None and histogram.high is not None:
        path = []
        for i, (a, b) in enumerate(zip(100 * histogram.low, 100 * histogram.high, strict=True)):
            if b - a < 0.005 * top:
                continue
            x = right((histogram.edges[i] + histogram.edges[i + 1]) / 2)
            path.append(f"M{x} {up(a)}V{up(b)}M{x - 2.5:.1f} {up(b)}h5M{x - 2.5:.1f} {up(a)}h5")
        parts.append(f'<path class="whisker" d="{"".join(path)}"/>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up(0)}" y2="{up(0)}"/>')
    for x in ticks(first, last, 6):
        parts.append(f'<line class="axis" x1="{right(x)}" x2="{right(x)}" y1="{up(0)}" y2="{up(0) + 4}"/>')
        parts.append(f'<text class="middle" x="{right(x)}" y="{up(0) + 17}">{x:g}</text>')
    parts.append(f'<text class="middle" x="{_LEFT + wide / 2}" y="{HEIGHT - 8}">{escaped(x_label)}</text>')
    middle = _TOP + high / 2
    parts.append(
        f'<text class="middle" transform="translate(11 {middle}) rotate(-90)" x="0" y="0">{escaped(y_label)}</text>'
    )
    return svg(WIDTH, HEIGHT, alt, parts)


def pole_figure_chart(density: NDArray[np.float64], alt: str) -> tuple[Markup, float]:
    """Return a pole figure (H, H) in multiples of a uniform density, and the value at the dark end of its scale."""
    largest = float(np.nanmax(density)) if np.isfinite(density).any() else 1.0
    end = max(2.0, 2.0 * math.ceil(largest / 2))
    index = np.round(255 * np.clip(np.nan_to_num(density) / end, 0, 1)).astype(np.uint8)
    # a rim of the nearest values, which the circle cuts: no steps at the edge
    image = embed(DENSITY.palette()[_spread_rim(index, np.isfinite(density))], 60_000)
    parts = [
        '<clipPath id="pole"><circle cx="150" cy="125" r="105"/></clipPath>',
        f'<image href="{image.uri}" x="45" y="20" width="210" height="210" clip-path="url(#pole)" '
        'preserveAspectRatio="none"/>',
        '<circle class="rim" cx="150" cy="125" r="105"/>',
        '<path class="rim" d="M146 125h8M150 121v8"/>',
        '<text class="start" x="261" y="129">X</text>',
        '<text class="middle" x="150" y="13">Y</text>',
        '<text class="start small" x="156" y="120">Z</text>',
    ]
    return svg(300, 240, alt, parts), end


def key_chart(samples: int = 160) -> Markup:
    """Return the colour key of the orientation maps, the triangle of 6/mmm, with its corners named."""
    from grainlight.report.colours import key_image

    image: Embedded = embed(np.round(255 * key_image(samples)).astype(np.uint8), 200_000)
    arc = [(math.cos(math.radians(a)), math.sin(math.radians(a))) for a in range(0, 31, 2)]
    outline = "M16 150" + "".join(f"L{16 + 240 * x:.1f} {150 - 240 * y:.1f}" for x, y in arc) + "Z"
    parts = [
        f'<clipPath id="sector"><path d="{outline}"/></clipPath>',
        f'<image href="{image.uri}" x="16" y="30" width="240" height="120" clip-path="url(#sector)" '
        'preserveAspectRatio="none"/>',
        f'<path class="rim" d="{outline}"/>',
        '<text class="middle" x="20" y="168">0001</text>',
        '<text class="middle" x="254" y="168">2<tspan class="over">1</tspan><tspan class="over">1</tspan>0</text>',
        '<text class="start" x="230" y="26">10<tspan class="over">1</tspan>0</text>',
    ]
    return svg(284, 176, "Colour key: red for crystals whose c-axis 0001 lies along the direction", parts)


def sample_axes_chart() -> Markup:
    """Return the axes of the sample on the screen: X right, Y up, Z towards the reader; each can be marked."""
    parts = [
        '<g class="x"><path class="arrow" d="M34 96h62"/><path class="tip" d="M108 96l-15 -6v12z"/>'
        '<text class="start" x="114" y="101">X</text></g>',
        '<g class="y"><path class="arrow" d="M34 96v-62"/><path class="tip" d="M34 22l-6 15h12z"/>'
        '<text class="middle" x="34" y="16">Y</text></g>',
        '<g class="z"><circle class="ring" cx="34" cy="96" r="9"/><circle class="tip" cx="34" cy="96" r="3.2"/>'
        '<text class="end" x="20" y="116">Z</text></g>',
    ]
    return svg(132, 120, "Axes of the sample: X to the right, Y up, Z out of the surface", parts)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` + 1 round values from low to high."""
    wanted = (high - low) / most
    if wanted <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= wanted * (1 - 1e-9))
    return [round(step * i, 10) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _spread_rim(index: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    from scipy.ndimage import distance_transform_edt

    if not known.any():
        return index
    rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return index[rows, columns]


def svg(width: int, height: int, alt: str, parts: list[str]) -> Markup:
    """Return parts as one picture that is called ``alt``."""
    body = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escaped(alt)}">{body}</svg>')


def escaped(text: str) -> Markup:
    """Return text as a page can hold it."""
    return Markup.escape(text)
