"""One picture of a restoration: before, after, truth, boundaries and uncertainty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction, draw_key
from grainlight.report.findings import has_light
from grainlight.report.light_view import grey, limits_of, view_light
from grainlight.report.panels import draw_sample_axes, extent_of, show
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
    light: LightStack | None = None,
    direction: Direction = "Z",
) -> Path:
    """Write a picture of a restoration as PNG, 150 dpi.

    Above: orientation colours of the coarse map, the light as recorded, colours of the restored map and of the truth
    (without one: where each pixel comes from). Below: boundaries by their probability, on the light, uncertainty in
    degrees, where each pixel comes from (or the restored light), key of the colours and axes of the sample. What there
    is no light for is left out.

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
    light
        The images that the map was restored with; not shown where they were not used.
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

    figure = before_after_figure(coarse, result, truth, light=light, direction=direction)
    path = Path(path)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=DPI)
    return path


def before_after_figure(
    coarse: OrientationMap,
    result: Result,
    truth: OrientationMap | None = None,
    *,
    light: LightStack | None = None,
    direction: Direction = "Z",
) -> Figure:
    """Return the figure of `before_after_picture`, free of pyplot."""
    from matplotlib.figure import Figure

    shape, step = result.map.shape, result.map.step
    view = extent_of(shape, step)
    # rows as high as the maps are, so that wide and tall maps leave no bands of white
    tall = min(max((view[2] - view[3]) / (view[1] - view[0]), 0.4), 2.0)
    seen = view_light(result, light if has_light(result.record) else None)
    columns = 3 if seen.measured is None else 4
    figure = Figure(figsize=(5.0 * columns, 2 * (4.3 * tall + 0.55)))
    figure.set_layout_engine("constrained", wspace=0.04, hspace=0.03)
    panels = figure.subplots(2, columns)
    above, below = list(panels[0]), list(panels[1])

    def coloured(axes: Axes, what: str, ebsd: OrientationMap, bar: bool = False) -> None:
        plot_ipf(
            ebsd, axes, direction, view=view, title=f"{what}, IPF-{direction}, step {step_text(ebsd)}", scale_bar=bar
        )

    coloured(above.pop(0), "Measured", coarse)
    if seen.measured is not None:
        known = seen.angle is not None and np.isfinite(seen.angle)
        title = f"Polarized light as recorded{f', {seen.angle:g} deg' if known else ''}"
        show(above.pop(0), grey(seen.measured), extent_of(shape, step), title, view).set_cmap("gray")
    coloured(above.pop(0), "Restored", result.map, bar=True)
    if truth is not None:
        coloured(above.pop(0), "Truth", truth)
    plot_boundaries(result, below.pop(0), on=seen.measured, view=view, scale_bar=False)
    plot_uncertainty(result, below.pop(0), view=view, scale_bar=False)
    if seen.measured is not None and truth is None:
        restored = grey(seen.restored, limits_of(seen.measured))
        show(below.pop(0), restored, extent_of(shape, step), "The same light, restored", view).set_cmap("gray")
    for axes in [*above, *below[:-1]]:
        plot_source(result, axes, view=view)
    _key(below[-1], direction)
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
