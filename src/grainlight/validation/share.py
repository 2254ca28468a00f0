"""A share of pixels or points with its interval, which knows that errors of one place go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

Array = NDArray[np.float64]
LEVEL = 0.9
"""Of intervals."""
_TILES = 36  # parts of the map whose errors are taken to be independent


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, with its 90 % interval."""

    value: float
    low: float
    high: float


def tiles(place: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return in which of some 36 parts of a map (rows, columns) each point (n, 2) lies."""
    side = max(np.sqrt(shape[0] * shape[1] / _TILES), 1.0)
    row, column = (place / side).astype(np.int64).T
    return np.unique(row * (column.max(initial=0) + 1) + column, return_inverse=True)[1]


def share_of(value: Array, weight: Array, tile: NDArray[np.int64], extra: float = 0.0) -> Share:
    """Return the weighted mean of values (n,), 0 to 1, with an interval that knows that points of one tile go together.

    The interval is that of a binomial share (Jeffreys) of as many points as give the variance between tiles, widened by
    a relative standard deviation ``extra``.
    """
    total = weight.sum()
    mean = float((weight * value).sum() / total)
    apart = np.bincount(tile, weight * (value - mean)) / total
    count = max(len(apart), 2)
    spread = float((apart**2).sum()) * count / (count - 1)
    fewest = total**2 / float((weight**2).sum())
    # a share near 0 has no spread of its own: as many points as are there, at most
    alike = min(max(mean * (1 - mean) / spread, 1.0), fewest) if spread > 0 else fewest
    low, high = beta.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], mean * alike + 0.5, (1 - mean) * alike + 0.5)
    low, high = min(float(low), mean), max(float(high), mean)
    z = norm.ppf((1 + LEVEL) / 2)
    below, above = (
        np.hypot(np.log(max(mean, 1e-9) / max(low, 1e-9)), z * extra),
        np.hypot(np.log(high / max(mean, 1e-9)), z * extra),
    )
    if mean <= 0:
        return Share(0.0, 0.0, min(high * float(np.exp(z * extra)), 1.0))
    return Share(mean, mean * float(np.exp(-below)), min(mean * float(np.exp(above)), 1.0))
