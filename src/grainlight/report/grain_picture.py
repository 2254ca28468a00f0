"""A picture of grains: orientation colours, boundaries, twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grainlight.grains.grain_map import GrainMap
from grainlight.report.plots import plot_ipf

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERAL, TWIN, VARIANT = "black", "white", "0.45"


def plot_grains(found: GrainMap, ax: Axes) -> Axes:
    """Plot orientation colours with general boundaries black, twins white on black and Burgers variants grey.

    Boundaries are drawn on grids of squares only.
    """
    from matplotlib.collections import LineCollection

    plot_ipf(found.ebsd, ax)
    ax.set_title(f"{len(found.grains)} grains from {found.threshold:g}° up, IPF-Z")
    if found.edges.grid != "square":
        return ax
    step = found.ebsd.step
    kinds = np.array([*(one.kind for one in found.systems), "general"])[found.special]
    width = float(np.clip(260 / max(found.labels.shape), 0.4, 1.6))

    def draw(of: np.ndarray, colour: str, wide: float) -> None:
        sides = found.edges.segments(of, step)
        ax.add_collection(LineCollection(list(sides), colors=colour, linewidths=wide, capstyle="projecting"))

    twin = found.boundary & (kinds == "twin")
    draw(found.boundary & (kinds == "general"), GENERAL, width)
    draw(found.boundary & (kinds == "variant"), VARIANT, 1.6 * width)
    draw(twin, GENERAL, 2 * width)
    draw(twin, TWIN, width)
    return ax


def grain_figure(found: GrainMap) -> Figure:
    """Return a figure of `plot_grains` with its legend."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    rows, columns = found.labels.shape
    figure = Figure(figsize=(7.0, max(3.0, 7.0 * rows / columns) + 0.7), layout="constrained")
    plot_grains(found, figure.subplots())
    lines = [Line2D([], [], color=c, linewidth=2) for c in (GENERAL, TWIN, VARIANT)]
    lines[1].set_path_effects([Stroke(linewidth=4, foreground=GENERAL), Normal()])
    names = ["general boundary", "twin", "Burgers variants"]
    figure.legend(lines, names, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    return figure
