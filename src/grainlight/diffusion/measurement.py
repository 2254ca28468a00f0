"""What the label model is told of a section: measured points, light, and labels that are revealed already."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, is_unknown


@dataclass(frozen=True, eq=False)
class Measurement:
    """Measured points and light of a batch of sections.

    ``points`` (B, H, W) bool: pixels that EBSD measured; ``embedding`` (B, 18, H, W) measured there, zero elsewhere;
    ``noise`` (B, H, W) its noise per channel, in embedding units; ``light`` (B, 5, H, W) canonical harmonics, zero
    where a group is unknown; ``sigma`` (B, 3, H, W) noise level of A0, A2 and A4, `SIGMA_MAX` where unknown.
    """

    points: Tensor
    embedding: Tensor
    noise: Tensor
    light: Tensor
    sigma: Tensor

    @classmethod
    def of_state(cls, state: Tensor, sigma: Tensor) -> Measurement:
        """From joint states (B, 23, H, W) and their noise levels (B, 4, H, W)."""
        points = ~is_unknown(sigma[:, 0])
        dark = is_unknown(sigma[:, 1:])
        unknown = torch.cat((dark[:, :1], dark[:, 1:2], dark[:, 1:2], dark[:, 2:], dark[:, 2:]), 1)
        return cls(
            points,
            torch.where(points[:, None], state[:, EBSD], 0.0),
            torch.where(points, sigma[:, 0], 0.0),
            torch.where(unknown, 0.0, state[:, LIGHT]),
            sigma[:, 1:].clamp(max=SIGMA_MAX),
        )

    def to(self, device: torch.device | str) -> Measurement:
        """The same on a device."""
        return Measurement(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Revealed:
    """Labels that are decided already, of pixels that nobody measured.

    ``mask`` (B, H, W) bool; ``embedding`` (B, 18, H, W) of the grain that the pixel was given to, zero elsewhere;
    ``new`` (B, H, W) bool: revealed as a grain that no candidate lies in.
    """

    mask: Tensor
    embedding: Tensor
    new: Tensor

    @classmethod
    def none(cls, like: Measurement) -> Revealed:
        """Nothing is revealed: the first call."""
        mask = torch.zeros_like(like.points)
        return cls(mask, torch.zeros_like(like.embedding), mask)
