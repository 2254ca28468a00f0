"""Light whose noise is lowered and known: an edge-preserving filter, for the methods that compare light with light.

The constants were tuned with those of `guided_copy`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.optics.forward.state import GROUP_OF_CHANNEL

GROUP = np.array(GROUP_OF_CHANNEL)
"""Group of the noise of each of the five harmonics."""
SPREAD = 0.05
"""Canonical units by which the light of one grain varies beyond its noise."""
_WORST = 30.0  # noise at which a group says nothing; unknown groups have an infinite one
_REACH = 1.5  # pixels: standard deviation in space of the edge-preserving filter
_ALIKE = 0.7  # standard deviations: its width in light

Array = NDArray[np.float64]


def finite_noise(sigma: Array) -> Array:
    """Return noise levels of any shape with a large one for what is unknown."""
    return np.minimum(np.where(np.isfinite(sigma), sigma, _WORST), _WORST)


def denoised(light: Array, sigma: Array) -> tuple[Array, Array]:
    """Return light (5, H, W) and its noise (3, H, W) after the edge-preserving filter as the guided copy uses it."""
    return smooth_light(light, sigma, _REACH, _ALIKE)


def smooth_light(light: Array, sigma: Array, reach: float, alike: float = np.inf) -> tuple[Array, Array]:
    """Average light over neighbours, weighted by nearness, by precision and by likeness.

    Parameters
    ----------
    light, sigma
        (5, H, W) harmonics and (3, H, W) their noise, finite.
    reach
        Standard deviation of the weight in space [pixels].
    alike
        Standard deviation of the weight in light, in units of the noise of a difference; infinite for none
        (after Tomasi & Manduchi, ICCV 1998).

    Returns
    -------
    Light (5, H, W) and its noise (3, H, W), as if the weights did not depend on it.
    """
    rows, cols = light.shape[1:]
    border = int(np.ceil(2.5 * reach))
    pad = ((0, 0), (border, border), (border, border))
    variance = sigma[GROUP] ** 2
    wide_light, wide_variance = np.pad(light, pad, mode="edge"), np.pad(variance, pad, mode="edge")
    total, weights, squares = np.zeros_like(light), np.zeros_like(light), np.zeros_like(light)
    for down in range(2 * border + 1):
        for right in range(2 * border + 1):
            nearness = np.exp(-0.5 * ((down - border) ** 2 + (right - border) ** 2) / reach**2)
            if nearness < 0.02:
                continue
            window = (slice(None), slice(down, down + rows), slice(right, right + cols))
            other, noise = wide_light[window], wide_variance[window]
            weight = nearness / noise
            if np.isfinite(alike):
                apart = ((light - other) ** 2 / (variance + noise)).mean(axis=0)
                weight = weight * np.exp(-0.5 * apart / alike**2)
            total += weight * other
            weights += weight
            squares += weight**2 * noise
    return total / weights, (np.sqrt(squares) / weights)[[0, 1, 3]]
