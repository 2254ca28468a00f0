"""Wide holes: places without usable points that are too large to be filled from what lies around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, maximum_filter
from scipy.spatial import cKDTree

from grainlight.maps.orientation_map import OrientationMap

Mask = NDArray[np.bool_]

WIDTH = 3.0
"""Radius of a circle that fits into a wide hole, in distances between neighbouring points. Narrower places are lines of
points along boundaries and points lost one by one; into a wider one whole grains go that nobody has seen."""
_RIM = 1.5  # steps by which the rim of a hole may be farther from where the circle fits than its radius


@dataclass(frozen=True, eq=False)
class WideHoles:
    """Wide holes of a map.

    ``cells`` (h, w) points of the map that lie in one; ``radius`` EBSD steps of the circle that fits into each;
    ``places`` how many there are.
    """

    cells: Mask
    radius: float
    places: int

    def as_record(self) -> dict[str, Any]:
        """Plain values for the record of a run."""
        return {"places": self.places, "points": int(self.cells.sum()), "radius_steps": round(self.radius, 2)}


def wide_holes(ebsd: OrientationMap, step: float, metal: Mask | None = None) -> WideHoles:
    """Find places without indexed points into which a circle fits whose radius is `WIDTH` times their distance.

    Parameters
    ----------
    ebsd
        The map.
    step
        um that distances are counted in.
    metal
        (h, w) points that a hole may take; all without.

    Notes
    -----
    The distance between neighbouring points is one step, or more where many are missing: the root of how many places
    there are for each indexed point, outside of the holes.
    """
    missing = ~ebsd.indexed
    nothing = np.zeros(ebsd.shape, dtype=bool)
    if not missing.any() or missing.all():
        return WideHoles(nothing, WIDTH, 0)
    at = np.stack((ebsd.x, ebsd.y), axis=-1) / step
    known = at[~missing]
    # points scattered over a fine grid are far apart everywhere
    apart = float(np.median(cKDTree(known).query(known, k=2, workers=-1)[0][:, 1])) if len(known) > 1 else 1.0
    far = np.zeros(ebsd.shape)
    far[missing] = cKDTree(known).query(at[missing], workers=-1)[0]
    cells, radius = nothing, WIDTH * max(apart, 1.0)
    for _ in range(2):
        core = far > radius
        cells = nothing
        if not core.any():
            break
        near = nothing.copy()
        near[missing] = cKDTree(at[core]).query(at[missing], distance_upper_bound=radius + _RIM)[0] < np.inf
        # a lone point beside a hole is no part of it
        place = label(near)[0]
        cells = near & np.isin(place, place[core])
        spacing = np.sqrt((~cells).sum() / (~missing).sum())
        radius = max(radius, WIDTH * float(spacing))
    if metal is not None:
        cells = cells & metal
    return WideHoles(cells, radius, int(label(cells)[1]))


def pixels_of(cells: Mask, position: NDArray[np.float64], shape: tuple[int, int], step: float) -> Mask:
    """Return which pixels (H, W) are nearest to one of some points (h, w) of a map.

    Parameters
    ----------
    cells
        (h, w) the points.
    position
        (h, w, 2) row and column of all points of the map in pixels.
    shape
        (H, W).
    step
        Pixels between neighbouring points, the larger of the two where they differ.
    """
    out = np.zeros(shape, dtype=bool)
    if not cells.any():
        return out
    inside = np.rint(position[cells]).astype(np.int64)
    out[tuple(np.clip(inside, 0, np.array(shape) - 1).T)] = True
    near = np.argwhere(maximum_filter(out, 2 * int(np.ceil(step)) + 1))
    around = binary_dilation(cells, np.ones((3, 3)), iterations=2)
    nearest = cKDTree(position[around]).query(near, workers=-1)[1]
    out[:] = False
    out[tuple(near[cells[around][nearest]].T)] = True
    return out
