"""Intervals that hold the truth nine times in ten, from the samples of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Width of the interval of a figure: floor + factor x (root-mean-square distance of the samples), relative to the figure
# for sizes and counts, absolute for fractions; what `python -m grainlight.benchmark.grains --calibrate` prints.
WIDTHS: Mapping[str, tuple[float, float]] = {}
DEFAULT_WIDTH = (0.1, 1.645)
ABSOLUTE = ("fraction",)


@dataclass(frozen=True)
class Interval:
    """A figure with its 90 % interval; without samples ``low`` and ``high`` are NaN."""

    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Return whether a value lies within."""
        return self.low <= truth <= self.high


def spread(value: ArrayLike, samples: ArrayLike) -> NDArray[np.float64]:
    """Return the root-mean-square distance of samples (K, ...) from values (...); NaN samples do not count."""
    distance = np.asarray(samples, dtype=np.float64) - np.asarray(value, dtype=np.float64)
    known = np.isfinite(distance)
    count = known.sum(axis=0)
    square = np.where(known, distance, 0.0) ** 2
    return np.sqrt(square.sum(axis=0) / np.maximum(count, 1))


def interval(name: str, value: float, samples: ArrayLike) -> Interval:
    """Return the 90 % interval of a figure of a map.

    Parameters
    ----------
    name
        Of the figure, as in `summary.QUANTITIES`; it chooses the width.
    value
        From the map.
    samples
        (K,) from the members of the ensemble, K from 0.
    """
    members = np.asarray(samples, dtype=np.float64)
    if members.size == 0 or not np.isfinite(value):
        return Interval(value, float("nan"), float("nan"))
    low, high = bounds(name, np.array([value]), members[:, None])
    return Interval(value, float(low[0]), float(high[0]))


def bounds(name: str, values: NDArray[np.float64], samples: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the ends (N,) of the intervals of values (N,) whose samples are (K, N)."""
    floor, factor = WIDTHS.get(name, DEFAULT_WIDTH)
    apart = spread(values, samples)
    if is_absolute(name):
        width = floor + factor * apart
        return np.clip(values - width, 0.0, 1.0), np.clip(values + width, 0.0, 1.0)
    width = floor + factor * apart / np.maximum(np.abs(values), 1e-12)
    return values * np.exp(-width), values * np.exp(width)


def is_absolute(name: str) -> bool:
    """Return whether the width of a figure's interval is in its own unit, not relative: fractions."""
    return any(word in name for word in ABSOLUTE)
