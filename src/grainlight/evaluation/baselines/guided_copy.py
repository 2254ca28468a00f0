"""The classical answer to EBSD plus light: copy the nearby measured orientation whose light is most alike.

The constants, those of `smooth_light` and `candidates` among them, were tuned on synthetic sections only (eight of
`synth.make_sections`, five families and all grain sizes, both levels of light, scales 2 and 4), for the mean F1 of
boundary edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.evaluation.baselines.candidates import Candidates
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.baselines.smooth_light import GROUP, SPREAD, denoised, finite_noise, smooth_light

_DISTANCE = 1.0  # cost of a candidate one point spacing away, in squared standard deviations
_NOISY = 0.02  # median noise above which plain light is smoothed at all
_LIGHT_SMOOTHING = 0.5  # pixels
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
    sigma = finite_noise(sigma)
    if denoise:
        light, sigma = denoised(light_state, sigma)
    elif np.median(sigma) > _NOISY:
        light, sigma = smooth_light(light_state, sigma, _LIGHT_SMOOTHING)
    else:
        light = light_state
    variance = sigma[GROUP] ** 2 + SPREAD**2
    candidates = Candidates(measured)
    point_light, point_variance = light[:, *candidates.points.T], variance[:, *candidates.points.T]
    wanted = np.argwhere(~measured)
    for start in range(0, len(wanted), _CHUNK):
        at = wanted[start : start + _CHUNK]
        distance, index = candidates.near(at)
        difference = (light[:, *at.T, None] - point_light[:, index]) ** 2
        cost = (difference / (variance[:, *at.T, None] + point_variance[:, index])).sum(axis=0)
        cost += _DISTANCE * (distance / candidates.spacing) ** 2
        cost[:, 1:][distance[:, 1:] > radius] = np.inf
        chosen = candidates.cheapest(index, cost)
        filled[tuple(at.T)] = quaternions[tuple(chosen.T)]
    return filled
