"""From edges to grains: connected pixels, and boundaries that hold as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grainlight.grains.edges import Edges

MINIMUM_PIXELS = 5


def components(open_edges: NDArray[np.bool_], valid: NDArray[np.bool_], edges: Edges) -> NDArray[np.int32]:
    """Return labels (H, W), 1 and up in reading order, of pixels that open edges (E,) connect; 0 where not valid."""
    flat = valid.reshape(-1)
    use = open_edges & flat[edges.first] & flat[edges.second]
    ones = np.ones(int(use.sum()), dtype=np.uint8)
    graph = coo_matrix((ones, (edges.first[use], edges.second[use])), shape=(flat.size, flat.size))
    label = connected_components(graph, directed=False)[1]
    return in_reading_order(np.where(flat, label + 1, 0)).reshape(valid.shape)


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
    threshold: float = 5.0,
    probability: NDArray[np.float32] | None = None,
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
    probability
        (E,) that an edge is a boundary of at least ``threshold``, 0 to 1. With it an edge is closed where the
        probability is above one half, and the angle only ranks neighbours.
    minimum_pixels
        Smaller grains join the neighbour of the same phase whose common boundary has the lowest mean angle; those
        without one stay.

    Returns
    -------
    Labels (H, W) int32 from 1 in reading order; 0 where not valid.
    """
    closed = ~(angles <= threshold) if probability is None else ~np.isfinite(angles) | (probability > 0.5)
    labels = components(~closed, valid, edges)
    return absorb(labels, angles, edges, minimum_pixels)


def absorb(
    labels: NDArray[np.int32], angles: NDArray[np.float32], edges: Edges, minimum_pixels: int
) -> NDArray[np.int32]:
    """Let regions of fewer than ``minimum_pixels`` join the neighbour across the lowest mean angle (E, degrees)."""
    flat = labels.reshape(-1).copy()
    while True:
        count = np.bincount(flat)
        small = count < minimum_pixels
        small[0] = False
        a, b = flat[edges.first], flat[edges.second]
        between = (a != b) & (a > 0) & (b > 0) & np.isfinite(angles) & (small[a] | small[b])
        if not between.any():
            return in_reading_order(flat).reshape(labels.shape)
        a, b, angle = a[between], b[between], angles[between].astype(np.float64)
        one, two = np.concatenate([a, b]), np.concatenate([b, a])
        key, inverse = np.unique(one.astype(np.int64) * len(count) + two, return_inverse=True)
        total = np.bincount(inverse, np.concatenate([angle, angle]))
        shared = np.bincount(inverse)
        one, two = np.divmod(key, len(count))
        keep = small[one]
        one, two, mean = one[keep], two[keep], (total / shared)[keep]
        order = np.lexsort((mean, one))
        chosen, at = np.unique(one[order], return_index=True)
        target = two[order][at]
        # a small region that its own target wants to join too: the pair merges; chains do as well
        graph = coo_matrix((np.ones(len(chosen)), (chosen, target)), shape=(len(count), len(count)))
        merged = connected_components(graph, directed=False)[1]
        flat = np.where(flat > 0, merged[flat] + 1, 0)
