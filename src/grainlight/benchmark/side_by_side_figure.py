"""One figure of the side-by-side comparison: error near boundaries against seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.benchmark.run import OURS
from grainlight.benchmark.side_by_side_page import means
from grainlight.benchmark.side_by_side_record import Entry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

KINDS = {
    "this project": ("#0072B2", "o"),
    "classical": ("#E69F00", "s"),
    "with a network": ("#009E73", "^"),
}
"""Colour (Okabe & Ito) and marker of a kind of method."""
_ANGLES = tuple(math.radians(15 * step) for step in range(24))
_REACHES = (7, 12, 18, 26, 36, 48, 62, 78, 96)  # points from a marker to its label
_SIZE = 7.5


def kind_of(method: str, calls: float) -> str:
    """Return which of the `KINDS` a method is."""
    if method.startswith(OURS):
        return "this project"
    return "with a network" if calls > 0 else "classical"


def draw(entries: Sequence[Entry], path: Path) -> None:
    """Draw a panel for each scale and write the figure; methods without figures on all maps are left out.

    Parameters
    ----------
    entries
        Of the judged part.
    path
        Of the figure, PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scales = sorted({entry.scale for entry in entries}) or [2]
    figure = Figure(figsize=(6.2 * len(scales), 5.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(scales), squeeze=False)[0]
    for axes, scale in zip(panels, scales, strict=True):
        points = means([entry for entry in entries if entry.scale == scale])
        axes.set_title(f"scale {scale}, corrupted light")
        axes.set_xlabel("seconds per map (log)")
        axes.set_ylabel("near boundaries, off by > 5 degrees [%]")
        axes.set_xscale("log")
        axes.grid(True, which="major", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
        for method, values in points.items():
            colour, marker = KINDS[kind_of(method, values["calls"])]
            axes.plot(
                max(values["seconds"], 1e-3), 100 * values["near_over_5"], marker, color=colour, markersize=7,
                markeredgecolor="white", markeredgewidth=0.6, zorder=3,
            )  # fmt: skip
        _give_room(axes, [(max(v["seconds"], 1e-3), 100 * v["near_over_5"]) for v in points.values()])
    for name, (colour, marker) in KINDS.items():
        panels[0].plot([], [], marker, color=colour, label=name)
    figure.legend(loc="outside lower center", ncols=len(KINDS), frameon=False)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # labels are placed in pixels: nothing may move any more
    for axes, scale in zip(panels, scales, strict=True):
        points = means([entry for entry in entries if entry.scale == scale])
        _label(axes, {m: (max(v["seconds"], 1e-3), 100 * v["near_over_5"]) for m, v in points.items()})
    figure.savefig(path, format="png")


def _give_room(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Widen the axes so that labels find a place around the outermost points."""
    if not points:
        return
    x, y = [math.log10(point[0]) for point in points], [point[1] for point in points]
    wide, high = max(max(x) - min(x), 1.0), max(max(y) - min(y), 1.0)
    axes.set_xlim(10 ** (min(x) - 0.22 * wide), 10 ** (max(x) + 0.28 * wide))
    axes.set_ylim(min(y) - 0.15 * high, max(y) + 0.15 * high)


def _label(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Name the points, each where its name covers no point and no other name, with a line to the point."""
    figure = axes.figure
    scale = figure.dpi / 72
    at = {name: axes.transData.transform(point) for name, point in points.items()}
    room = axes.get_window_extent()
    taken: list[Bbox] = [_around(x, y, 5 * scale) for x, y in at.values()]
    # the crowded ones first: the others find a place anyway
    for name in sorted(points, key=lambda one: _loneliness(at, one)):
        x, y = at[name]
        best: tuple[float, float, float] | None = None
        text = axes.text(0, 0, name, fontsize=_SIZE, ha="center", va="center", transform=None, zorder=5)
        size = _extent(text)
        for reach in _REACHES:
            for angle in _ANGLES:
                # from the marker to the nearer end of the label
                right = math.cos(angle) * (reach * scale + size.width / 2)
                up = math.sin(angle) * (reach * scale + size.height / 2)
                box = _around(x + right, y + up, 0).expanded(1, 1)
                box = type(box).from_extents(
                    x + right - size.width / 2 - scale,
                    y + up - size.height / 2 - scale,
                    x + right + size.width / 2 + scale,
                    y + up + size.height / 2 + scale,
                )
                outside = not (room.x0 < box.x0 and box.x1 < room.x1 and room.y0 < box.y0 and box.y1 < room.y1)
                cost = 1e3 * outside + 1e2 * sum(box.overlaps(other) for other in taken) + reach / 10
                cost -= 0.2 * abs(math.cos(angle))  # beside rather than above
                if best is None or cost < best[0]:
                    best = (cost, x + right, y + up)
            if best is not None and best[0] < 1e2:
                break
        assert best is not None
        _, left, bottom = best
        text.set_position((left, bottom))
        box = _extent(text)
        taken.append(type(box).from_extents(box.x0 - scale, box.y0 - scale, box.x1 + scale, box.y1 + scale))
        end = (min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1))
        if math.dist(end, (x, y)) > 9 * scale:
            start, stop = axes.transData.inverted().transform([(x, y), end])
            axes.plot([start[0], stop[0]], [start[1], stop[1]], color="0.55", linewidth=0.6, zorder=2)


def _extent(text: Text) -> Bbox:
    return text.get_window_extent()


def _around(x: float, y: float, radius: float) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)


def _loneliness(at: dict[str, tuple[float, float]], name: str) -> float:
    return min((math.dist(at[name], other) for key, other in at.items() if key != name), default=0.0)
