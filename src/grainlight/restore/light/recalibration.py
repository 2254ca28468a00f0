"""The light as the network expects it, once a map of grains has told its true gain and noise."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.diffusion.state import LIGHT, is_unknown
from grainlight.optics.forward.axis_powers import embedding_powers
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.imaging_model import ImagingModel
from grainlight.optics.forward.state import CHANNELS_OF_GROUP

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
    axis = embedding_powers(e).flatten(1)
    wanted, fitted = IDEAL.light(axis), imaging.light(axis)
    light = measurement[LIGHT]
    for number, channels in enumerate(CHANNELS_OF_GROUP, 1):
        known = ~is_unknown(sigma[number])
        if not known.any():
            continue
        ideal, shown = _as_complex(wanted, channels), _as_complex(fitted, channels)
        middle, offset = ideal.mean(), shown.mean()
        variance = (ideal - middle).abs().square().mean()
        gain = ((shown - offset) * (ideal - middle).conj()).mean() / variance.clamp(min=1e-6)
        if not _GAINS[0] <= float(gain.abs()) <= _GAINS[1]:
            continue
        offset = offset - gain * middle
        off_line = (shown - offset - gain * ideal).abs().square().mean() / len(channels)
        undone = (_as_complex(light, channels) - offset) / gain
        factor = imaging.noise[list(channels)].square().mean()
        level = ((sigma[number].square() * factor + off_line) / gain.abs().square()).sqrt()
        for channel, part in zip(channels, (undone.real, undone.imag), strict=False):
            light[channel] = torch.where(known, part, light[channel])
        sigma[number] = torch.where(known, level, sigma[number])
    return measurement, sigma


def _as_complex(light: Tensor, channels: tuple[int, ...]) -> Tensor:
    """A group of a light (5, ...) as one complex image; real where it has one channel."""
    return torch.complex(light[channels[0]], light[channels[1]] if len(channels) > 1 else torch.zeros_like(light[0]))
