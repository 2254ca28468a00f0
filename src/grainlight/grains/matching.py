"""Which grain of one division of a map is which of another, and how alike two divisions are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def match(labels: NDArray[np.int32], other: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return per grain 1, 2, ... of labels (H, W) the grain of other labels (H, W) that fits it best.

    Returns
    -------
    Label (N,) in ``other``, 0 where nothing overlaps, and the overlap (N,): pixels in both over pixels in either.
    """
    a, b = labels.reshape(-1), other.reshape(-1)
    pixels, others = np.bincount(a), np.bincount(b)
    both = (a > 0) & (b > 0)
    key, shared = np.unique(a[both].astype(np.int64) * len(others) + b[both], return_counts=True)
    of, to = np.divmod(key, len(others))
    overlap = shared / (pixels[of] + others[to] - shared)
    order = np.lexsort((-overlap, of))
    grain, at = np.unique(of[order], return_index=True)
    partner, best = np.zeros(len(pixels) - 1, np.int64), np.zeros(len(pixels) - 1)
    partner[grain - 1], best[grain - 1] = to[order][at], overlap[order][at]
    return partner, best


def adjusted_rand(labels: NDArray[np.int32], other: NDArray[np.int32]) -> float:
    """Return the adjusted Rand index of two divisions (H, W): 1 for the same grains, about 0 by chance.

    Hubert & Arabie, J. Classification 2, 193 (1985); over all pixels, label 0 being one grain.
    """
    a, b = labels.reshape(-1), other.reshape(-1)
    shared = np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b, return_counts=True)[1]

    def pairs(counts: NDArray) -> float:
        return float((counts * (counts - 1.0) / 2).sum())

    together, ours, theirs = pairs(shared), pairs(np.bincount(a)), pairs(np.bincount(b))
    expected = ours * theirs / pairs(np.array([a.size]))
    most = (ours + theirs) / 2
    return (together - expected) / (most - expected) if most != expected else 1.0
