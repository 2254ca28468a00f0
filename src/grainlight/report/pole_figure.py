"""Pole figure of the c-axes: density over the hemisphere in equal-area projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HALF_WIDTH = 10.0
"""Degrees from a c-axis at which its share of the density has fallen to half."""
_MOST_AXES = 4000


def pole_density(c_axes: NDArray[np.float64], size: int = 81, *, seed: int = 0) -> NDArray[np.float64]:
    """Return the density of c-axes in multiples of a uniform one.

    Parameters
    ----------
    c_axes
        (N, 3) unit vectors in frame S, either end; each counts alike, so that pixels count by area.
    size
        Pixels along a side of the figure.
    seed
        Of the draw of 4,000 axes where there are more.

    Returns
    -------
    (size, size): X to the right, Y up (row 0 at the top), the hemisphere's Lambert equal-area projection; NaN outside.
    The kernel is that of Watson's distribution, with the half-width `HALF_WIDTH`.
    """
    if len(c_axes) > _MOST_AXES:
        c_axes = c_axes[np.random.default_rng(seed).choice(len(c_axes), _MOST_AXES, replace=False)]
    directions = hemisphere(size)
    inside = np.isfinite(directions[..., 2])
    density = np.full((size, size), np.nan)
    if len(c_axes) == 0:
        return density
    sharpness = np.log(2) / np.sin(np.radians(HALF_WIDTH)) ** 2
    seen = directions[inside]
    found = np.zeros(len(seen))
    for part in np.array_split(c_axes, -(-len(c_axes) // 500)):
        found += np.exp(sharpness * ((seen @ part.T) ** 2 - 1)).sum(axis=1)
    # mean of the kernel over the sphere: a ring of directions at every height has the same area
    heights = (np.arange(20_000) + 0.5) / 20_000
    uniform = np.exp(sharpness * (heights**2 - 1)).mean()
    density[inside] = found / (len(c_axes) * uniform)
    return density


def hemisphere(size: int) -> NDArray[np.float64]:
    """Return the directions (size, size, 3) in frame S that the pixels of the projection show; NaN outside."""
    at = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(at, -at)
    squared = x**2 + y**2
    with np.errstate(invalid="ignore"):
        factor = np.sqrt(np.where(squared <= 1, 2 - squared, np.nan))
    return np.stack([x * factor, y * factor, 1 - squared * np.where(squared <= 1, 1, np.nan)], axis=-1)
