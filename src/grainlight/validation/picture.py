"""Where a restoration failed: a map with every point that was held back, right or wrong, with light and without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction
from grainlight.report.plots import plot_ipf
from grainlight.validation.evidence import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RIGHT, _WRONG, _NONE = "white", "black", "magenta"


def failure_picture(ebsd: OrientationMap, evidence: Evidence, path: Path, direction: Direction = "Z") -> Path:
    """Write the picture as PNG, 150 dpi: the points as measured, and on them those held back.

    Raises
    ------
    InputError
        If the folder is missing or not writable.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = failure_figure(ebsd, evidence, direction)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=150)
    return path


def failure_figure(ebsd: OrientationMap, evidence: Evidence, direction: Direction = "Z") -> Figure:
    """Return the figure of `failure_picture`, free of pyplot."""
    from matplotlib.figure import Figure

    shown = {"with light" if evidence.unlit is not None else "restored": evidence.main.error}
    if evidence.unlit is not None:
        shown["without light"] = evidence.unlit.error
    shown["nearest point"] = evidence.nearest
    rows, columns = ebsd.shape
    tall = min(max(rows * ebsd.step[1] / (columns * ebsd.step[0]), 0.3), 2.0)
    figure = Figure(figsize=(6.0 * len(shown), 6.0 * tall + 1.0))
    figure.set_layout_engine("constrained")
    panels = np.atleast_1d(figure.subplots(1, len(shown)))
    x, y = (values[tuple(evidence.place.T)] for values in (ebsd.x, ebsd.y))
    for axes, (name, error) in zip(panels, shown.items(), strict=True):
        wrong, answered = error > BOUNDARY_ANGLE, np.isfinite(error)
        share = f"{100 * wrong[answered].mean():.1f} %" if answered.any() else "none"
        plot_ipf(ebsd, axes, direction, title=f"{name}: {share} of the points held back are wrong", scale_bar=True)
        _mark(axes, x, y, answered & ~wrong, ".", _RIGHT, "right")
        _mark(axes, x, y, wrong, "x", _WRONG, f"off by more than {BOUNDARY_ANGLE:g} degrees")
        if name != "without light":  # which is asked for the points of some folds only
            _mark(axes, x, y, ~answered, "+", _NONE, "not restored")
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.01), ncols=3, frameon=True, facecolor="0.8")
    return figure


def _mark(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    which: NDArray[np.bool_],
    mark: str,
    colour: str,
    label: str,
) -> None:
    if which.any():
        axes.plot(x[which], y[which], mark, color=colour, markersize=4, label=label)
