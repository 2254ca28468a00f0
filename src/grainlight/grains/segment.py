"""From edges to grains: connected pixels, and with an ensemble boundaries that hold along their length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grainlight.grains.edges import BOUNDARY_ANGLE, Edges

MINIMUM_PIXELS = 5
# Shares of the members: found on synthetic sections (`benchmarks.grains`, calibration half), where 0.15 to 0.5 as the
# second give the same grains within 1 %.
SEED_SHARE = 0.15
BOUNDARY_SHARE = 0.3


def connected(first: NDArray[np.integer], second: NDArray[np.integer], count: int) -> NDArray[np.int32]:
    """Return the part, from 0, that each of ``count`` nodes belongs to when (E,) pairs of them are joined."""
    graph = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def components(open_edges: NDArray[np.bool_], valid: NDArray[np.bool_], edges: Edges) -> NDArray[np.int32]:
    """Return labels (H, W), 1 and up in reading order, of pixels that open edges (E,) connect; 0 where not valid."""
    flat = valid.reshape(-1)
    use = open_edges & flat[edges.first] & flat[edges.second]
    label = connected(edges.first[use], edges.second[use], flat.size)
    return in_reading_order(np.where(flat, label + 1, 0)).reshape(valid.shape)


def core(
    labels: NDArray[np.int32],
    angles: NDArray[np.float32],
    edges: Edges,
    *,
    threshold: float = BOUNDARY_ANGLE,
    minimum_pixels: int = MINIMUM_PIXELS,
) -> NDArray[np.bool_]:
    """Return (H, W) which pixels of grains (H, W) have an orientation of the grain.

    The others, misindexed ones for the most part, only joined it because too few of them are connected by steps up to
    the threshold. The largest connected part of a grain always counts.
    """
    flat = labels.reshape(-1)
    part = components((angles <= threshold) & (flat[edges.first] == flat[edges.second]), labels > 0, edges).reshape(-1)
    count = np.bincount(part)
    count[0] = 0
    largest = np.zeros(int(flat.max(initial=0)) + 1, count.dtype)
    np.maximum.at(largest, flat, count[part])
    return ((flat > 0) & (count[part] >= np.minimum(largest[flat], minimum_pixels))).reshape(labels.shape)


def in_reading_order(labels: NDArray) -> NDArray[np.int32]:
    """Return the same labels (any shape) numbered 1, 2, ... as they first appear; 0 stays."""
    found, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    seen = found > 0
    number = np.zeros(len(found), dtype=np.int32)
    number[np.flatnonzero(seen)[np.argsort(first[seen])]] = np.arange(1, int(seen.sum()) + 1)
    return number[inverse].reshape(labels.shape)


def segment(
    angles: NDArray[np.float32],
    valid: NDArray[np.bool_],
    edges: Edges,
    *,
    threshold: float = BOUNDARY_ANGLE,
    share: NDArray[np.float32] | None = None,
    minimum_pixels: int = MINIMUM_PIXELS,
) -> NDArray[np.int32]:
    """Divide a map into grains.

    Parameters
    ----------
    angles
        (E,) degrees across the edges; not finite where there is no way through.
    valid
        (H, W) pixels with an orientation.
    edges
        Of the grid.
    threshold
        Degrees up to which two neighbours belong to one grain.
    share
        (E,) of the ensemble's members that have a boundary on an edge (`boundaries.edge_share`), 0 to 1. Without it
        grains are what edges up to the threshold connect.
    minimum_pixels
        Smaller grains join the neighbour of the same phase whose common boundary has the lowest mean angle; those
        without one are no grains.

    Returns
    -------
    Labels (H, W) int32 from 1 in reading order; 0 where not valid and where too few pixels stand alone.

    Notes
    -----
    With members: pixels join where next to none has a boundary, then regions join, weakest boundary first, as long as
    the mean share along their whole common boundary stays low. A gap of a few edges so does not open a boundary that
    holds elsewhere, which matters because members disagree on its exact place. Members that agree give what the map
    alone gives.
    """
    if share is None:
        return absorb(components(angles <= threshold, valid, edges), angles, edges, minimum_pixels)
    passable = np.isfinite(angles)
    labels = components(passable & (share <= SEED_SHARE), valid, edges)
    labels = merge(labels, share, passable, edges, BOUNDARY_SHARE)
    return absorb(labels, angles, edges, minimum_pixels)


def merge(
    labels: NDArray[np.int32],
    share: NDArray[np.float32],
    passable: NDArray[np.bool_],
    edges: Edges,
    limit: float,
) -> NDArray[np.int32]:
    """Merge regions whose common boundary has a mean share (E,) up to ``limit``, weakest boundary first.

    Only ``passable`` (E,) edges count. In each round every pair that is each other's weakest boundary merges.
    """
    flat = labels.reshape(-1).astype(np.int64)
    a, b = flat[edges.first], flat[edges.second]
    use = (a != b) & (a > 0) & (b > 0) & passable
    a, b = a[use], b[use]
    weight: NDArray[np.float64] = share[use].astype(np.float64)
    count: NDArray[np.float64] = np.ones(len(weight))
    number = int(flat.max(initial=0)) + 1
    parent = np.arange(number, dtype=np.int64)
    while True:
        # one entry per pair of regions: parallel boundaries add up
        key = np.minimum(a, b) * number + np.maximum(a, b)
        key, inverse = np.unique(key, return_inverse=True)
        weight = np.bincount(inverse, weight).astype(np.float64)
        count = np.bincount(inverse, count).astype(np.float64)
        a, b = np.divmod(key, number)
        mean = weight / count
        weak = np.flatnonzero(mean <= limit)
        if not len(weak):
            return in_reading_order(parent[flat]).reshape(labels.shape)
        # ranks instead of means, because no two ranks are equal: there is always a weakest pair to merge
        rank = np.empty(len(weak), np.int64)
        rank[np.argsort(mean[weak], kind="stable")] = np.arange(len(weak))
        best = np.full(number, len(weak))
        np.minimum.at(best, a[weak], rank)
        np.minimum.at(best, b[weak], rank)
        mutual = weak[(rank == best[a[weak]]) & (rank == best[b[weak]])]
        target = np.arange(number, dtype=np.int64)
        target[b[mutual]] = a[mutual]
        parent = target[parent]
        a, b = target[a], target[b]
        apart = a != b
        a, b, weight, count = a[apart], b[apart], weight[apart], count[apart]


def absorb(
    labels: NDArray[np.int32], angles: NDArray[np.float32], edges: Edges, minimum_pixels: int
) -> NDArray[np.int32]:
    """Let regions of fewer than ``minimum_pixels`` join the neighbour across the lowest mean angle (E, degrees).

    Those without a neighbour of their phase become 0.
    """
    flat = labels.reshape(-1).copy()
    while True:
        count = np.bincount(flat)
        small = count < minimum_pixels
        small[0] = False
        a, b = flat[edges.first], flat[edges.second]
        between = (a != b) & (a > 0) & (b > 0) & np.isfinite(angles) & (small[a] | small[b])
        if not between.any():
            # what is still small has no neighbour to join
            return in_reading_order(np.where(small[flat], 0, flat)).reshape(labels.shape)
        a, b, angle = a[between], b[between], angles[between].astype(np.float64)
        merged = join_small(small, a, b, angle, np.ones(len(a)))
        flat = np.where(flat > 0, merged[flat] + 1, 0)


def join_small(
    small: NDArray[np.bool_],
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    angle: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Let every small region join the neighbour across the lowest mean angle.

    Parameters
    ----------
    small
        (N,) which regions are small.
    first, second
        (P,) pairs of neighbours; a pair may stand in several places.
    angle, shared
        (P,) the angle in degrees across the common boundary times its length, and that length.

    Returns
    -------
    (N,) numbers of the regions after that, from 0.
    """
    one, two = np.concatenate([first, second]), np.concatenate([second, first])
    key, inverse = np.unique(one.astype(np.int64) * len(small) + two, return_inverse=True)
    total = np.bincount(inverse, np.concatenate([angle, angle]))
    length = np.bincount(inverse, np.concatenate([shared, shared]))
    one, two = np.divmod(key, len(small))
    keep = small[one]
    one, two, mean = one[keep], two[keep], (total / length)[keep]
    order = np.lexsort((mean, one))
    chosen, at = np.unique(one[order], return_index=True)
    # a small region that its own target wants to join too: the pair merges; chains do as well
    return connected(chosen, two[order][at], len(small))
