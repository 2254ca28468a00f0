"""Parts of a picture: a map in micrometres, a scale bar, the axes of the sample, a colour bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.image import AxesImage

Extent = tuple[float, float, float, float]
"""Left, right, bottom, top of an image in um, y downward."""
MOST_PIXELS = 2000
"""Pixels along a side beyond which a panel shows every n-th: no print shows more."""


def extent_of(shape: tuple[int, int], step: tuple[float, float]) -> Extent:
    """Return the edges of an image of this shape whose first pixel is centred at the origin."""
    return -step[0] / 2, (shape[1] - 0.5) * step[0], (shape[0] - 0.5) * step[1], -step[1] / 2


def show(
    axes: Axes,
    image: NDArray[Any],
    edges: Extent,
    title: str,
    view: Extent | None = None,
    *,
    colours: Colormap | None = None,
    norm: Normalize | None = None,
) -> AxesImage:
    """Show an image without interpolation, one um as long down as across.

    Parameters
    ----------
    image
        (H, W) or (H, W, 3).
    edges
        Where it lies [um].
    view
        What part is shown; all of it by default.
    colours, norm
        For an image of numbers.
    """
    # "nearest": with matplotlib's own choice colours that no crystal has appear along boundaries
    shown = axes.imshow(
        image, cmap=colours, norm=norm, extent=edges, interpolation="nearest", aspect="equal", origin="upper"
    )
    left, right, bottom, top = view or edges
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=13)
    return shown


def thinning(shape: tuple[int, ...]) -> int:
    """Return n so that every n-th pixel of an image is no more than a picture can show."""
    return max(1, math.ceil(max(shape[:2]) / MOST_PIXELS))


def thinned_most(image: NDArray[Any], n: int) -> NDArray[Any]:
    """Return the largest of each n x n block (H, W): thin lines survive, which every n-th pixel would lose."""
    if n == 1:
        return image
    rows, cols = (-(-size // n) * n for size in image.shape)
    wide = np.pad(image, ((0, rows - image.shape[0]), (0, cols - image.shape[1])), mode="edge")
    blocks = wide.reshape(rows // n, n, cols // n, n)
    return np.fmax.reduce(np.fmax.reduce(blocks, axis=3), axis=1)


def on_square_grid(ebsd: OrientationMap) -> OrientationMap:
    """Return the map on a square raster for display: points of a hexagonal grid go to the nearest pixels."""
    if ebsd.grid == "square":
        return ebsd
    from scipy.spatial import cKDTree

    step = min(ebsd.step)
    at = np.argwhere(ebsd.present)
    x, y = ebsd.x[ebsd.present], ebsd.y[ebsd.present]
    rows, cols = round(float(y.max()) / step) + 1, round(float(x.max()) / step) + 1
    grid_y, grid_x = np.meshgrid(np.arange(rows) * step, np.arange(cols) * step, indexing="ij")
    distance, index = cKDTree(np.stack([x, y], axis=-1)).query(np.stack([grid_x, grid_y], axis=-1))
    source = at[index]
    pick = (source[..., 0], source[..., 1])
    phase_id = np.where(distance <= max(ebsd.step), ebsd.phase_id[pick], -1).astype(np.int16)
    return OrientationMap.from_quaternions(
        ebsd.quaternions[pick],
        (step, step),
        ebsd.phases,
        phase_id=phase_id,
        sample_frame=ebsd.sample_frame,
        crystal_frame=ebsd.crystal_frame,
    )


def bar_length(width: float) -> float:
    """Return the length of a scale bar for a field of this width: 1, 2 or 5 times a power of ten, at most a third."""
    limit = width / 3
    power = 10.0 ** math.floor(math.log10(limit))
    # a hair of tolerance: 0.3 / 3 is not quite 0.1
    return max(factor * power for factor in (1, 2, 5) if factor * power <= limit * (1 + 1e-9))


def draw_scale_bar(axes: Axes, view: Extent) -> None:
    """Draw a scale bar with its length in um, on white, into the lower left corner."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = view
    wide, high = right - left, bottom - top
    length = bar_length(wide)
    x, y = left + 0.04 * wide, bottom - 0.04 * high
    box_wide = max(length, 0.17 * wide) + 0.04 * wide
    box_high = 0.02 * high + 0.07 * wide
    axes.add_patch(
        Rectangle(
            (x - 0.02 * wide, y - box_high), box_wide, box_high + 0.015 * high, facecolor="white", alpha=0.85, zorder=3
        )
    )
    axes.add_patch(Rectangle((x, y - 0.02 * high), length, 0.02 * high, facecolor="black", zorder=4))
    axes.text(x, y - 0.03 * high, f"{length:g} µm", ha="left", va="bottom", fontsize=11, zorder=4)


def draw_sample_axes(axes: Axes) -> None:
    """Draw the sample axes of frame S: X to the right, Y up, Z out of the surface."""
    for dx, dy, name in ((1.0, 0.0, "X"), (0.0, 1.0, "Y")):
        axes.annotate(
            "", xy=(dx, dy), xytext=(0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.6}
        )
        axes.text(1.12 * dx, 1.12 * dy, name, ha="center", va="center", fontsize=12)
    axes.plot([0], [0], "o", markersize=11, markerfacecolor="white", markeredgecolor="black")
    axes.plot([0], [0], "o", markersize=3, color="black")
    axes.text(-0.14, -0.14, "Z", ha="right", va="top", fontsize=12)
    axes.set_xlim(-0.5, 1.4)
    axes.set_ylim(-0.5, 1.4)
    axes.set_aspect("equal")
    axes.set_axis_off()
