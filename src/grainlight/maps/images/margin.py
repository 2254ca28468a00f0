"""Whether counts of 0 stand for margins, which an image does not show, or for dark metal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 250_000  # pixels that are looked at
_EMPTY = 0.005  # of the counts that are 0: margins
_DIM = 0.1  # of the usual count: between 0 and this there is next to nothing where 0 stands for a margin
_RARE = 0.05
_LEVELS = 8  # grey values that an image which is not black and white has


def zero_is_margin(images: NDArray[Any]) -> bool:
    """Whether 0 stands for pixels that images (N, H, W) do not show: some are 0, and next to none are nearly so."""
    sample = sampled(images)
    none = sample == 0
    share = float(none.mean())
    if not _EMPTY < share < 1:
        return False
    counts = sample[~none]
    usual = float(np.median(counts))
    if len(np.unique(counts[:10_000])) < _LEVELS or usual <= 0:
        return False  # black and white
    return float(((sample > 0) & (sample < _DIM * usual)).mean()) < _RARE * share


def sampled(images: NDArray[Any]) -> NDArray[Any]:
    """Return every so many rows and columns of images (N, H, W)."""
    rows, columns = images.shape[1:]
    every = max(1, int(np.sqrt(rows * columns / _SAMPLE)))
    return np.ascontiguousarray(images[:, ::every, ::every])
