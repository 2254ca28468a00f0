"""Seeded random draws in batches: the one place where synth touches a random generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Draw:
    """Random numbers on a device. The same seed on the same device draws the same numbers.

    Numbers that Python itself needs (sizes, lengths) come from ``host``, a generator on the CPU, so that nobody has to
    wait for the device to tell them. On a CPU the two are one generator.
    """

    generator: torch.Generator
    host: torch.Generator

    @classmethod
    def seeded(cls, seed: int, device: str | torch.device = "cpu") -> Draw:
        generator = torch.Generator(device=device).manual_seed(seed)
        on_host = generator.device.type == "cpu"
        return cls(generator, generator if on_host else torch.Generator().manual_seed(seed))

    @property
    def on_host(self) -> Draw:
        """The same source for draws that are wanted on the CPU."""
        return Draw(self.host, self.host)

    @property
    def device(self) -> torch.device:
        return self.generator.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator, device=self.device) * (high - low) + low

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """True with the given probability."""
        return torch.rand(*shape, generator=self.generator, device=self.device) < probability

    def integer(self, high: int, *shape: int) -> Tensor:
        """Integers 0 .. high - 1."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def scalar(self, low: float, high: float) -> float:
        """A number for Python, from the host's generator."""
        return float(self.on_host.uniform(low, high, 1))

    def smooth_field(self, batch: int, channels: int, rows: int, columns: int, length: float) -> Tensor:
        """Gaussian-like noise (batch, channels, rows, columns) with a correlation length in pixels.

        Its standard deviation is 1.08, and up to 1.15 where the length exceeds the image.
        """
        grid = (max(2, math.ceil(rows / length)) + 3, max(2, math.ceil(columns / length)) + 3)
        coarse = self.normal(batch, channels, *grid)
        size = (math.ceil(grid[0] * length), math.ceil(grid[1] * length))
        fine = F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
        edge = int(1.5 * length)
        # Bicubic interpolation between the knots lowers the standard deviation to 0.86 of theirs.
        return fine[..., edge : edge + rows, edge : edge + columns] / 0.8
