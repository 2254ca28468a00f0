"""A picture of grains: orientation colours and their key, boundaries, twin systems by colour."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.grain_map import GrainMap
from grainlight.report.colours import Direction, draw_key
from grainlight.report.panels import draw_sample_axes
from grainlight.report.plots import plot_ipf

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERAL, CASING = "black", "white"
TWINS = {
    "{10-12}": "#e3001b",
    "{11-21}": "#0b3fd1",
    "{11-22}": "#008a2e",
    "{10-11}": "#f07d00",
    "{10-13}": "#8a2be2",
    "{10-11}-{10-12}": "#e6009e",
    "{10-13}-{10-12}": "#00a3c7",
}
"""Colours of the twin systems, the same in every picture."""
VARIANTS = ("#5a3a1c", "#8f6a3c", "#6b6b6b", "#3f6e6e", "#a08c00")
"""Colours of the Burgers variants in the order of their angles."""
FADED = 0.55
"""How strong orientation colours are below the boundaries, in the key too."""
_WIDE, _KEY, _MOST_HIGH = 6.0, 2.6, 9.0  # inches


def plot_grains(found: GrainMap, ax: Axes | None = None, direction: Direction = "Z") -> Axes:
    """Plot faded orientation colours with general boundaries black and special ones in the colour of their system.

    Parameters
    ----------
    found
        Grains of a map (`find_grains`).
    ax
        Axes to plot into; those of a new figure if None.
    direction
        Sample direction of the colours: "X" (right), "Y" (up) or "Z" (out of the surface).

    Returns
    -------
    The axes.
    """
    from matplotlib.collections import LineCollection

    ax = plot_ipf(found.ebsd, ax, direction)
    ax.images[-1].set_alpha(FADED)
    ax.set_title(f"{len(found.grains)} grains from {found.threshold:g}° up, IPF-{direction}", fontsize=13)
    width = float(np.clip(260 / max(found.labels.shape), 0.4, 1.6))
    sides = _sides(found)

    def draw(of: NDArray[np.bool_], colour: str, wide: float) -> None:
        ax.add_collection(LineCollection(list(sides[of]), colors=colour, linewidths=wide, capstyle="projecting"))

    draw(found.boundary & (found.special < 0), GENERAL, width)
    for number, colour, _ in shown_systems(found):
        of = found.boundary & (found.special == number)
        draw(of, CASING, 2.6 * width)
        draw(of, colour, 1.8 * width)
    return ax


def shown_systems(found: GrainMap) -> list[tuple[int, str, float]]:
    """Return index, colour and share of the boundaries' length of the special relations that occur."""
    variants = [n for n, one in enumerate(found.systems) if one.kind == "variant"]
    length = found.edges.length.astype(np.float64)
    total = float(length[found.boundary].sum())
    shown = []
    for number, one in enumerate(found.systems):
        own = float(length[found.boundary & (found.special == number)].sum())
        if own:
            plane = re.match(r"twin (\S+)", one.name)
            colour = TWINS[plane[1]] if plane else VARIANTS[variants.index(number) % len(VARIANTS)]
            shown.append((number, colour, own / total))
    return shown


def grain_figure(found: GrainMap, direction: Direction = "Z") -> Figure:
    """Return a figure of `plot_grains` with the key of its colours, the axes of the sample, and what its lines are."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    (rows, columns), step = found.labels.shape, found.ebsd.step
    high = float(np.clip(_WIDE * rows * step[1] / (columns * step[0]), 3.6, _MOST_HIGH))
    figure = Figure(figsize=(_WIDE + _KEY, high + 0.7), layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(_WIDE, _KEY), height_ratios=(1.0, 0.8, 1.6))
    plot_grains(found, figure.add_subplot(grid[:, 0]), direction)
    key = figure.add_subplot(grid[0, 1])
    draw_key(key)
    key.images[-1].set_alpha(FADED)
    key.set_title(f"crystal along {direction}, 6/mmm", fontsize=10)
    draw_sample_axes(figure.add_subplot(grid[1, 1]))
    lines, names = [Line2D([], [], color=GENERAL, linewidth=2)], ["general boundary"]
    for number, colour, share in shown_systems(found):
        lines.append(Line2D([], [], color=colour, linewidth=3))
        lines[-1].set_path_effects([Stroke(linewidth=5, foreground=CASING), Normal()])
        names.append(f"{found.systems[number].name.replace(' deg', '°')}: {100 * share:.2g} %")
    words = figure.add_subplot(grid[2, 1])
    words.set_axis_off()
    words.legend(lines, names, loc="upper left", frameon=False, fontsize=8, title="boundaries, share of length")
    return figure


def _sides(found: GrainMap) -> NDArray[np.float64]:
    """Return the side (E, 2, 2) that each edge stands for, as (x, y) in um of both ends."""
    edges, ebsd = found.edges, found.ebsd
    at = np.stack([ebsd.x.reshape(-1), ebsd.y.reshape(-1)], axis=-1)
    first, second = at[edges.first], at[edges.second]
    along = second - first
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = across * (edges.length[:, None] / 2)
    middle = (first + second) / 2
    return np.stack([middle - half, middle + half], axis=1)
