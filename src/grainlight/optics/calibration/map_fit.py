"""The imaging model of a light, once a map of its grains is known: point spread, gain, curves and noise.

The calibration of the light sees measured points one by one, and blur mixes their light with that of their neighbours:
in fine structures the gain comes out too small and the noise too large. With a map of grains at hand, blur, gain and
curves are fitted together:

    A0 = a s + b s^2 + o,   A2 = (z + w (1 - s)) h2 + o,   A4 = (z + w (1 - s)) h4 + o,   each under the blur,

complex numbers but for A0; terms as in `optics.forward.axis_powers`. What the fit leaves is the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import BENT, H2_IMAG, H2_REAL, H4_IMAG, H4_REAL, S2, TERMS, S, basis
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.imaging_model import ImagingModel
from grainlight.optics.forward.misfit import FREEDOM
from grainlight.optics.forward.point_spread import WIDTHS, blurred, gaussian
from grainlight.optics.forward.state import CHANNELS_OF_GROUP

# Rows and columns in the middle of the light that are enough to tell.
_ENOUGH = 384
_FEWEST_PIXELS, _MOST_PIXELS = 100, 40_000
# Widths between those that are tried first.
_STRIDE = 3
_ROUNDS = 4
# A priori standard deviation of gains and curves about the ideal ones, and of backgrounds.
_GAIN_STD, _OFFSET_STD = 0.5, 0.05
# Stated noise is rescaled within these limits.
_NOISE_LIMITS = (0.05, 3.0)
_MEDIAN = 0.6745

Parameter = tuple[tuple[int, int, float], ...]
"""What one number of a response multiplies: channel, term and sign."""


def _complex(channels: tuple[int, int], real: int, imag: int) -> tuple[Parameter, Parameter]:
    """Real and imaginary part of a factor of a complex term that two channels show."""
    first, second = channels
    return ((first, real, 1.0), (second, imag, 1.0)), ((first, imag, -1.0), (second, real, 1.0))


def _complex_and_bent(channels: tuple[int, int], real: int, imag: int) -> tuple[Parameter, ...]:
    return (*_complex(channels, real, imag), *_complex(channels, real + BENT, imag + BENT))


_PARAMETERS: tuple[tuple[Parameter, ...], ...] = (
    (((0, S, 1.0),), ((0, S2, 1.0),)),
    _complex_and_bent((1, 2), H2_REAL, H2_IMAG),
    _complex_and_bent((3, 4), H4_REAL, H4_IMAG),
)
"""Numbers of the response that are fitted, group by group; each group has a background for each channel besides."""
_IDEAL = ((0.0, 1.0), (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
_TERMS = sorted({term for group in _PARAMETERS for number in group for _, term, _ in number})


def imaging_model_of(numbers: Sequence[Tensor], width: float, noise: Tensor) -> ImagingModel:
    """Return the model of the numbers of each group: its `_PARAMETERS`, then the background of each channel."""
    response = torch.zeros(5, len(TERMS), dtype=torch.float64)
    background = torch.zeros(5, dtype=torch.float64)
    for group, channels, found in zip(_PARAMETERS, CHANNELS_OF_GROUP, numbers, strict=True):
        for number, value in zip(group, found.tolist(), strict=False):
            for channel, term, sign in number:
                response[channel, term] += sign * value
        background[list(channels)] = found[len(group) :].to(background)
    return ImagingModel(response, background, width, noise)


def fit_imaging_model(
    light: Tensor, precision: Tensor, axis: Tensor, widths: tuple[float, ...] = WIDTHS
) -> ImagingModel:
    """Find the imaging model that turns a map's light into the light that was measured.

    Parameters
    ----------
    light, precision
        Measured harmonics (5, H, W) and the reciprocal of their stated variance, 0 where unknown.
    axis
        `axis_powers` (3, H, W) of the map.
    widths
        Blurs to choose from.
    """
    if not bool((precision > 0).any()):
        return IDEAL
    part = (slice(None), *middle_of((precision > 0).any(0)))
    light, precision, images = light[part], precision[part], basis(axis[part], _TERMS)
    asked = [_ask(light, precision, channels) for channels in CHANNELS_OF_GROUP]
    fits: dict[float, tuple[float, ImagingModel]] = {}

    def best_of(some: tuple[float, ...]) -> float:
        for width in some:
            if width not in fits:
                fits[width] = _fit(asked, blurred(images, gaussian(width)), width)
        return min(fits, key=lambda width: fits[width][0])

    coarse = widths.index(best_of(widths[::_STRIDE]))
    return fits[best_of(widths[max(0, coarse - _STRIDE + 1) : coarse + _STRIDE])][1]


def middle_of(lit: Tensor) -> tuple[slice, slice]:
    """Rows and columns in the middle of the lit pixels (H, W), of which there is one, that are enough to tell."""
    out = []
    for dim, side in enumerate(lit.shape):
        # As the lower median of the rows (columns) of all lit pixels.
        count = lit.sum(1 - dim).cumsum(0)
        middle = int(torch.searchsorted(count, (count[-1] + 1) // 2))
        first = max(0, min(middle - _ENOUGH // 2, side - _ENOUGH))
        out.append(slice(first, first + _ENOUGH))
    return out[0], out[1]


@dataclass(frozen=True, eq=False)
class _Asked:
    """Pixels that a group of channels is fitted on: flat indices (n,), their light and its precision (channels n,)."""

    chosen: Tensor
    light: Tensor
    precision: Tensor


def _ask(light: Tensor, precision: Tensor, channels: tuple[int, ...]) -> _Asked | None:
    chosen = (precision[channels[0]] > 0).reshape(-1).nonzero()[:, 0]
    if len(chosen) < _FEWEST_PIXELS:
        return None
    chosen = chosen[:: -(-len(chosen) // _MOST_PIXELS)]
    of = [torch.cat([x[channel].reshape(-1)[chosen] for channel in channels]) for x in (light, precision)]
    return _Asked(chosen, of[0], of[1])


def _median(values: Tensor) -> float:
    """The lower median, as torch's, in a third of the time."""
    x = values.numpy()
    middle = (x.size - 1) // 2
    return float(np.partition(x, middle)[middle])


def _fit(asked: list[_Asked | None], images: Tensor, width: float) -> tuple[float, ImagingModel]:
    """Robust regression at one blur; misfit is the logarithm of the noise that is left, summed over channels."""
    parts, noise, misfit = [], torch.ones(5), 0.0
    for its, group, channels, ideal in zip(asked, _PARAMETERS, CHANNELS_OF_GROUP, _IDEAL, strict=True):
        start = torch.tensor([*ideal, *(0.0 for _ in channels)], dtype=torch.float64)
        if its is None:
            parts.append(start)
            continue
        pixels = len(its.chosen)
        a = torch.zeros(len(start), len(channels) * pixels)
        for row, number in zip(a, group, strict=False):
            for channel, term, sign in number:
                image = images[_TERMS.index(term)].reshape(-1)
                torch.mul(image.index_select(0, its.chosen), sign, out=_part(row, channel - channels[0], pixels))
        for place in range(len(channels)):
            _part(a[len(ideal) + place], place, pixels).fill_(1.0)
        y, p = its.light, its.precision
        prior = torch.tensor([_GAIN_STD**-2] * len(ideal) + [_OFFSET_STD**-2] * len(channels), dtype=torch.float64)
        x = start
        scale = 1.0
        for _ in range(_ROUNDS):
            r2 = (y - x.float() @ a).square_().mul_(p)
            scale = max(_median(r2) ** 0.5 / _MEDIAN, _NOISE_LIMITS[0])
            weighted = a * (p / (r2 / FREEDOM).add_(scale**2))
            normal = (weighted @ a.T).double() + torch.diag(prior)
            x = torch.linalg.solve(normal, (weighted @ y).double() + prior * start)
        r2 = (y - x.float() @ a).square_().mul_(p)
        misfit += float(torch.log1p(r2 / (FREEDOM * scale**2)).mean()) * len(channels) * FREEDOM / 2
        misfit += len(channels) * math.log(scale)
        low, high = _NOISE_LIMITS
        for channel, part in zip(channels, r2.view(len(channels), -1), strict=True):
            noise[channel] = min(max(_median(part) ** 0.5 / _MEDIAN, low), high)
        parts.append(x)
    return misfit, imaging_model_of(parts, width, noise)


def _part(row: Tensor, place: int, pixels: int) -> Tensor:
    """What a row of equations (channels n,) has of a channel (n,)."""
    return row[place * pixels : (place + 1) * pixels]
