"""Where the measured light and the restored orientations contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.optics.state import GROUP_OF_CHANNEL, powers

CONTRADICTED = 2.0
"""Standard deviations above which light and map contradict each other."""
_CAP = 10.0
_WIDTH = 1.0
"""Pixels: standard deviation of the window."""


def calibrated_light(quaternions: NDArray[np.float64], report: Mapping[str, object]) -> NDArray[np.float64]:
    """Return the harmonics (5, H, W) that orientations (H, W, 4) in frame S show under a calibration's curves.

    `grain_light.expected_light` is their ideal limit, for embeddings.

    Parameters
    ----------
    report
        Of `optics.canonical`: k2, k4 and a0_mix of the calibration's curves; the weak limit where they are missing.
    """
    k2, k4, mix = (float(str(report.get(key, other))) for key, other in (("k2", 0.0), ("k4", 0.0), ("a0_mix", 1.0)))
    s, h2, h4 = powers(torch.from_numpy(c_axis(quaternions)))
    bend2, bend4 = 1 + k2 * (1 - s), 1 + k4 * (1 - s)
    g2, g4 = s * bend2, s * s * bend4
    a2, a4 = h2 * bend2, h4 * bend4
    return torch.stack((g2 + mix * (g4 - g2), a2.real, a2.imag, a4.real, a4.imag)).numpy()


def contradiction(
    quaternions: NDArray[np.float64], state: Tensor, sigma: Tensor, report: Mapping[str, object]
) -> NDArray[np.float32]:
    """Return by how many standard deviations the light misses what the restored c-axes would show.

    Parameters
    ----------
    quaternions
        (H, W, 4) restored orientations in frame S.
    state, sigma
        (5, H, W) measured canonical harmonics and (3, H, W) noise of a channel per group, infinite where unknown.
    report
        Of the calibration.

    Returns
    -------
    (H, W) root-mean-square over the known channels and a window of about two pixels, each pixel capped at 10: 0.7 to 1
    where light and map agree, above `CONTRADICTED` where they contradict each other. NaN where nothing was measured.

    Notes
    -----
    The light is compared with all values between those that the pixel and its eight neighbours would show: a microscope
    blurs, and at a boundary every mixture of the two sides is in order. Inside grains that is one value.

    Where `optics.canonical` has raised the noise already, because the stack fits no harmonics or the light contradicts
    the EBSD points, the flags tell; here the contradiction is then measured in that larger unit.
    """
    # Single precision, as the answer: channel by channel less is held than of all at once.
    light, noise = state.float().cpu().numpy(), sigma.float().cpu().numpy()
    square, channels = np.zeros((2, *light.shape[1:]), np.float32)
    for shown, seen, group in zip(calibrated_light(quaternions, report), light, GROUP_OF_CHANNEL, strict=True):
        known = np.isfinite(noise[group])
        miss = (seen - np.clip(seen, *_extremes(shown.astype(np.float32)))) / np.where(known, noise[group], 1.0)
        square += np.where(known, miss * miss, 0.0)
        channels += known
    square = np.minimum(square / np.maximum(channels, 1), _CAP**2)
    weight = (channels > 0).astype(np.float32)
    share = gaussian_filter(weight, _WIDTH, mode="nearest")
    mean = gaussian_filter(square * weight, _WIDTH, mode="nearest") / np.maximum(share, 1e-9)
    return np.where(channels > 0, np.sqrt(mean), np.nan).astype(np.float32)


def _extremes(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least and largest value (H, W) of every pixel and its eight neighbours."""
    low = high = image
    for before, after in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        low, high = (_chosen(choose, of, before, after) for choose, of in ((np.minimum, low), (np.maximum, high)))
    return low, high


def _chosen(choose: np.ufunc, image: NDArray[np.float32], before: Any, after: Any) -> NDArray[np.float32]:
    out = image.copy()
    choose(out[before], image[after], out=out[before])
    choose(out[after], image[before], out=out[after])
    return out
