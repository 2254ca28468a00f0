"""PSNR and SSIM of inverse pole figure images, as the super-resolution project of UC Santa Barbara scores its maps.

Its public code (UCSB-VRL/EBSD-Superresolution) colours orientations with DREAM.3D for the direction normal to the
surface, and compares 8-bit RGB images: PSNR over all pixels and channels, SSIM with Gaussian windows of 11 pixels and a
standard deviation of 1.5 (Wang et al., IEEE Trans. Image Process. 13 (2004) 600), windows that cross the rim left out.
The colours jump where the hexagonal triangle folds, so these figures say less than angles do; they are for comparison.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.quaternion import crystal_axes
from grainlight.errors import InputError

_WINDOW = 1.5  # pixels: standard deviation, cut at 3.5 of them


def ipf_z(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colour orientations by the crystal direction normal to the surface, in DREAM.3D's colours for 6/mmm.

    With chi the angle from c (0 to 90 degrees) and eta the azimuth from a (folded to 0 to 30 degrees), red, green and
    blue are the square roots of 1 - chi / 90, (1 - eta / 30) chi / 90 and (eta / 30) (chi / 90), divided by the
    largest of the three.

    Parameters
    ----------
    quaternions
        (..., 4) in a frame whose z is normal to the surface, X along a.

    Returns
    -------
    (..., 3), 0 to 1.
    """
    a, b, c = (axis[..., 2].numpy() for axis in crystal_axes(torch.from_numpy(np.ascontiguousarray(quaternions))))
    chi = np.arctan2(np.hypot(a, b), np.abs(c)) / (np.pi / 2)
    # mirrors and turns of 6/mmm fold the azimuth to and fro every 30 degrees
    eta = np.abs((np.arctan2(b, a) / (np.pi / 6) + 1) % 2 - 1)
    colours = np.sqrt(np.stack([1 - chi, (1 - eta) * chi, eta * chi], axis=-1))
    return colours / colours.max(axis=-1, keepdims=True)


def psnr_ssim(
    restored: NDArray[np.float64], truth: NDArray[np.float64], valid: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Compare the images of two maps.

    Parameters
    ----------
    restored, truth
        (H, W, 4) orientations, 11 x 11 at least.
    valid
        (H, W) pixels that count; the others are black in both images.

    Returns
    -------
    PSNR [dB], infinite for equal images, and SSIM, 1 for equal ones; both images 0 to 1 in steps of 1/255.

    Raises
    ------
    InputError
        If scikit-image is not installed.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise InputError(
            "scikit-image is not installed", advice="install the group of the benchmarks: pip install -e .[bench]"
        ) from None
    seen = np.ones(truth.shape[:2], dtype=bool) if valid is None else valid
    left, right = (np.round(255 * ipf_z(q) * seen[..., None]) / 255 for q in (restored, truth))
    error = ((left - right)[seen] ** 2).mean()
    similarity = structural_similarity(
        left,
        right,
        data_range=1.0,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=_WINDOW,
        use_sample_covariance=False,
    )
    return float(-10 * np.log10(error)) if error else float("inf"), float(similarity)
