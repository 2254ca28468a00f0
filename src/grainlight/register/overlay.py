"""The picture that shows a registration: boundaries of the EBSD map on the light."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform

_BOUNDARY, _FRAME = "#ff7f0e", "#56b4e9"
_WIDE, _HEAD, _DPI = 11.0, 1.1, 120  # inches; dots per inch
_AROUND = 0.06  # of the map's longer side, shown beyond its edge
_MOST = 2400  # pixels of an image along a side: a screen shows no more
Segments = NDArray[np.float64]


def boundary_segments(ebsd: OrientationMap) -> Segments:
    """Return the boundaries of a map (M, 2, 2): ends (x, y) in um of the edges between points over 5 degrees apart."""
    q = torch.from_numpy(np.ascontiguousarray(ebsd.quaternions))
    known = ebsd.is_6mmm
    at = np.stack((ebsd.x, ebsd.y), -1)
    found = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        angle = np.degrees(disorientation_angle(q[a], q[b]).numpy())
        edge = known[a] & known[b] & (angle > BOUNDARY_ANGLE)
        middle, across = (at[a][edge] + at[b][edge]) / 2, at[b][edge] - at[a][edge]
        along = np.stack((-across[:, 1], across[:, 0]), -1) / 2
        found.append(np.stack((middle - along, middle + along), 1))
    return np.concatenate(found)


def overlay_picture(
    light: LightStack, segments: Segments, transform: Transform, verdict: str, path: str | Path
) -> Path:
    """Write a picture of the light with the map's boundaries and outline, sized for a screen whatever the map.

    The light is drawn as recorded: the spread over the angles where there are several, which shows grains best. Lines
    are dark with a bright core, so that they are seen on bright and dark metal alike.

    Parameters
    ----------
    segments
        (M, 2, 2) um, of `boundary_segments`.
    verdict
        A line about how sure the place is, for the title.
    path
        The PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    image = _shown(light)
    high, wide = image.shape
    placed, outline = transform(segments) if len(segments) else segments, transform(_outline(transform))
    # the map and what is around it, of the images no more
    ends = outline.reshape(-1, 2)
    edge = _AROUND * float(np.ptp(ends, axis=0).max())
    (left, top), (right, bottom) = ends.min(0) - edge, ends.max(0) + edge
    tall = min(max((bottom - top) / (right - left), 0.3), 2.5)
    across = _WIDE / max(1.0, tall) ** 0.5
    figure = Figure(figsize=(across, across * tall + _HEAD), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    n = max(1, int(np.ceil(min(max(image.shape), max(bottom - top, right - left)) / _MOST)))
    axes.imshow(
        image[::n, ::n],
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(-0.5, wide - 0.5, high - 0.5, -0.5),
        interpolation="nearest",
    )
    # thinner where boundaries are dense, but never a hair
    density = np.sqrt(len(segments) / 2000.0)
    core = float(np.clip(1.5 / max(density, 0.5) ** 0.5, 1.2, 2.0))
    for lines, colour, width in ((placed, _BOUNDARY, core), (outline, _FRAME, 2.2)):
        drawn = LineCollection(list(lines), colors=colour, linewidths=width, capstyle="round")
        drawn.set_path_effects([Stroke(linewidth=2.4 * width, foreground="black"), Normal()])
        axes.add_collection(drawn)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_facecolor("#d8d8d8")
    axes.set_xticks([])
    axes.set_yticks([])
    _scale_bar(axes, light.step)
    effects = [Stroke(linewidth=5, foreground="black"), Normal()]
    axes.legend(
        handles=[
            Line2D([], [], color=_BOUNDARY, linewidth=2, path_effects=effects, label="EBSD boundaries (5° and more)"),
            Line2D([], [], color=_FRAME, linewidth=2, path_effects=effects, label="edge of the EBSD map"),
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=2,
        frameon=False,
        fontsize=11,
    )
    bad = "NOT" in verdict
    axes.set_title("\n".join(textwrap.wrap(verdict, int(across * 9))), color="#b00020" if bad else "black", fontsize=13)
    path = Path(path)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=_DPI)
    return path


def _shown(light: LightStack) -> NDArray[np.float64]:
    """Return the light (h, w) between 0 and 1; 0 where nothing was seen."""
    images = light.images
    image = np.asarray(images[0] if len(images) == 1 else images.std(0, dtype=np.float64), dtype=np.float64)
    known = image[np.isfinite(image)]
    low, high = np.percentile(known, (1.0, 99.0)) if known.size else (0.0, 1.0)
    scaled: NDArray[np.float64] = np.clip((np.nan_to_num(image, nan=low) - low) / max(float(high - low), 1e-12), 0, 1)
    return scaled**0.8


def _outline(transform: Transform) -> Segments:
    """Return the edge of a map's extent (M, 2, 2) in um, in short pieces, since a transform may bend it."""
    x0, y0, x1, y1 = transform.extent
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    steps = np.linspace(0, 1, 200)
    return np.stack(
        [
            np.stack((a + (b - a) * t0, a + (b - a) * t1))
            for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)
            for t0, t1 in itertools.pairwise(steps)
        ]
    )


def _scale_bar(axes: Any, step: float) -> None:
    """Draw a scale bar with its length into the lower left corner of axes in pixels of ``step`` um."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    limit = (right - left) * step / 4
    power = 10.0 ** np.floor(np.log10(limit))
    length = max(factor * power for factor in (1, 2, 5) if factor * power <= limit)
    x, y, wide = left + 0.03 * (right - left), bottom + 0.04 * (top - bottom), length / step
    for colour, width in (("black", 7.0), ("white", 3.5)):
        axes.plot([x, x + wide], [y, y], color=colour, linewidth=width, solid_capstyle="butt")
    axes.text(
        x + wide / 2,
        y + 0.012 * (top - bottom),
        f"{length:g} µm",
        color="white",
        ha="center",
        va="bottom",
        fontsize=12,
        bbox={"facecolor": "black", "alpha": 0.7, "edgecolor": "none", "pad": 2},
    )
