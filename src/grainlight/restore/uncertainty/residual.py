"""Where the measured light and the restored orientations contradict each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.optics.calibration.canonical import NOT_USED
from grainlight.optics.forward.curves import WEAK, Curves
from grainlight.optics.forward.state import GROUP_OF_CHANNEL
from grainlight.restore.light.calibrated import CalibratedLight

CONTRADICTED = 2.0
"""Standard deviations above which light and map contradict each other."""
AGAINST_MAP = 32
"""Bit of the flags beside those of `optics.calibration.canonical`."""
_CAP = 10.0
_WIDTH = 1.0
"""Pixels: standard deviation of the window."""


def normalised_residual(
    quaternions: NDArray[np.float64], state: Tensor, sigma: Tensor, curves: Curves = WEAK
) -> NDArray[np.float32]:
    """Return by how many standard deviations the light misses what the restored c-axes would show.

    Parameters
    ----------
    quaternions
        (H, W, 4) restored orientations in frame S.
    state, sigma
        (5, H, W) measured canonical harmonics and (3, H, W) noise of a channel per group, infinite where unknown.
    curves
        Of the calibration.

    Returns
    -------
    (H, W) root-mean-square over the known channels and a window of about two pixels, each pixel capped at 10: 0.7 to 1
    where light and map agree, above `CONTRADICTED` where they contradict each other. NaN where nothing was measured.

    Notes
    -----
    The light is compared with all values between those that the pixel and its eight neighbours would show: a microscope
    blurs, and at a boundary every mixture of the two sides is in order. Inside grains that is one value.

    Where `optics.calibration.canonical` has raised the noise already, because the stack fits no harmonics or the light
    contradicts the EBSD points, the flags tell; here the contradiction is then measured in that larger unit.
    """
    # Single precision, as the answer: channel by channel less is held than of all at once.
    light, noise = state.float().cpu().numpy(), sigma.float().cpu().numpy()
    expected = curves.model.of_axes(torch.from_numpy(c_axis(quaternions)))
    square, channels = np.zeros((2, *light.shape[1:]), np.float32)
    for shown, seen, group in zip(expected.numpy(), light, GROUP_OF_CHANNEL, strict=True):
        known = np.isfinite(noise[group])
        miss = (seen - np.clip(seen, *_extremes(shown.astype(np.float32)))) / np.where(known, noise[group], 1.0)
        square += np.where(known, miss * miss, 0.0)
        channels += known
    square = np.minimum(square / np.maximum(channels, 1), _CAP**2)
    weight = (channels > 0).astype(np.float32)
    share = gaussian_filter(weight, _WIDTH, mode="nearest")
    mean = gaussian_filter(square * weight, _WIDTH, mode="nearest") / np.maximum(share, 1e-9)
    return np.where(channels > 0, np.sqrt(mean), np.nan).astype(np.float32)


def all_flags(
    light: CalibratedLight, residual: NDArray[np.float32], unused: Tensor | None = None
) -> NDArray[np.uint16]:
    """Return the flags (H, W) of the light with those of pixels that contradict the restored map, by what
    `normalised_residual` (H, W) says of them, and of those whose light was left ``unused`` (H, W) for it."""
    flags: NDArray[np.uint16] = light.flags.cpu().numpy().astype(np.uint16)
    if unused is not None:
        flags |= np.where(unused.numpy(), NOT_USED, 0).astype(np.uint16)
    return flags | np.where(np.nan_to_num(residual) > CONTRADICTED, AGAINST_MAP, 0).astype(np.uint16)


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
