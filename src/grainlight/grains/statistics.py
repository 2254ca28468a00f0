"""Statistics of grains: size, shape, mean orientation, spread, kernel average misorientation, neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.symmetry import disorientation, nearest_equivalent
from grainlight.grains.boundaries import laue_groups
from grainlight.grains.edges import Edges
from grainlight.grains.field import border
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import point_steps

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grains:
    """Grains of a map, one entry each, in the order of their labels 1, 2, ...

    Parameters
    ----------
    id, phase
        (N,) label and number of the phase.
    pixels
        (N,) scan points or pixels.
    on_edge
        (N,) whether the grain touches the border of the scanned field (`field.border`): ASTM E2627 leaves such grains
        out of averages.
    x, y
        (N,) um of the centroid from the map's first point, y down.
    area, diameter
        (N,) um2 and um; the diameter is that of the circle of equal area.
    aspect, azimuth
        (N,) ratio of the axes (1 and up) of the ellipse of equal second moments, and degrees (0 to 180) of its long
        axis, counter-clockwise from x as seen by the observer.
    orientation
        (N, 4) mean orientation in the frames of the map.
    gos, kam
        (N,) degrees: grain orientation spread (mean disorientation to the mean orientation) and mean of the kernel
        average misorientation inside the grain (NaN for a single pixel).
    neighbours
        (N,) number of grains that share a boundary.
    """

    id: NDArray[np.int32]
    phase: NDArray[np.int16]
    pixels: NDArray[np.int64]
    on_edge: NDArray[np.bool_]
    x: Array
    y: Array
    area: Array
    diameter: Array
    aspect: Array
    azimuth: Array
    orientation: Array
    gos: Array
    kam: Array
    neighbours: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.id)


def grain_statistics(
    labels: NDArray[np.int32],
    ebsd: OrientationMap,
    edges: Edges,
    kam: NDArray[np.float32],
    core: NDArray[np.bool_],
) -> Grains:
    """Return the statistics of the grains that labels (H, W) draw on a map.

    Parameters
    ----------
    labels
        (H, W) grains, 0 where there is none.
    ebsd, edges
        The map and the edges of its grid.
    kam
        (H, W) degrees.
    core
        (H, W) pixels, some of every grain, that mean orientations and spreads are of; sizes are of all.
    """
    flat = labels.reshape(-1)
    number = int(flat.max(initial=0))
    inside = np.flatnonzero(flat)
    of = flat[inside] - 1

    def total(values: NDArray) -> Array:
        return np.bincount(of, values, minlength=number).astype(np.float64)

    pixels = np.bincount(of, minlength=number)
    x, y = ebsd.x.reshape(-1)[inside], ebsd.y.reshape(-1)[inside]
    centre_x, centre_y = total(x) / pixels, total(y) / pixels
    area = np.asarray(pixels * _pixel_area(ebsd), dtype=np.float64)
    aspect, azimuth = _ellipses(x - centre_x[of], centre_y[of] - y, of, pixels, point_steps(ebsd.step, ebsd.grid))
    own = core.reshape(-1)[inside]
    at, of_own = inside[own], of[own]
    first = np.unique(of_own, return_index=True)[1]
    phase = ebsd.phase_id.reshape(-1)[at][first].astype(np.int16)
    q = ebsd.quaternions.reshape(-1, 4)[at]
    mean, spread = _orientations(q, of_own, phase, first, laue_groups(ebsd))
    local = kam.reshape(-1)[at]
    known = np.isfinite(local)
    count = np.bincount(of_own[known], minlength=number)
    on_edge = np.zeros(number + 1, dtype=bool)
    on_edge[labels[border(labels, ebsd, edges)]] = True
    local_mean = np.full(number, np.nan)
    np.divide(np.bincount(of_own[known], local[known], minlength=number), count, out=local_mean, where=count > 0)
    return Grains(
        id=np.arange(1, number + 1, dtype=np.int32),
        phase=phase,
        pixels=pixels,
        on_edge=on_edge[1:],
        x=centre_x,
        y=centre_y,
        area=area,
        diameter=np.sqrt(4 * area / np.pi),
        aspect=aspect,
        azimuth=azimuth,
        orientation=mean,
        gos=np.bincount(of_own, spread, minlength=number) / np.bincount(of_own, minlength=number),
        kam=local_mean,
        neighbours=np.bincount(neighbour_pairs(labels, edges).reshape(-1) - 1, minlength=number),
    )


def kernel_average(
    angles: NDArray[np.float32], edges: Edges, *, limit: float = 5.0, labels: NDArray[np.int32] | None = None
) -> NDArray[np.float32]:
    """Return the mean disorientation (H, W) in degrees of each pixel to its nearest neighbours.

    Parameters
    ----------
    angles
        (E,) degrees across the edges.
    limit
        Degrees above which a neighbour belongs to another grain and does not count.
    labels
        (H, W) grains: neighbours in another one do not count either.

    Returns
    -------
    Degrees; NaN where no neighbour counts.
    """
    use = angles <= limit
    if labels is not None:
        flat = labels.reshape(-1)
        use &= flat[edges.first] == flat[edges.second]
    pixels = edges.shape[0] * edges.shape[1]
    at = np.concatenate([edges.first[use], edges.second[use]])
    count = np.bincount(at, minlength=pixels)
    total = np.bincount(at, np.concatenate([angles[use], angles[use]]), minlength=pixels)
    mean = np.full(pixels, np.nan, dtype=np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="unsafe")
    return mean.reshape(edges.shape)


def neighbour_pairs(labels: NDArray[np.int32], edges: Edges) -> NDArray[np.int32]:
    """Return the pairs (M, 2) of labels that share a boundary, the smaller label first."""
    flat = labels.reshape(-1)
    a, b = flat[edges.first], flat[edges.second]
    use = (a != b) & (a > 0) & (b > 0)
    low, high = np.minimum(a[use], b[use]).astype(np.int64), np.maximum(a[use], b[use])
    key = np.unique(low * (int(flat.max(initial=0)) + 1) + high)
    return np.stack(np.divmod(key, int(flat.max(initial=0)) + 1), axis=1).astype(np.int32)


def _pixel_area(ebsd: OrientationMap) -> float:
    return float(ebsd.step[0] * ebsd.step[1])


def _ellipses(right: Array, up: Array, of: NDArray, pixels: NDArray, step: tuple[float, float]) -> tuple[Array, Array]:
    """Return aspect ratios and azimuths in degrees of offsets (P,) from the centroids of grains ``of`` (P,)."""
    number = len(pixels)
    # a pixel is a rectangle, not a point
    xx = np.bincount(of, right * right, minlength=number) / pixels + step[0] ** 2 / 12
    yy = np.bincount(of, up * up, minlength=number) / pixels + step[1] ** 2 / 12
    xy = np.bincount(of, right * up, minlength=number) / pixels
    half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    aspect = np.sqrt((half + root) / np.maximum(half - root, 1e-12 * half))
    return aspect, np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)) % 180.0


def _orientations(
    q: Array, of: NDArray, phase: NDArray[np.int16], first: NDArray, groups: dict[int, str]
) -> tuple[Array, Array]:
    """Return mean orientations (N, 4) and the disorientation (P,) in degrees of each pixel to its grain's mean.

    The mean of the equivalents nearest to one pixel of the grain, and once more with that mean in its place.
    """
    reference = q[first]
    spread = np.zeros(len(q))
    for number in np.unique(phase):
        group = groups.get(int(number), "")
        members = np.flatnonzero(phase[of] == number)
        grain = of[members]
        for _ in range(2):
            near = nearest_equivalent(q[members], reference[grain], group)
            mean = np.stack([np.bincount(grain, near[:, i], minlength=len(phase)) for i in range(4)], axis=1)
            norm = np.linalg.norm(mean, axis=1, keepdims=True)
            reference = np.where((phase == number)[:, None], mean / np.maximum(norm, 1e-12), reference)
        spread[members] = disorientation(q[members], reference[grain], group)
    return np.where(reference[:, :1] < 0, -reference, reference), spread
