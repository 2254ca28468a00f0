"""What the light of a map says of itself once its grains are known: blur, gain, curves and noise.

The calibration of the light sees measured points one by one, and blur mixes their light with that of their neighbours:
in fine structures the gain comes out too small and the noise too large. With a map of grains at hand, blur, gain and
curves are fitted together:

    A0 = a s + b s^2 + o,   A2 = (z + w (1 - s)) h2 + o,   A4 = (z + w (1 - s)) h4 + o,   each under the blur,

complex numbers but for A0; s, h2 and h4 as in `optics.state`. What the fit leaves is the noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.optics.state import powers
from grainlight.restore.blur import FREEDOM, WIDTHS, blurred, gaussian

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


def light_powers(e: Tensor) -> Tensor:
    """Images (10, ...) of embeddings (18, ...) that every light is a sum of: s, s^2, h2, h4, h2 (1-s), h4 (1-s)."""
    s, h2, h4 = powers(principal_axis((e[:5] / W2).movedim(0, -1)))
    rest = 1 - s
    parts = (s, s * s, h2.real, h2.imag, h4.real, h4.imag, h2.real * rest, h2.imag * rest, h4.real * rest)
    return torch.stack((*parts, h4.imag * rest)).float()


@dataclass(frozen=True, eq=False)
class Response:
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
                parts = [images[at] * (sign * float(k)) for (at, sign), k in zip(terms, found, strict=False)]
                total = torch.stack(parts).sum(0)
                out.append(total + float(found[len(terms) + place]))
        return torch.stack(out)


def ideal_response(width: float = 0.0) -> Response:
    """The response of a light that needs no correction."""
    parts = [torch.tensor([*ideal, *(0.0 for _ in channels)]) for ideal, channels in zip(_IDEAL, _GROUPS, strict=True)]
    return Response(width, (parts[0], parts[1], parts[2]), torch.ones(5))


def fit_response(light: Tensor, precision: Tensor, images: Tensor, widths: tuple[float, ...] = WIDTHS) -> Response:
    """Find the response that turns a map's light into the light that was measured.

    Parameters
    ----------
    light, precision
        Measured harmonics (5, H, W) and the reciprocal of their stated variance, 0 where unknown.
    images
        `light_powers` (10, H, W) of the map.
    widths
        Blurs to choose from.
    """
    lit = (precision > 0).any(0).nonzero()
    if not len(lit):
        return ideal_response()
    middle = lit.float().median(0).values.long().tolist()
    top, left = (
        max(0, min(at - _ENOUGH // 2, side - _ENOUGH)) for at, side in zip(middle, light.shape[1:], strict=True)
    )
    part = (slice(None), slice(top, top + _ENOUGH), slice(left, left + _ENOUGH))
    light, precision, images = light[part], precision[part], images[part]
    fits: dict[float, tuple[float, Response]] = {}

    def best_of(some: tuple[float, ...]) -> float:
        for width in some:
            if width not in fits:
                fits[width] = _fit(light, precision, blurred(images, gaussian(width)), width)
        return min(fits, key=lambda width: fits[width][0])

    coarse = widths.index(best_of(widths[::_STRIDE]))
    return fits[best_of(widths[max(0, coarse - _STRIDE + 1) : coarse + _STRIDE])][1]


def _fit(light: Tensor, precision: Tensor, images: Tensor, width: float) -> tuple[float, Response]:
    """Robust regression at one blur; misfit is the logarithm of the noise that is left, summed over channels."""
    parts, noise, misfit = [], torch.ones(5), 0.0
    for channels, ideal in zip(_GROUPS, _IDEAL, strict=True):
        start = torch.tensor([*ideal, *(0.0 for _ in channels)], dtype=torch.float64)
        known = precision[channels[0]] > 0
        if int(known.sum()) < _FEWEST_PIXELS:
            parts.append(start.float())
            continue
        chosen = known.reshape(-1).nonzero()[:, 0]
        chosen = chosen[:: -(-len(chosen) // _MOST_PIXELS)]
        rows, targets, weights = [], [], []
        for place, channel in enumerate(channels):
            columns = [images[at].reshape(-1)[chosen] * sign for at, sign in _TERMS[channel]]
            columns += [torch.full_like(columns[0], float(other == place)) for other in range(len(channels))]
            rows.append(torch.stack(columns))
            targets.append(light[channel].reshape(-1)[chosen])
            weights.append(precision[channel].reshape(-1)[chosen])
        a, y, p = torch.cat(rows, 1), torch.cat(targets), torch.cat(weights)
        prior = torch.tensor([_GAIN_STD**-2] * len(ideal) + [_OFFSET_STD**-2] * len(channels), dtype=torch.float64)
        x = start
        scale = 1.0
        for _ in range(_ROUNDS):
            r2 = (y - x.float() @ a).square() * p
            scale = max(float(r2.median()) ** 0.5 / _MEDIAN, _NOISE_LIMITS[0])
            w = p / (scale**2 + r2 / FREEDOM)
            normal = ((a * w) @ a.T).double() + torch.diag(prior)
            x = torch.linalg.solve(normal, ((a * w) @ y).double() + prior * start)
        r2 = (y - x.float() @ a).square() * p
        misfit += float(torch.log1p(r2 / (FREEDOM * scale**2)).mean()) * len(channels) * FREEDOM / 2
        misfit += len(channels) * float(torch.tensor(scale).log())
        for channel, part in zip(channels, r2.view(len(channels), -1), strict=True):
            noise[channel] = (part.median().sqrt() / _MEDIAN).clamp(*_NOISE_LIMITS)
        parts.append(x.float())
    return misfit, Response(width, (parts[0], parts[1], parts[2]), noise)
