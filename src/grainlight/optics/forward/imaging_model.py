"""The imaging model: from c-axes to the light that a microscope shows of them.

    light(x, y) = blur[ V(x, y) (response @ basis(c-axis) + background) ] + stray, and noise

The response holds gain, polarizer zero and curves; V the illumination and the reflectance of places. The same object
stands for harmonics in an image's own unit, for single images and for canonical harmonics (`optics.forward.state`),
whose gain and illumination are one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import S, axis_powers, basis, embedding_powers
from grainlight.optics.forward.illumination import Illumination
from grainlight.optics.forward.point_spread import blur_strips, blurred, gaussian


@dataclass(frozen=True, eq=False)
class ImagingModel:
    """How c-axes are imaged, for the C channels of a light.

    Parameters
    ----------
    response
        (C, 12) float64: coefficients of the terms of `basis`.
    background
        (C,) float64: what follows the illumination and no c-axis.
    width
        Standard deviation of the point spread [pixels].
    noise
        (C,), or (1,) for all: what the stated noise of a channel has to be multiplied by.
    illumination
        Brightness of places; None where it is one everywhere.
    stray
        (C,), or (1,) for all, float64: what does not follow the illumination.
    """

    response: Tensor
    background: Tensor
    width: float = 0.0
    noise: Tensor = field(default_factory=lambda: torch.ones(1))
    illumination: Illumination | None = None
    stray: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))

    @cached_property
    def kernel(self) -> Tensor:
        """The point spread along one axis (2 r + 1,)."""
        return gaussian(self.width)

    def light(self, axis: Tensor) -> Tensor:
        """Return the light (C, ...) of `axis_powers` (3, ...) under even illumination and without blur."""
        terms = self.response.any(0).nonzero()[:, 0].tolist() or [S]
        images = basis(axis, terms)
        out = images.new_empty(len(self.response), *images.shape[1:])
        for total, row, ground in zip(out, self.response[:, terms].tolist(), self.background.tolist(), strict=True):
            total.fill_(ground)
            for image, share in zip(images, row, strict=True):
                if share:
                    total.add_(image, alpha=share)
        return out

    def of_axes(self, c_axes: Tensor) -> Tensor:
        """Return `light` (C, ...) of c-axes (..., 3) in frame S."""
        return self.light(axis_powers(c_axes))

    def of_embedding(self, e: Tensor) -> Tensor:
        """Return `light` (C, H, W) of embeddings (18, H, W), single precision."""
        out = e.new_empty(len(self.response), *e.shape[1:], dtype=torch.float32)
        for rows in blur_strips(e.shape[1], e.shape[2]):
            out[:, rows] = self.light(embedding_powers(e[:, rows]))
        return out

    def at(self, axis: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Return the light (C, ...) of `axis_powers` (3, ...) at pixel positions, without blur and stray light."""
        light = self.light(axis)
        return light if self.illumination is None else light * self.illumination.at(row, column)

    def imaged(self, light: Tensor) -> Tensor:
        """Return an image (C, H, W) of light under the point spread, edges repeated."""
        return blurred(light, self.kernel)

    def expected(self, axis: Tensor) -> Tensor:
        """Return what is seen (C, H, W) of a map's `axis_powers` (3, H, W): all of the model but its noise."""
        row = torch.arange(axis.shape[1], dtype=axis.dtype, device=axis.device)
        column = torch.arange(axis.shape[2], dtype=axis.dtype, device=axis.device)
        seen = self.imaged(self.at(axis, row[:, None], column))
        return seen + self.stray[:, None, None].to(seen)

    def variance(self, sigma: Tensor) -> Tensor:
        """Return the variance (C, ...) of a light whose noise was stated as ``sigma`` (C, ...)."""
        return (sigma * self.noise.view(-1, *[1] * (sigma.dim() - 1)).to(sigma)).square_()
