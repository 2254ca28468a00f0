"""What the light of a map says of itself once its grains are known: blur, gain, curves and noise.

The calibration of the light sees measured points one by one, and blur mixes their light with that of their neighbours:
in fine structures the gain comes out too small and the noise too large. With a map of grains at hand, blur, gain and
curves are fitted together:

    A0 = a s + b s^2 + o,   A2 = (z + w (1 - s)) h2 + o,   A4 = (z + w (1 - s)) h4 + o,   each under the blur,

complex numbers but for A0; s, h2 and h4 as in `optics.forward.state`. What the fit leaves is the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.optics.forward.misfit import FREEDOM
from grainlight.optics.forward.point_spread import WIDTHS, blur_strips, blurred, gaussian
from grainlight.optics.forward.state import powers

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

# Terms of each channel: image of `light_powers` and its sign; channels of a group share coefficients.
_TERMS = (
    ((0, 1.0), (1, 1.0)),
    ((2, 1.0), (3, -1.0), (6, 1.0), (7, -1.0)),
    ((3, 1.0), (2, 1.0), (7, 1.0), (6, 1.0)),
    ((4, 1.0), (5, -1.0), (8, 1.0), (9, -1.0)),
    ((5, 1.0), (4, 1.0), (9, 1.0), (8, 1.0)),
)
_GROUPS = ((0,), (1, 2), (3, 4))
_IDEAL = ((0.0, 1.0), (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


def axis_powers(e: Tensor) -> Tensor:
    """Images (3, H, W) of embeddings (18, H, W): s, and real and imaginary part of h2, of which all else is made."""
    out = e.new_empty(3, *e.shape[1:], dtype=torch.float32)
    for rows in blur_strips(e.shape[1], e.shape[2]):
        s, h2, _ = powers(principal_axis((e[:5, rows] / W2).movedim(0, -1)))
        out[0, rows], out[1, rows], out[2, rows] = s, h2.real, h2.imag
    return out


def all_powers(of: Tensor) -> Tensor:
    """Images (10, ...) that a light is a sum of, from `axis_powers` (3, ...): s, s^2, h2, h4, h2 (1-s), h4 (1-s)."""
    s, real, imag = of
    real4, imag4, rest = real * real - imag * imag, 2 * real * imag, 1 - s
    return torch.stack((s, s * s, real, imag, real4, imag4, real * rest, imag * rest, real4 * rest, imag4 * rest))


def light_powers(e: Tensor) -> Tensor:
    """Images (10, H, W) of embeddings (18, H, W) that every light is a sum of (`all_powers`)."""
    return all_powers(axis_powers(e))


@dataclass(frozen=True, eq=False)
class ImagingModel:
    """Blur, gain, curves and noise of a light.

    ``width`` of the blur in pixels; ``coefficients`` per group, the last of each channel's background; ``noise`` (5,)
    what the stated noise of each channel has to be multiplied by.
    """

    width: float
    coefficients: tuple[Tensor, Tensor, Tensor]
    noise: Tensor

    def light(self, images: Tensor) -> Tensor:
        """Harmonics (5, ...) without blur, from `light_powers` (10, ...)."""
        out = []
        for channels, found in zip(_GROUPS, self.coefficients, strict=True):
            for place, channel in enumerate(channels):
                terms = _TERMS[channel]
                total = torch.full_like(images[0], float(found[len(terms) + place]))
                for (at, sign), k in zip(terms, found, strict=False):
                    total.add_(images[at], alpha=sign * float(k))
                out.append(total)
        return torch.stack(out)


def ideal_imaging_model(width: float = 0.0) -> ImagingModel:
    """The imaging model of a light that needs no correction."""
    parts = [torch.tensor([*ideal, *(0.0 for _ in channels)]) for ideal, channels in zip(_IDEAL, _GROUPS, strict=True)]
    return ImagingModel(width, (parts[0], parts[1], parts[2]), torch.ones(5))


def fit_imaging_model(
    light: Tensor, precision: Tensor, images: Tensor, widths: tuple[float, ...] = WIDTHS
) -> ImagingModel:
    """Find the imaging model that turns a map's light into the light that was measured.

    Parameters
    ----------
    light, precision
        Measured harmonics (5, H, W) and the reciprocal of their stated variance, 0 where unknown.
    images
        `light_powers` (10, H, W) of the map.
    widths
        Blurs to choose from.
    """
    if not bool((precision > 0).any()):
        return ideal_imaging_model()
    part = (slice(None), *middle_of((precision > 0).any(0)))
    light, precision, images = light[part], precision[part], images[part]
    asked = [_ask(light, precision, channels) for channels in _GROUPS]
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
    for its, channels, ideal in zip(asked, _GROUPS, _IDEAL, strict=True):
        start = torch.tensor([*ideal, *(0.0 for _ in channels)], dtype=torch.float64)
        if its is None:
            parts.append(start.float())
            continue
        pixels = len(its.chosen)
        a = torch.zeros(len(start), len(channels) * pixels)
        for place, channel in enumerate(channels):
            here = a[:, place * pixels : (place + 1) * pixels]
            for row, (at, sign) in zip(here, _TERMS[channel], strict=False):
                torch.mul(images[at].reshape(-1).index_select(0, its.chosen), sign, out=row)
            here[len(ideal) + place] = 1.0
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
        parts.append(x.float())
    return misfit, ImagingModel(width, (parts[0], parts[1], parts[2]), noise)
