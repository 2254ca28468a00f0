"""Plots of a restoration into matplotlib axes: orientation colours, boundaries, uncertainty, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction, ipf_colours
from grainlight.report.light_view import grey, restored_light
from grainlight.report.panels import (
    Extent,
    draw_scale_bar,
    extent_of,
    on_square_grid,
    show,
    thinned_most,
    thinning,
)
from grainlight.report.scales import DEGREES, ON_GREY, PROBABILITY, SOURCES, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

    from grainlight.restore.result import Result

FAINT = 0.05
"""Boundary probability below which nothing is drawn over an image."""


def plot_ipf(
    of: Result | OrientationMap,
    ax: Axes | None = None,
    direction: Direction = "Z",
    *,
    view: Extent | None = None,
    title: str | None = None,
    scale_bar: bool = True,
) -> Axes:
    """Plot a map in orientation colours: which crystal direction lies along a direction of the sample.

    Parameters
    ----------
    of
        A result, or a map in any frames and on any grid.
    ax
        Axes to plot into; those of a new figure if None.
    direction
        "X" (right), "Y" (up) or "Z" (out of the surface).
    view
        Left, right, bottom, top in um, y down, of the part that is shown; all of it if None.
    title
        Above the map; direction and step if None.
    scale_bar
        Whether a bar with its length in um is drawn.

    Returns
    -------
    The axes.
    """
    ebsd = of if isinstance(of, OrientationMap) else of.map
    square = on_square_grid(ebsd)
    shown = square.every(thinning(square.shape))
    axes = _axes(ax)
    edges = extent_of(shown.shape, shown.step)
    title = f"IPF-{direction}, step {step_text(ebsd)}" if title is None else title
    show(axes, ipf_colours(shown, direction), edges, title, view)
    if scale_bar:
        draw_scale_bar(axes, view or edges)
    return axes


def plot_boundaries(
    result: Result,
    ax: Axes | None = None,
    *,
    on: NDArray[np.floating] | str | None = "light",
    view: Extent | None = None,
    title: str = "Boundaries (5° and more)",
    scale_bar: bool = True,
    colour_bar: bool = True,
) -> Axes:
    """Plot boundaries of 5 degrees and more by their probability.

    Parameters
    ----------
    result
        What was restored.
    ax
        Axes to plot into; those of a new figure if None.
    on
        What lies below: "light", the restored polarized light; an image (H, W) on the output grid; None for white.
    view, title, scale_bar
        As in `plot_ipf`.
    colour_bar
        Whether the scale of probabilities stands beside the map.

    Returns
    -------
    The axes.
    """
    axes = _axes(ax)
    edges = extent_of(result.map.shape, result.map.step)
    n = thinning(result.boundary.shape)
    probability = thinned_most(np.where(result.source > 0, result.boundary, np.nan), n)
    shown: ScalarMappable
    if on is None:
        shown = show(axes, probability, edges, title, view, colours=PROBABILITY.colour_map(), norm=PROBABILITY.norm())
        scale = PROBABILITY
    else:
        image = restored_light(result) if isinstance(on, str) else np.asarray(on)
        show(axes, boundaries_on(grey(image)[::n, ::n], probability), edges, title, view)
        from matplotlib import cm

        shown, scale = cm.ScalarMappable(ON_GREY.norm(), ON_GREY.colour_map()), ON_GREY
    if scale_bar:
        draw_scale_bar(axes, view or edges)
    if colour_bar:
        _colour_bar(axes, shown, scale)
    return axes


def plot_uncertainty(
    result: Result,
    ax: Axes | None = None,
    *,
    view: Extent | None = None,
    title: str | None = None,
    scale_bar: bool = True,
    colour_bar: bool = True,
) -> Axes:
    """Plot the bound in degrees that nine pixels in ten keep.

    Parameters
    ----------
    result
        What was restored.
    ax
        Axes to plot into; those of a new figure if None.
    view
        Left, right, bottom, top in um, y down, of the part that is shown; all of it if None.
    title
        Above the map; if None, "Uncertainty (90 % bound)", or that no bound is given where there is none.
    scale_bar
        Whether a bar with its length in um is drawn.
    colour_bar
        Whether the scale in degrees stands beside the map.

    Returns
    -------
    The axes.
    """
    axes = _axes(ax)
    edges = extent_of(result.map.shape, result.map.step)
    degrees = np.where(result.source > 0, result.uncertainty, np.nan)
    if title is None:
        title = "Uncertainty (90 % bound)" if np.isfinite(degrees).any() else "Uncertainty: no bound is given"
    image = thinned_most(degrees, thinning(degrees.shape))
    shown = show(axes, image, edges, title, view, colours=DEGREES.colour_map(), norm=DEGREES.norm())
    if scale_bar:
        draw_scale_bar(axes, view or edges)
    if colour_bar:
        _colour_bar(axes, shown, DEGREES)
    return axes


def plot_source(
    result: Result,
    ax: Axes | None = None,
    *,
    view: Extent | None = None,
    title: str = "Where each pixel comes from",
) -> Axes:
    """Plot which pixels were measured, corrected, inferred or not restored; parameters as in `plot_ipf`.

    Pixels are averaged on their way to the screen: a grid of single scan points would be a pattern of the screen else.
    """
    from matplotlib.patches import Patch

    axes = _axes(ax)
    n = thinning(result.source.shape)
    edges = extent_of(result.map.shape, result.map.step)
    shown = show(axes, source_colours(result.source, n), edges, title, view)
    shown.set_interpolation("antialiased")
    shares = {source: float(np.mean(result.source == source.code)) for source in SOURCES}
    present = [
        Patch(facecolor=source.colour, label=f"{source.name}, {100 * share:.3g} %")
        for source, share in shares.items()
        if share
    ]
    axes.legend(handles=present, loc="lower left", fontsize=10, framealpha=0.9)
    return axes


def source_colours(source: NDArray[np.integer], n: int = 1) -> NDArray[np.uint8]:
    """Return the colours (h, w, 3) of sources (H, W), the mean of each n x n block: every n-th pixel of a grid of scan
    points would be all points or none."""
    palette = np.array([[int(one.colour[k : k + 2], 16) for k in (1, 3, 5)] for one in SOURCES])
    if n == 1:
        return palette[source].astype(np.uint8)
    rows, columns = (-(-size // n) * n for size in source.shape)
    wide = np.pad(source, ((0, rows - source.shape[0]), (0, columns - source.shape[1])), mode="edge")
    blocks = wide.reshape(rows // n, n, columns // n, n)
    shares = np.stack([(blocks == one.code).mean((1, 3)) for one in SOURCES], -1)
    return np.round(shares @ palette).astype(np.uint8)


def boundaries_on(image: NDArray[np.uint8], probability: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return (H, W, 3): a grey image (H, W) with boundaries over it, coloured by their probability (H, W)."""
    p = np.nan_to_num(probability, nan=0.0)
    colours = ON_GREY.palette()[np.round(255 * ON_GREY.position(p)).astype(np.uint8)]
    # unlikely ones fade, so that the image below can be judged
    weight = np.where(p < FAINT, 0.0, np.minimum(0.35 + p, 1.0))[..., None]
    return np.round((1 - weight) * image[..., None] + weight * colours).astype(np.uint8)


def step_text(ebsd: OrientationMap) -> str:
    """Return the step of a map as text with its unit."""
    across, down = ebsd.step
    return f"{across:.3g} µm" if abs(across - down) < 1e-3 * across else f"{across:.3g} x {down:.3g} µm"


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _colour_bar(axes: Axes, shown: ScalarMappable, scale: Scale) -> None:
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02, ticks=scale.ticks)
    bar.ax.set_yticklabels([f"{tick:g}" for tick in scale.ticks])
    bar.ax.minorticks_off()
    bar.set_label(scale.unit, fontsize=11)
