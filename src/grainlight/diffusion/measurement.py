"""What the label model is told of a section: measured points, light, and labels that are revealed already."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from grainlight.diffusion.candidates import by_pixel
from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, is_unknown


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What is known of the sections below and above a batch of sections: maps that are restored already.

    ``known`` (B, 2, H, W) bool; ``embedding`` (B, 2, 18, H, W), zero elsewhere; ``noise`` (B, 2, H, W) per channel;
    ``light`` (B, 2, 5, H, W) and ``sigma`` (B, 2, 3, H, W) as of a `Measurement`; ``distance`` (B, 2) in pixels. A
    section that is missing is known nowhere.
    """

    known: Tensor
    embedding: Tensor
    noise: Tensor
    light: Tensor
    sigma: Tensor
    distance: Tensor

    def to(self, device: torch.device | str) -> Neighbours:
        """The same on a device."""
        return Neighbours(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Measurement:
    """Measured points and light of a batch of sections.

    ``points`` (B, H, W) bool: pixels that EBSD measured; ``embedding`` (B, 18, H, W) measured there, zero elsewhere;
    ``noise`` (B, H, W) its noise per channel, in embedding units; ``light`` (B, 5, H, W) canonical harmonics, zero
    where a group is unknown; ``sigma`` (B, 3, H, W) noise level of A0, A2 and A4, `SIGMA_MAX` where unknown;
    ``neighbours``: sections below and above, None for sections on their own.

    Candidates are looked up in tables with a row for each pixel: of the sections, then of those below, then of those
    above.
    """

    points: Tensor
    embedding: Tensor
    noise: Tensor
    light: Tensor
    sigma: Tensor
    neighbours: Neighbours | None = None

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
        beside = None if self.neighbours is None else self.neighbours.to(device)
        return Measurement(
            self.points.to(device),
            self.embedding.to(device),
            self.noise.to(device),
            self.light.to(device),
            self.sigma.to(device),
            beside,
        )

    def orientation_rows(self) -> tuple[Tensor, Tensor]:
        """Tables of the embedding (Q, 18) and its noise (Q, 1)."""
        beside = self.neighbours
        embedding, noise = by_pixel(self.embedding), self.noise.reshape(-1, 1)
        if beside is None:
            return embedding, noise
        return (
            torch.cat((embedding, *(by_pixel(x) for x in beside.embedding.unbind(1)))),
            torch.cat((noise, *(x.reshape(-1, 1) for x in beside.noise.unbind(1)))),
        )

    def light_rows(self) -> tuple[Tensor, Tensor]:
        """Tables of the light (Q, 5) and its noise levels (Q, 3)."""
        beside = self.neighbours
        light, sigma = by_pixel(self.light), by_pixel(self.sigma)
        if beside is None:
            return light, sigma
        return (
            torch.cat((light, *(by_pixel(x) for x in beside.light.unbind(1)))),
            torch.cat((sigma, *(by_pixel(x) for x in beside.sigma.unbind(1)))),
        )


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
