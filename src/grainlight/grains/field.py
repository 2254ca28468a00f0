"""Where the scanned field ends: which grains its border cuts, and which only lack a few points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.grains.edges import Edges
from grainlight.grains.segment import components
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import point_steps

Array = NDArray[np.float64]

WIDE_HOLE = 0.5
"""Diameters of the typical grain from which a place without scan points is wide enough to cut the grains around it."""


def border(labels: NDArray[np.int32], ebsd: OrientationMap, edges: Edges) -> NDArray[np.bool_]:
    """Return (H, W) whether a pixel stands where the scanned field ends.

    The field ends where a neighbour of a pixel would lie beyond the grid, and beside every connected place without scan
    points that reaches out of the convex hull of the points, or into which a circle of half the diameter (`WIDE_HOLE`)
    of the typical grain fits. Smaller places are points that are missing; the grains around them are whole. The typical
    grain is the one that the average pixel lies in.

    Parameters
    ----------
    labels
        (H, W) grains, 0 where there is none.
    ebsd
        The map.
    edges
        Of its grid.
    """
    around = np.bincount(edges.first, minlength=labels.size) + np.bincount(edges.second, minlength=labels.size)
    # not the rows and columns of the array: a turned hexagonal grid ends in two rows above and below, and at its sides
    # every second row stands half a step inside
    found = (around < (4 if edges.grid == "square" else 6)).reshape(labels.shape)
    absent = ~ebsd.present
    if not absent.any():
        return found
    flat, out = found.reshape(-1), _outside(labels, ebsd, edges, absent).reshape(-1)
    flat[edges.first[out[edges.second]]] = True
    flat[edges.second[out[edges.first]]] = True
    return found


def _outside(
    labels: NDArray[np.int32], ebsd: OrientationMap, edges: Edges, absent: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return (H, W) whether a cell without a scan point belongs to what lies around the field."""
    place = components(np.ones(len(edges), dtype=bool), absent, edges)
    ends = np.zeros(int(place.max()) + 1, dtype=bool)
    ends[place[absent & ~_in_hull(ebsd)]] = True
    side = point_steps(ebsd.step, ebsd.grid)
    at = np.stack((ebsd.x, ebsd.y), axis=-1)
    # of a place as wide as a cell the distance between centres is one step
    room = np.zeros(labels.shape)
    if not absent.all():
        room[absent] = 2 * cKDTree(at[~absent]).query(at[absent], workers=-1)[0] - min(side)
    pixels = np.bincount(labels[labels > 0]).astype(np.float64)
    typical = (pixels**2).sum() / max(pixels.sum(), 1.0)
    wide = WIDE_HOLE * np.sqrt(4 * typical * ebsd.step[0] * ebsd.step[1] / np.pi)
    # a hole as small as a pixel cuts no grain, however small these are
    ends[place[absent & (room > max(wide, 2 * max(side)))]] = True
    ends[0] = False
    return ends[place]


def _in_hull(ebsd: OrientationMap) -> NDArray[np.bool_]:
    """Return (H, W) whether a cell lies in the convex hull of the scan points."""
    rows = np.flatnonzero(ebsd.present.any(axis=1))
    inside = np.zeros(ebsd.shape, dtype=bool)
    if not len(rows):
        return inside
    x = np.where(ebsd.present, ebsd.x, np.nan)[rows]
    height = ebsd.y[rows, 0]
    left, right = _lower_hull(height, np.nanmin(x, axis=1)), _lower_hull(height, -np.nanmax(x, axis=1))
    within = np.arange(rows[0], rows[-1] + 1)
    y, near = ebsd.y[within, 0], 1e-6 * ebsd.step[0]
    start, end = np.interp(y, *left), -np.interp(y, *right)
    inside[within] = (ebsd.x[within] >= start[:, None] - near) & (ebsd.x[within] <= end[:, None] + near)
    return inside


def _lower_hull(at: Array, values: Array) -> tuple[Array, Array]:
    """Return the corners of the lower convex hull of points (n,), ``at`` rising (Andrew's monotone chain)."""
    hull: list[tuple[float, float]] = []
    for point in zip(at.tolist(), values.tolist(), strict=True):
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    return corners[:, 0], corners[:, 1]


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
