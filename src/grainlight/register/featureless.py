"""Regions of images that show nothing of the grains, as under an opaque blot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import binary_dilation, binary_opening, gaussian_filter

from grainlight.maps.light_stack import LightStack
from grainlight.register.blocks import blocks

_LITTLE = 0.3  # of the usual amplitude of the light's modulation with the angle
_LEAST, _MARGIN = 1.0, 1.75  # EBSD steps: half the width of a region, and what is left out around it


def without_featureless(light: LightStack, step: float) -> LightStack | None:
    """Return a stack that is not recorded (NaN) where the light hardly changes with the angle over more than a point.

    What is taken off as uneven illumination is wrong around such a region, and the light beside it with it. A grain
    whose c-axis stands upright shows as little: only where a place is not found with all of the light is it worth
    going without.

    Parameters
    ----------
    step
        Of the EBSD map [um].

    Returns
    -------
    The stack; None where there is no such region, or the angles do not determine the harmonics.
    """
    if not light.determined:
        return None
    from grainlight.optics.calibration.harmonics import fit_harmonics

    factor = max(1, int(step / light.step / 2))
    high, wide = (n // factor * factor for n in light.shape)
    binned = np.stack([blocks(np.asarray(image[:high, :wide], dtype=np.float32), factor) for image in light.images])
    fitted = fit_harmonics(torch.from_numpy(binned), light.angles.tolist(), saturation=light.saturation).coefficients
    harmonics = fitted[1:].float().numpy()
    known = np.isfinite(harmonics).all(0)
    if not known.any():
        return None
    harmonics = gaussian_filter(np.where(known, harmonics, 0.0), (0, 1, 1))
    amplitude = np.sqrt(np.square(harmonics).sum(0))
    points = step / (light.step * factor)
    low = (amplitude < _LITTLE * float(np.median(amplitude[known]))) & known
    low = binary_opening(low, iterations=max(1, round(_LEAST * points)))
    low = binary_dilation(low, iterations=max(1, round(_MARGIN * points)))
    if not low.any():
        return None
    images = light.images.astype(np.float32)
    images[:, :high, :wide][:, np.kron(low, np.ones((factor, factor), dtype=bool))] = np.nan
    return replace(light, images=images)
