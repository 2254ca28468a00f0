"""Kernel average misorientation and grain orientation spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.edges import Edges


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
