"""Images in blocks of pixels, and blocks back at every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]
_FINEST = 1.5  # blocks that a Gaussian is at least wide where it is taken on blocks


def block_side(sigma: float) -> int:
    """Return how many pixels a side blocks may have where a Gaussian of ``sigma`` pixels is taken on them."""
    return max(1, int(sigma / _FINEST))


def blocks(image: Single, factor: int) -> Single:
    """Return the means of blocks of ``factor`` by ``factor`` pixels; zeros beyond the edge count."""
    if factor == 1:
        return image
    padded = np.pad(image, [(0, -n % factor) for n in image.shape])
    rows = padded.reshape(-1, factor, padded.shape[1]).sum(1)
    found: Single = rows.reshape(len(rows), -1, factor).sum(2) / np.float32(factor**2)
    return found


def enlarged(small: Single, factor: float, shape: tuple[int, ...]) -> Single:
    """Return an image of blocks (h, w) at every pixel of a shape, linear between the blocks' middles.

    ``factor``: pixels a side of a block.
    """
    for axis, count in enumerate(shape):
        at = ((np.arange(count) + 0.5) / factor - 0.5).clip(0, small.shape[axis] - 1)
        low = np.minimum(at.astype(np.int64), max(small.shape[axis] - 2, 0))
        high = np.minimum(low + 1, small.shape[axis] - 1)
        share = np.expand_dims((at - low).astype(np.float32), 1 - axis)
        small = small.take(low, axis) * (1 - share) + small.take(high, axis) * share
    return small
