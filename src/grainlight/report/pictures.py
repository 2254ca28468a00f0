"""One picture of a restoration: before, after, truth, boundaries and doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.io.atomic import atomic_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction, draw_key, ipf_colours
from grainlight.report.panels import (
    Extent,
    draw_sample_axes,
    draw_scale_bar,
    extent_of,
    on_square_grid,
    show,
    thinned_most,
    thinning,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from grainlight.restore.result import Result

DPI = 150
_DEGREES = (0.3, 60.0)
_TICKS = (0.5, 1, 2, 5, 10, 20, 50)
# Okabe and Ito's colours, safe for colour-blind readers
_SOURCES = (("not restored", "#999999"), ("measured", "#56B4E9"), ("corrected", "#D55E00"), ("inferred", "#F0E442"))


def before_after_picture(
    coarse: OrientationMap,
    result: Result,
    path: str | Path,
    truth: OrientationMap | None = None,
    *,
    direction: Direction = "Z",
) -> Path:
    """Write a picture of a restoration as PNG, 150 dpi.

    Above: orientation colours of the coarse map, the restored one and the truth (without one: where each pixel comes
    from). Below: probability of a boundary, uncertainty in degrees, key of the colours and axes of the sample.

    Parameters
    ----------
    coarse
        What was measured.
    result
        What was restored.
    path
        The PNG file; one that exists is replaced.
    truth
        The full map, where it is known, in any frame; its first point is that of the coarse map.
    direction
        Sample direction of the colours, in frame S (X right, Y up, Z out of the surface).

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the folder is missing or not writable.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = before_after_figure(coarse, result, truth, direction=direction)
    path = Path(path)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=DPI)
    return path


def before_after_figure(
    coarse: OrientationMap, result: Result, truth: OrientationMap | None = None, *, direction: Direction = "Z"
) -> Figure:
    """Return the figure of `before_after_picture`, free of pyplot."""
    from matplotlib.figure import Figure

    shape, step = result.map.shape, result.map.step
    view = extent_of(shape, step)
    # rows as high as the maps are, so that wide and tall maps leave no bands of white
    tall = min(max((view[2] - view[3]) / (view[1] - view[0]), 0.4), 2.0)
    figure = Figure(figsize=(15.0, 2 * (4.3 * tall + 0.55)), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04, hspace=0.03)
    panels = figure.subplots(2, 3)
    name = f"IPF-{direction}"
    _colours(panels[0, 0], coarse, f"Measured, {name}, step {_step(coarse)}", view, direction)
    _colours(panels[0, 1], result.map, f"Restored, {name}, step {_step(result.map)}", view, direction)
    draw_scale_bar(panels[0, 1], view)
    if truth is not None:
        _colours(panels[0, 2], truth, f"Truth, {name}, step {_step(truth)}", view, direction)
    else:
        _source(panels[0, 2], result.source, view)
    restored = result.source > 0
    _boundaries(panels[1, 0], np.where(restored, result.boundary, np.nan), view)
    _doubt(panels[1, 1], np.where(restored, result.uncertainty, np.nan), view)
    _key(panels[1, 2], direction)
    return figure


def _step(ebsd: OrientationMap) -> str:
    across, down = ebsd.step
    return f"{across:.3g} µm" if abs(across - down) < 1e-3 * across else f"{across:.3g} x {down:.3g} µm"


def _colours(axes: Axes, ebsd: OrientationMap, title: str, view: Extent, direction: Direction) -> None:
    square = on_square_grid(ebsd)
    shown = square.every(thinning(square.shape))
    show(axes, ipf_colours(shown, direction), extent_of(shown.shape, shown.step), title, view)


def _boundaries(axes: Axes, probability: NDArray[np.float32], view: Extent) -> None:
    from matplotlib.colors import Normalize

    image = thinned_most(probability, thinning(probability.shape))
    shown = show(axes, image, view, "Boundaries (5° and more)", colours=_with_gaps("Greys"), norm=Normalize(0.0, 1.0))
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label("probability", fontsize=11)


def _doubt(axes: Axes, degrees: NDArray[np.float32], view: Extent) -> None:
    from matplotlib.colors import LogNorm

    image = thinned_most(degrees, thinning(degrees.shape))
    norm = LogNorm(*_DEGREES, clip=True)
    shown = show(axes, image, view, "Uncertainty (90 % bound)", colours=_with_gaps("cividis"), norm=norm)
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02, ticks=_TICKS)
    bar.ax.set_yticklabels([f"{tick:g}" for tick in _TICKS])
    bar.ax.minorticks_off()
    bar.set_label("degrees", fontsize=11)


def _with_gaps(name: str) -> Colormap:
    """Return a colour map that shows NaN, pixels that were not restored, in a colour of no scale."""
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad="#f4d3c4")


def _source(axes: Axes, source: NDArray[np.uint8], view: Extent) -> None:
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    n = thinning(source.shape)
    colours = ListedColormap([colour for _, colour in _SOURCES])
    show(axes, source[::n, ::n], view, "Where each pixel comes from", colours=colours, norm=Normalize(-0.5, 3.5))
    present = [Patch(facecolor=colour, label=name) for k, (name, colour) in enumerate(_SOURCES) if (source == k).any()]
    axes.legend(handles=present, loc="lower left", fontsize=10, framealpha=0.9)


def _key(axes: Axes, direction: Direction) -> None:
    axes.set_axis_off()
    triangle = axes.inset_axes((0.0, 0.42, 1.0, 0.56))
    draw_key(triangle)
    triangle.set_title(f"Crystal direction along {direction} (IPF-{direction}), 6/mmm", fontsize=13)
    draw_sample_axes(axes.inset_axes((0.02, 0.02, 0.36, 0.36)))
    axes.text(
        0.42,
        0.2,
        "X right, Y up,\nZ out of the surface\ngrey: another phase\nblack: not indexed\npink: not restored",
        transform=axes.transAxes,
        va="center",
        fontsize=11,
    )
