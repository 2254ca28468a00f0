"""Orientation colours (inverse pole figure) of Laue group 6/mmm and their key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from orix.plot import DirectionColorKeyTSL

Direction = Literal["X", "Y", "Z"]
DIRECTIONS: dict[Direction, tuple[float, float, float]] = {"X": (1, 0, 0), "Y": (0, 1, 0), "Z": (0, 0, 1)}
OTHER_PHASE = (0.62, 0.62, 0.62)
NOT_INDEXED = (0.0, 0.0, 0.0)
_CHUNK = 1 << 16  # orix takes some 2 kB for each orientation that it colours


def ipf_colours(
    ebsd: OrientationMap,
    direction: Direction | Sequence[float] = "Z",
    *,
    frame: SampleFrame = SampleFrame.S,
) -> NDArray[np.float32]:
    """Colour a map by the crystal direction that lies along a direction of the sample.

    Parameters
    ----------
    ebsd
        In any frames.
    direction
        "X", "Y", "Z" or a vector of three numbers, in `frame`.
    frame
        By default frame S: X right, Y up, Z out of the surface.

    Returns
    -------
    (rows, cols, 3), 0 to 1: colours of orix's TSL key for points of Laue group 6/mmm, grey for other phases, black
    where nothing is indexed.
    """
    seen = ebsd.in_frame(frame).in_crystal_frame(CrystalFrame.X_ALONG_A)
    colours = np.empty((*seen.shape, 3), dtype=np.float32)
    colours[:] = NOT_INDEXED
    colours[seen.indexed] = OTHER_PHASE
    at = seen.is_6mmm
    colours[at] = quaternion_colours(seen.quaternions[at], direction)
    return colours


def quaternion_colours(
    quaternions: NDArray[np.float64], direction: Direction | Sequence[float] = "Z"
) -> NDArray[np.float32]:
    """Colour orientations (P, 4) of 6/mmm crystals with X along a; returns (P, 3), 0 to 1."""
    from orix.vector import Vector3d

    from grainlight.crystal.euler import rotate

    vector = np.asarray(DIRECTIONS[direction] if isinstance(direction, str) else direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    key = _key()
    colours = np.empty((len(quaternions), 3), dtype=np.float32)
    for start in range(0, len(quaternions), _CHUNK):
        part = slice(start, start + _CHUNK)
        seen = rotate(quaternions[part], vector)
        colours[part] = key.direction2color(Vector3d(seen))
    return colours


def key_image(samples: int = 300) -> NDArray[np.float64]:
    """Return the key as an image (samples, 2 samples, 4), 0 to 1, transparent outside the triangle.

    Stereographic projection: azimuth 0 (a, [2-1-10]) along the lower side to 30 degrees ([10-10]), inclination 0 in
    the lower left corner to 90 on the arc. Row 0 is the top.
    """
    from orix.vector import Vector3d

    x, y = np.meshgrid(np.linspace(0, 1, 2 * samples), np.linspace(0.5, 0, samples))
    squared = x**2 + y**2
    # a pixel's width beyond the outline, which is drawn over it
    inside = (np.sqrt(squared) <= 1 + 2 / samples) & (y <= x * np.tan(np.pi / 6) + 2 / samples)
    directions = np.stack([2 * x, 2 * y, np.maximum(1 - squared, 0)], axis=-1)[inside]
    azimuth = np.clip(np.arctan2(directions[:, 1], directions[:, 0]), 0, np.pi / 6)
    across = np.hypot(directions[:, 0], directions[:, 1])
    directions = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), directions[:, 2]], axis=-1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    image = np.ones((*x.shape, 4))
    image[~inside, 3] = 0.0
    image[inside, :3] = _key().direction2color(Vector3d(directions))
    return image


def draw_key(axes: Axes, *, samples: int = 300) -> None:
    """Draw the colour key, a stereographic triangle with its corners named, into axes."""
    from matplotlib.patches import Polygon

    image = key_image(samples)
    shown = axes.imshow(image, origin="upper", extent=(0, 1, 0, 0.5), interpolation="bilinear", aspect="equal")
    arc = np.radians(np.linspace(0, 30, 60))
    outline = np.vstack([[[0.0, 0.0]], np.stack([np.cos(arc), np.sin(arc)], axis=-1)])
    shown.set_clip_path(Polygon(outline, closed=True, transform=axes.transData))
    axes.add_patch(Polygon(outline, closed=True, fill=False, edgecolor="black", linewidth=1.2))
    corners = (
        (-0.02, -0.03, "0001", "center", "top"),
        (1.0, -0.03, r"2$\overline{1}\,\overline{1}$0", "center", "top"),
        (np.cos(arc[-1]) + 0.02, 0.5, r"10$\overline{1}$0", "left", "bottom"),
    )
    for right, up, text, across, along in corners:
        axes.text(right, up, text, ha=across, va=along, fontsize=12)
    axes.set_xlim(-0.1, 1.15)
    axes.set_ylim(-0.12, 0.6)
    axes.set_axis_off()


def _key() -> DirectionColorKeyTSL:
    from orix.plot import DirectionColorKeyTSL
    from orix.quaternion.symmetry import D6h

    return DirectionColorKeyTSL(D6h)
