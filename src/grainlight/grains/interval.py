"""Intervals that hold the truth nine times in ten, from the samples of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# How far the truth was below and above a figure, beyond what the samples say, in 19 of 20 synthetic sections at scale
# 4: as a logarithm for counts and sizes, as a difference for what `is_absolute`. For grains at a size of 100 pixels;
# it falls with the diameter. `python -m grainlight.benchmark.grains --calibrate` prints it.
MARGINS: Mapping[str, tuple[float, float]] = {}
OTHERWISE = (0.15, 0.15)
ABSOLUTE = ("fraction", "astm_number", "azimuth")


@dataclass(frozen=True)
class Interval:
    """A figure with its 90 % interval; without samples ``low`` and ``high`` are NaN."""

    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Return whether a value lies within."""
        return self.low <= truth <= self.high


def interval(name: str, value: float, samples: ArrayLike) -> Interval:
    """Return the 90 % interval of a figure of a map.

    Parameters
    ----------
    name
        Of the figure, as in `summary.QUANTITIES`; it chooses the margins.
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


def bounds(name: str, values: Array, samples: ArrayLike, scale: ArrayLike = 1.0) -> tuple[Array, Array]:
    """Return the ends (N,) of the intervals of values (N,) whose samples are (K, N).

    The width is the root-mean-square distance of the samples plus margins for what all samples get wrong alike, which
    are multiplied by ``scale`` (N,).
    """
    below, above = MARGINS.get(name, OTHERWISE)
    apart, scale = distance(name, values, samples), np.asarray(scale, dtype=np.float64)
    if is_absolute(name):
        low, high = values - apart - below * scale, values + apart + above * scale
        return (np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)) if "fraction" in name else (low, high)
    return values * np.exp(-apart - below * scale), values * np.exp(apart + above * scale)


def distance(name: str, values: Array, samples: ArrayLike) -> Array:
    """Return the root-mean-square distance (N,) of samples (K, N) from values (N,); samples that are NaN do not count.

    Between logarithms, or between the values themselves for what `is_absolute`.
    """
    apart = departure(name, values, np.asarray(samples, dtype=np.float64))
    known = np.isfinite(apart)
    square = np.where(known, apart, 0.0) ** 2
    return np.sqrt(square.sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def departure(name: str, values: Array, others: Array) -> Array:
    """Return how far others (..., N) are above values (N,), as a logarithm or, for what `is_absolute`, a difference."""
    if is_absolute(name):
        return others - values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(others / values)


def is_absolute(name: str) -> bool:
    """Return whether the interval of a figure is in its own unit, not relative: shares and numbers that may be 0."""
    return any(word in name for word in ABSOLUTE)
