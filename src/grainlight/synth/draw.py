"""Seeded random draws in batches: the one place where synth touches a random generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


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

    def sent(self, values: Tensor) -> Tensor:
        """A tensor of the host on the device; a GPU takes it when it comes to it, and nobody waits."""
        if self.device.type != "cuda":
            return values.to(self.device)
        return values.pin_memory().to(self.device, non_blocking=True)

    def smooth_field(self, batch: int, channels: int, rows: int, columns: int, length: float) -> Tensor:
        """Gaussian-like noise (batch, channels, rows, columns) with a correlation length in pixels.

        Its standard deviation is 1.08, and up to 1.15 where the length exceeds the image.
        """
        grid = (max(2, math.ceil(rows / length)) + 3, max(2, math.ceil(columns / length)) + 3)
        coarse = self.normal(batch, channels, *grid)
        # Only the part that is asked for is made: where the length is large, the whole would be ten times the image.
        down, across = (
            self.sent(_bicubic(count, int(1.5 * length), knots, math.ceil(knots * length)))
            for count, knots in zip((rows, columns), grid, strict=True)
        )
        # Interpolation between the knots lowers the standard deviation to 0.86 of theirs.
        return down @ coarse @ across.T / 0.8


def _bicubic(count: int, first: int, knots: int, size: int) -> Tensor:
    """Matrix (count, knots) that interpolates knots to pixels first .. first + count - 1 of ``size``.

    The cubic convolution of Keys (1981) with a = -0.75, as in `torch.nn.functional.interpolate`.
    """
    at = (torch.arange(first, first + count, dtype=torch.float64) + 0.5) * (knots / size) - 0.5
    t = at - at.floor()
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = torch.stack((far(t + 1), near(t), near(1 - t), far(2 - t)), -1)
    index = (at.floor()[:, None].long() + torch.arange(-1, 3)).clamp(0, knots - 1)
    return torch.zeros(count, knots, dtype=torch.float64).scatter_add_(1, index, weights).float()
