"""One figure of the side-by-side comparison: error near boundaries against seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import is_ablation, is_ours
from benchmarks.side_by_side_page import means
from benchmarks.side_by_side_record import RecordedAnswer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Segment = tuple[tuple[float, float], tuple[float, float]]

KINDS = {
    "this project": ("#0072B2", "o"),
    "this project, something taken away": ("#56B4E9", "D"),
    "peer with a network": ("#009E73", "^"),
    "peer, classical": ("#E69F00", "s"),
}
"""Colour (Okabe & Ito) and marker of a kind of method."""
_ANGLES = tuple(math.radians(15 * step) for step in range(24))
_REACHES = (7, 12, 18, 26, 36, 48, 62, 78, 96)  # points from a marker to its label
_SIZE = 7.5
_FASTEST, _BEST = 1e-3, 0.1  # seconds and percent: smaller ones are drawn here
_TICKS = (0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100)


def kind_of(method: str, calls: float) -> str:
    """Return which of the `KINDS` a method is."""
    if is_ours(method):
        return "this project"
    if is_ablation(method):
        return "this project, something taken away"
    return "peer with a network" if calls > 0 else "peer, classical"


def draw(answers: Sequence[RecordedAnswer], path: Path) -> None:
    """Draw a panel for each scale and write the figure; methods without figures on all maps are left out.

    Parameters
    ----------
    answers
        Of the judged part.
    path
        Of the figure, PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scales = sorted({answer.scale for answer in answers}) or [2]
    figure = Figure(figsize=(6.2 * len(scales), 5.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(scales), squeeze=False)[0]
    placed: list[dict[str, tuple[float, float]]] = []
    for axes, scale in zip(panels, scales, strict=True):
        found = means([answer for answer in answers if answer.scale == scale])
        points = {
            name: (max(v["cpu_seconds"], _FASTEST), max(100 * v["near_over_5"], _BEST)) for name, v in found.items()
        }
        placed.append(points)
        axes.set(title=f"scale {scale}, corrupted light", xscale="log", yscale="log")
        axes.set(xlabel="CPU seconds per map", ylabel="near boundaries, off by > 5 degrees [%]")
        axes.grid(True, which="major", color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
        for name, (x, y) in points.items():
            colour, marker = KINDS[kind_of(name, found[name]["calls"])]
            axes.plot(x, y, marker, color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.6, zorder=3)
        _give_room(axes, list(points.values()))
    for name, (colour, marker) in KINDS.items():
        panels[0].plot([], [], marker, color=colour, label=name)
    figure.legend(loc="outside lower center", ncols=len(KINDS), frameon=False)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # labels are placed in pixels: nothing may move any more
    for axes, points in zip(panels, placed, strict=True):
        _label(axes, points)
    figure.savefig(path, format="png")


def _give_room(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Widen the axes so that labels find a place around the outermost points, and number the percents plainly."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if not points:
        return
    x, y = ([math.log10(point[axis]) for point in points] for axis in (0, 1))
    wide, high = max(max(x) - min(x), 1.0), max(max(y) - min(y), 0.3)
    axes.set_xlim(10 ** (min(x) - 0.22 * wide), 10 ** (max(x) + 0.28 * wide))
    axes.set_ylim(10 ** (min(y) - 0.15 * high), 10 ** (max(y) + 0.15 * high))
    axes.yaxis.set_major_locator(FixedLocator(_TICKS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _label(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Name the points, each where its name covers no point and no other name, with a line to the point."""
    scale = axes.figure.dpi / 72
    at = {name: tuple(axes.transData.transform(point)) for name, point in points.items()}
    room = axes.get_window_extent()
    names: list[Bbox] = []
    lines: list[Segment] = []
    markers = {name: _box(x, y, 5 * scale, 5 * scale) for name, (x, y) in at.items()}

    def cost(name: str, box: Bbox, leader: Segment, reach: float) -> float:
        inside = room.x0 < box.x0 and box.x1 < room.x1 and room.y0 < box.y0 and box.y1 < room.y1
        covered = sum(box.overlaps(other) for other in (*names, *markers.values()))
        covered += sum(_runs_through(line, box) for line in lines)
        others = [*names, *(marker for key, marker in markers.items() if key != name)]
        crossed = sum(_runs_through(leader, other) for other in others) + sum(_crosses(leader, line) for line in lines)
        return 1e3 * (not inside) + 1e2 * covered + 30 * crossed + reach

    # the crowded ones first: the others find a place anyway
    for name in sorted(points, key=lambda one: _loneliness(at, one)):
        text = axes.text(0, 0, name, fontsize=_SIZE, ha="center", va="center", transform=None, zorder=5)
        size = text.get_window_extent()
        wide, high = size.width / 2 + scale, size.height / 2 + scale
        x, y = at[name]
        best = math.inf
        for reach in _REACHES:
            for angle in _ANGLES:
                # the label's centre, so that its nearer end is `reach` away from the point
                middle = (x + math.cos(angle) * (reach * scale + wide), y + math.sin(angle) * (reach * scale + high))
                box = _box(*middle, wide, high)
                leader = _leader((x, y), box)
                found = cost(name, box, leader, reach) - abs(math.cos(angle))  # beside rather than above
                if found < best:
                    best, where, placed, line = found, middle, box, leader
        text.set_position(where)
        names.append(placed)
        lines.append(line)
        if math.dist(*line) > 10 * scale:
            ends = axes.transData.inverted().transform(line)
            axes.plot(*ends.T, color="0.55", linewidth=0.6, zorder=2)


def _leader(point: tuple[float, float], box: Bbox) -> Segment:
    """Return the line from a marker to the nearest place of a label."""
    return point, (min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1))


def _crosses(one: Segment, other: Segment) -> bool:
    """Return whether two line segments cross."""

    def side(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
        return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])

    return side(*one, other[0]) != side(*one, other[1]) and side(*other, one[0]) != side(*other, one[1])


def _runs_through(line: Segment, box: Bbox) -> bool:
    """Return whether a line ends in a box or crosses one of its diagonals."""
    diagonals = ((box.x0, box.y0), (box.x1, box.y1)), ((box.x0, box.y1), (box.x1, box.y0))
    return any(box.contains(*end) for end in line) or any(_crosses(line, diagonal) for diagonal in diagonals)


def _box(x: float, y: float, wide: float, high: float) -> Bbox:
    """Return the box of these half sides around a point."""
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(x - wide, y - high, x + wide, y + high)


def _loneliness(at: dict[str, tuple[float, float]], name: str) -> float:
    return min((math.dist(at[name], other) for key, other in at.items() if key != name), default=0.0)
