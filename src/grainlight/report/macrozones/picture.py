"""Macrozones on the map that they were found in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grainlight.grains.macrozones.regions import Macrozones
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction
from grainlight.report.panels import extent_of, show, thinning
from grainlight.report.plots import plot_ipf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERED = 20


def macrozone_figure(ebsd: OrientationMap, found: Macrozones, direction: Direction = "Z") -> Figure:
    """Return a figure, free of pyplot: the map in orientation colours, and its macrozones, the largest numbered."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    rows, columns = ebsd.shape
    tall = min(max(rows * ebsd.step[1] / (columns * ebsd.step[0]), 0.3), 2.0)
    figure = Figure(figsize=(12.0, 6.0 * tall + 0.6))
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2)
    plot_ipf(ebsd, left, direction, title=f"IPF-{direction}")
    n = thinning(found.labels.shape)
    shown = found.labels[::n, ::n]
    colours = colormaps["tab20"](np.arange(20))[:, :3]
    image = np.where(shown[..., None] > 0, colours[(shown - 1) % 20], 0.92)
    title = f"{len(found.zones)} macrozones: c-axes within {found.tolerance:g} degrees of their mean"
    show(right, image, extent_of(found.labels.shape, ebsd.step), title)
    for number, zone in enumerate(found.zones[:_NUMBERED], 1):
        right.text(zone.x, zone.y, str(number), ha="center", va="center", fontsize=9)
    return figure
