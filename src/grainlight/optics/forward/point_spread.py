"""The blur of the light: intensities of neighbouring pixels mix in the optics, orientations do not."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.maps.strips import strips

WIDTHS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0, 2.5)
"""Standard deviations in pixels that an estimate chooses from."""
# Rows of images that are worked on at once stay in a CPU's cache; with fewer, most of the work would be on the overlap.
_AT_ONCE, _FEWEST_ROWS = 1 << 17, 48


def blur_strips(rows: int, columns: int) -> list[slice]:
    """Slices of rows, together all of them, that are blurred one after the other."""
    return strips((rows, columns), _AT_ONCE, _FEWEST_ROWS)


def grown(mask: Tensor, reach: int) -> Tensor:
    """A mask (H, W) and all pixels up to so many rows and columns away."""
    for dim in (0, 1):
        mask = functools.reduce(torch.logical_or, _shifts(mask, dim, reach))
    return mask


def _shifts(mask: Tensor, dim: int, reach: int) -> Iterator[Tensor]:
    padded = F.pad(mask, (0, 0, reach, reach) if dim == 0 else (reach, reach))
    return (padded.narrow(dim, shift, mask.shape[dim]) for shift in range(2 * reach + 1))


def gaussian(width: float) -> Tensor:
    """Normalised kernel (2 r + 1,) of a Gaussian, standard deviation in pixels; below 0.05 a single one."""
    if width < 0.05:
        return torch.ones(1)
    radius = math.ceil(3 * width)
    at = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / width) ** 2)
    return kernel / kernel.sum()


def blurred(images: Tensor, kernel: Tensor) -> Tensor:
    """Images (C, H, W) under a separable kernel, edges repeated."""
    half = len(kernel) // 2
    return _separable(F.pad(images[None], (half, half, half, half), mode="replicate")[0], kernel)


def spread_back(images: Tensor, kernel: Tensor, rows: tuple[int, int] = (0, 1)) -> Tensor:
    """The transpose of `blurred` for a symmetric kernel, but for a kernel's reach at the edges.

    ``rows``: the first row that is wanted, and the way to the next.
    """
    half = len(kernel) // 2
    return _separable(F.pad(images, (half, half, half, half)), kernel, rows)


def _separable(images: Tensor, kernel: Tensor, rows: tuple[int, int] = (0, 1)) -> Tensor:
    """Shifted sums: on a CPU many times faster than a convolution of one channel."""
    for dim, (first, step) in ((1, rows), (2, (0, 1))):
        size = images.shape[dim] - len(kernel) + 1 - first
        parts = (images.narrow(dim, first + shift, size) for shift in range(len(kernel)))
        if step > 1:
            parts = (part[:, ::step] for part in parts)
        total = next(parts) * kernel[0]
        for part, weight in zip(parts, kernel[1:].tolist(), strict=True):
            total.add_(part, alpha=weight)
        images = total
    return images
