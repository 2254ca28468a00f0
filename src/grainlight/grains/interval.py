"""Intervals that hold the truth nine times in ten, from the samples of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.constants import constants

Array = NDArray[np.float64]

ABSOLUTE = ("fraction", "astm_number", "gos")


@dataclass(frozen=True)
class Interval:
    """A figure with its 90 % interval and the distance of the samples from it; without samples these are NaN."""

    value: float
    low: float
    high: float
    spread: float = float("nan")

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
    at = np.array([value])
    apart = distance(name, at, members[:, None])
    low, high = bounds(name, at, apart)
    return Interval(value, float(low[0]), float(high[0]), float(apart[0]))


def bounds(name: str, values: Array, apart: Array, scale: ArrayLike = 1.0) -> tuple[Array, Array]:
    """Return the ends (N,) of the intervals of values (N,) from which samples are ``apart`` (N,), as `distance` says.

    The width is that distance plus margins for what all samples get wrong alike, multiplied by ``scale`` (N,).
    """
    fitted = constants().grain_intervals
    below, above = fitted.margins.get(_family(name), fitted.otherwise)
    scale = np.asarray(scale, dtype=np.float64) * margin_unit(name, values)
    if is_absolute(name):
        low, high = values - apart - below * scale, values + apart + above * scale
        if "astm" in name:
            return low, high
        return np.maximum(low, 0.0), np.minimum(high, 1.0) if "fraction" in name else high
    return values * np.exp(-apart - below * scale), values * np.exp(apart + above * scale)


def margin_unit(name: str, values: Array) -> Array:
    """Return the unit (N,) of the margins of values (N,): for fractions their root, at least a tenth, for others 1."""
    return np.sqrt(np.maximum(values, 0.01)) if "fraction" in name else np.ones_like(values)


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


def _family(name: str) -> str:
    """The fraction of one twin system is as uncertain as that of all."""
    for kind in ("twin", "variant"):
        if name.startswith(f"fraction of {kind}"):
            return f"{kind}_fraction"
    return name


def is_absolute(name: str) -> bool:
    """Return whether the interval of a figure is in its own unit, not relative: shares and numbers that may be 0."""
    return any(word in name for word in ABSOLUTE)
