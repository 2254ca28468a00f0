"""The classical answer to EBSD plus light: copy the nearby measured orientation whose light is most alike.

The constants below were tuned on synthetic sections only (eight of `synth.make_sections`, five families and all grain
sizes, both levels of light, scales 2 and 4), for the mean F1 of boundary edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.benchmark.nearest import nearest

_GROUP = np.array([0, 1, 1, 2, 2])
_CANDIDATES = 24
_SPREAD = 0.05  # canonical units by which the light of one grain varies beyond its noise
_DISTANCE = 1.0  # cost of a candidate one point spacing away, in squared standard deviations
_WORST = 30.0  # noise at which a group says nothing; unknown groups have an infinite one
_NOISY = 0.02  # median noise above which plain light is smoothed at all
_LIGHT_SMOOTHING = 0.5  # pixels
_REACH = 1.5  # pixels: standard deviation in space of the edge-preserving filter
_ALIKE = 0.7  # standard deviations: its width in light
_CHUNK = 1 << 16

Array = NDArray[np.float64]


def guided_copy(
    quaternions: Array,
    measured: NDArray[np.bool_],
    light_state: Array,
    sigma: Array,
    radius: float = np.inf,
    *,
    denoise: bool = True,
) -> Array:
    """Fill a map with the measured orientations whose light is most like that of the pixel to fill.

    Parameters
    ----------
    quaternions
        (H, W, 4), of which only the measured ones count.
    measured
        (H, W) bool.
    light_state
        (5, H, W) canonical harmonics of the whole field.
    sigma
        (3, H, W) noise of one channel per group; infinite where a group is unknown.
    radius
        Pixels within which candidates are sought, among the 24 nearest measured pixels; the nearest always counts.
    denoise
        Filter the light first with an edge-preserving (bilateral) filter that knows its noise; otherwise noisy light
        is blurred by half a pixel and good light not at all.

    Returns
    -------
    (H, W, 4); measured pixels as they were.
    """
    filled = nearest(quaternions, measured)
    sigma = np.minimum(np.where(np.isfinite(sigma), sigma, _WORST), _WORST)
    if denoise:
        light, sigma = smooth_light(light_state, sigma, _REACH, _ALIKE)
    elif np.median(sigma) > _NOISY:
        light, sigma = smooth_light(light_state, sigma, _LIGHT_SMOOTHING)
    else:
        light = light_state
    variance = sigma[_GROUP] ** 2 + _SPREAD**2
    points = np.argwhere(measured)
    spacing = np.sqrt(measured.size / len(points))
    point_light, point_variance = light[:, *points.T], variance[:, *points.T]
    tree = cKDTree(points)
    wanted = np.argwhere(~measured)
    for start in range(0, len(wanted), _CHUNK):
        at = wanted[start : start + _CHUNK]
        distance, index = tree.query(at, k=np.arange(1, min(_CANDIDATES, len(points)) + 1))
        difference = (light[:, *at.T, None] - point_light[:, index]) ** 2
        cost = (difference / (variance[:, *at.T, None] + point_variance[:, index])).sum(axis=0)
        cost += _DISTANCE * (distance / spacing) ** 2
        cost[:, 1:][distance[:, 1:] > radius] = np.inf
        chosen = points[np.take_along_axis(index, cost.argmin(axis=1)[:, None], axis=1)[:, 0]]
        filled[tuple(at.T)] = quaternions[tuple(chosen.T)]
    return filled


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
    variance = sigma[_GROUP] ** 2
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
