"""What lies on and in a section besides grains: relief, scratches, dust, stains, and the blur of the optics."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Return images (..., H, W) blurred by a Gaussian of `sigma` pixels, edges repeated."""
    if sigma <= 0:
        return images
    radius = max(1, math.ceil(3.5 * sigma))
    x = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / kernel.sum()
    flat = images.reshape(-1, 1, *images.shape[-2:])
    flat = functional.pad(flat, (radius, radius, radius, radius), mode="replicate")
    flat = functional.conv2d(functional.conv2d(flat, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return flat.reshape(images.shape)


def blur_each(images: Tensor, width: Tensor) -> Tensor:
    """Gaussian blur of (B, C, H, W), standard deviation (B,) in pixels, edges repeated."""
    batch, channels, rows, columns = images.shape
    at = torch.arange(-3, 4, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (at / width.clamp(min=0.1)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(-1, keepdim=True)).repeat_interleave(channels, 0)
    flat = functional.pad(images.reshape(1, batch * channels, rows, columns), (3, 3, 3, 3), mode="replicate")
    flat = functional.conv2d(flat, kernel[:, None, :, None], groups=batch * channels)
    flat = functional.conv2d(flat, kernel[:, None, None, :], groups=batch * channels)
    return flat.view(images.shape)


def draw_smooth(size: Size, generator: torch.Generator) -> Tensor:
    """Return a quadratic of random tilt, bowl and centre over the field (H, W), within about -1 to 1."""
    y, x = _unit_grid(size)
    tilt = 2 * torch.rand(2, generator=generator) - 1
    centre = 0.2 * torch.randn(2, generator=generator)
    bowl = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return 0.5 * (tilt[0] * x + tilt[1] * y) + 0.5 * (bowl - 0.7)


def draw_relief(c_axes: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Return a local reflectance (H, W) about 1, half of its variance from grain to grain, half slow in space.

    The part from grain to grain is a random function of the axis (either end), so no grain numbers are needed.
    """
    size = (int(c_axes.shape[0]), int(c_axes.shape[1]))
    pairs = torch.stack([c_axes[..., i] * c_axes[..., j] for i in range(3) for j in range(i, 3)], -1)
    waves = 9.0 * torch.randn(6, 8, generator=generator)
    phases = 2 * math.pi * torch.rand(8, generator=generator)
    grain = torch.cos(pairs @ waves + phases).sum(-1) / 2  # eight cosines of variance one half
    slow = torch.randn(max(2, size[0] // 12), max(2, size[1] // 12), generator=generator)
    field = functional.interpolate(slow[None, None], size=size, mode="bicubic", align_corners=True)[0, 0]
    return (1 + strength * (math.sqrt(0.5) * grain + math.sqrt(0.5) * field)).clamp_min(0.1)


def draw_scratches(size: Size, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return what scratches add to a0, a2c, a2s (3, H, W) as a share of the local a0, and where they are (H, W)."""
    rows, columns = size
    y, x = _pixel_grid(size)
    marks, where = torch.zeros(3, rows, columns), torch.zeros(rows, columns, dtype=torch.bool)
    for _ in range(count):
        u = torch.rand(6, generator=generator).tolist()
        turn = math.pi * u[0]
        middle_x, middle_y = u[1] * columns, u[2] * rows
        across = -(x - middle_x) * math.sin(turn) + (y - middle_y) * math.cos(turn)
        along = (x - middle_x) * math.cos(turn) + (y - middle_y) * math.sin(turn)
        width, half = 0.4 + 0.6 * u[3], (0.15 + 0.35 * u[4]) * math.hypot(rows, columns)
        profile = torch.exp(-0.5 * (across / width) ** 2) * torch.sigmoid((half - along.abs()) / 2)
        strength = (0.05 + 0.25 * abs(2 * u[5] - 1)) * (1 if u[5] > 0.5 else -1)
        # rows grow downward, so the azimuth in frame S is the negative of the turn in the image
        polar = torch.tensor([1.0, 0.5 * math.cos(-2 * turn), -0.5 * math.sin(-2 * turn)])
        marks += strength * polar[:, None, None] * profile
        where |= profile > 0.3
    return marks, where


def draw_spots(size: Size, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the transmission (H, W) of round dust grains of 1 to 4 pixels, and where they are (H, W)."""
    rows, columns = size
    y, x = _pixel_grid(size)
    left, where = torch.ones(rows, columns), torch.zeros(rows, columns, dtype=torch.bool)
    for _ in range(count):
        u = torch.rand(4, generator=generator).tolist()
        distance = torch.hypot(x - u[0] * columns, y - u[1] * rows)
        inside = torch.sigmoid((1 + 3 * u[2] - distance) / 0.5)
        left = left * (1 - (0.3 + 0.5 * u[3]) * inside)
        where |= inside > 0.1
    return left, where


def draw_stain(size: Size, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the transmission (H, W) of one dark stain over the given share of the field, and where it is (H, W)."""
    rows, columns = size
    nothing = torch.ones(rows, columns), torch.zeros(rows, columns, dtype=torch.bool)
    u = torch.rand(4, generator=generator).tolist()
    rough = torch.randn(1, 1, 7, 7, generator=generator)
    if share <= 0:
        return nothing
    y, x = _unit_grid(size)
    centre_x, centre_y = 1.2 * u[0] - 0.6, 1.2 * u[1] - 0.6
    outline = functional.interpolate(rough, size=size, mode="bicubic", align_corners=True)[0, 0]
    stretch = 0.7 + 0.6 * u[2]
    height = -torch.hypot((x - centre_x) * stretch, (y - centre_y) / stretch) + 0.06 * outline
    ordered = height.flatten().sort(descending=True).values
    level = ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
    soft = 3.0 / max(rows, columns)
    inside = torch.sigmoid((height - level) / soft)
    return 1 - (0.3 + 0.3 * u[3]) * inside, height >= level


def _pixel_grid(size: Size) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.arange(size[0]).float(), torch.arange(size[1]).float(), indexing="ij")
    return y, x


def _unit_grid(size: Size) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    return y, x
