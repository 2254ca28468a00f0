"""The light as the network expects it, once a map of grains has told its true gain and noise."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.diffusion.state import LIGHT, is_unknown
from grainlight.restore.light.imaging_model import ImagingModel, light_powers

# Channels of the light in each group, with the images of `light_powers` that are their ideal.
_GROUPS = (((0,), (1,)), ((1, 2), (2, 3)), ((3, 4), (4, 5)))
# A gain beyond these is not believed.
_GAINS = (0.4, 2.5)


def recalibrate(measurement: Tensor, sigma: Tensor, e: Tensor, imaging: ImagingModel) -> tuple[Tensor, Tensor]:
    """Return a measurement and its noise with the light's gain undone and its noise as a map of grains shows it.

    Parameters
    ----------
    measurement, sigma
        State (23, H, W) and noise per group (4, H, W).
    e
        Embedding (18, H, W) of the map.
    imaging
        What was fitted to it.

    Notes
    -----
    The imaging model has curves, which no gain undoes: the gain is that of the best line, and what lies off it is
    noise.
    """
    measurement, sigma = measurement.clone(), sigma.clone()
    images = light_powers(e).flatten(1)
    fitted = imaging.light(images)
    light = measurement[LIGHT]
    for number, (channels, ideals) in enumerate(_GROUPS, 1):
        known = ~is_unknown(sigma[number])
        if not known.any():
            continue
        ideal = torch.complex(images[ideals[0]], images[ideals[1]] if len(ideals) > 1 else torch.zeros(len(images[0])))
        shown = torch.complex(fitted[channels[0]], fitted[channels[1]] if len(channels) > 1 else 0 * fitted[0])
        middle, offset = ideal.mean(), shown.mean()
        variance = (ideal - middle).abs().square().mean()
        gain = ((shown - offset) * (ideal - middle).conj()).mean() / variance.clamp(min=1e-6)
        if not _GAINS[0] <= float(gain.abs()) <= _GAINS[1]:
            continue
        offset = offset - gain * middle
        off_line = (shown - offset - gain * ideal).abs().square().mean() / len(channels)
        seen = torch.complex(light[channels[0]], light[channels[1]] if len(channels) > 1 else 0 * light[0])
        undone = (seen - offset) / gain
        factor = imaging.noise[list(channels)].square().mean()
        level = ((sigma[number].square() * factor + off_line) / gain.abs().square()).sqrt()
        for channel, part in zip(channels, (undone.real, undone.imag), strict=False):
            light[channel] = torch.where(known, part, light[channel])
        sigma[number] = torch.where(known, level, sigma[number])
    return measurement, sigma
