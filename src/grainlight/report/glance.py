"""A small picture of one map: its orientation colours, their key and the axes of the sample."""

from __future__ import annotations

from pathlib import Path

from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction, draw_key
from grainlight.report.panels import draw_sample_axes
from grainlight.report.plots import plot_ipf

_DPI = 100
_WIDE, _KEY, _EDGE = 5.0, 2.2, 0.6  # inches
_PAD = 0.12
_MOST_HIGH = 8.0


def map_picture(ebsd: OrientationMap, path: str | Path, *, direction: Direction = "Z") -> Path:
    """Write the inverse pole figure colours of a map, the key and the sample axes as PNG.

    Parameters
    ----------
    ebsd
        In any frames. Phases other than 6/mmm are grey, points that are not indexed black.
    path
        The PNG file; one that exists is replaced.
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
    from matplotlib.figure import Figure

    path = Path(path)
    width, height = (max(size * step, 1e-9) for size, step in zip(ebsd.shape[::-1], ebsd.step, strict=True))
    high = min(max(_WIDE * height / width, _KEY), _MOST_HIGH)
    figure = Figure(figsize=(_WIDE + _KEY + _EDGE, high + _EDGE))
    figure.set_layout_engine("constrained", h_pad=_PAD, w_pad=_PAD)
    grid = figure.add_gridspec(2, 2, width_ratios=(_WIDE, _KEY))
    axes = figure.add_subplot(grid[:, 0])
    plot_ipf(ebsd, axes, direction)
    draw_key(figure.add_subplot(grid[0, 1]))
    draw_sample_axes(figure.add_subplot(grid[1, 1]))
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=_DPI)
    return path
