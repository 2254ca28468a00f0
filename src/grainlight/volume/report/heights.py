"""A chart over the heights of sections, as SVG text."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from grainlight.report.charts import escaped, svg, ticks

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 44


def height_chart(
    z: NDArray[np.float64],
    share: NDArray[np.float64],
    measured: NDArray[np.bool_],
    x_label: str,
    y_label: str,
    alt: str,
) -> Markup:
    """Return shares of sections in per cent over their heights in um, those with EBSD of their own as dots.

    Parameters
    ----------
    z, share, measured
        (Z,) heights, shares from 0 to 1 or NaN, and which sections have EBSD.
    x_label, y_label, alt
        What stands at the axes, and what the chart shows in words.
    """
    percent = 100 * share
    top = float(np.nanmax(percent)) if np.isfinite(percent).any() else 1.0
    y_ticks = ticks(0, max(top, 1.0), 4)
    top = max(top * 1.04, y_ticks[-1])
    first, last = (float(z[0]), float(z[-1])) if len(z) > 1 else (float(z[0]) - 0.5, float(z[0]) + 0.5)
    wide, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    across = np.round(_LEFT + (z - first) / (last - first) * wide, 1)
    up = np.round(_TOP + (1 - percent / top) * high, 1)
    parts = []
    for y in y_ticks:
        at = round(_TOP + (1 - y / top) * high, 1)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{at + 4}">{y:g}</text>')
    floor = _TOP + high
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{floor}" y2="{floor}"/>')
    for x in ticks(first, last, 8):
        at = round(_LEFT + (x - first) / (last - first) * wide, 1)
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="{floor}" y2="{floor + 4}"/>')
        parts.append(f'<text class="middle" x="{at}" y="{floor + 17}">{x:g}</text>')
    known = np.isfinite(up)
    line = "L".join(f"{x} {y}" for x, y in zip(across[known], up[known], strict=True))
    if line:
        parts.append(f'<path class="trend" d="M{line}"/>')
    for x, y in zip(across[known & measured], up[known & measured], strict=True):
        parts.append(f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>')
    parts.append(f'<text class="middle" x="{_LEFT + wide / 2}" y="{HEIGHT - 8}">{escaped(x_label)}</text>')
    parts.append(
        f'<text class="middle" transform="translate(11 {_TOP + high / 2}) rotate(-90)" x="0" y="0">'
        f"{escaped(y_label)}</text>"
    )
    return svg(WIDTH, HEIGHT, alt, parts)
