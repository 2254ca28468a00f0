"""One picture of a restoration: before, after, truth, boundaries and uncertainty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction, draw_key
from grainlight.report.panels import draw_sample_axes, extent_of
from grainlight.report.plots import plot_boundaries, plot_ipf, plot_source, plot_uncertainty, step_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from grainlight.restore.result import Result

DPI = 150


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
    figure = Figure(figsize=(15.0, 2 * (4.3 * tall + 0.55)))
    figure.set_layout_engine("constrained", wspace=0.04, hspace=0.03)
    panels = figure.subplots(2, 3)
    for axes, what, ebsd in zip(panels[0], ("Measured", "Restored", "Truth"), (coarse, result.map, truth), strict=True):
        if ebsd is not None:
            title = f"{what}, IPF-{direction}, step {step_text(ebsd)}"
            plot_ipf(ebsd, axes, direction, view=view, title=title, scale_bar=what == "Restored")
    if truth is None:
        plot_source(result, panels[0, 2], view=view)
    plot_boundaries(result, panels[1, 0], on=None, view=view, scale_bar=False)
    plot_uncertainty(result, panels[1, 1], view=view, scale_bar=False)
    _key(panels[1, 2], direction)
    return figure


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
