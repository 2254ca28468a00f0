"""Layout of the joint state: which channels belong to which noise group.

The state is an image (..., 23, row, column): 18 channels of the orientation embedding (`grainlight.crystal.embedding`)
in frame S and 5 canonical polarized-light harmonics A0, A2c, A2s, A4c, A4s. A noise level belongs to a group.
"""

from __future__ import annotations

import torch
from torch import Tensor

CHANNELS = 23
EBSD = slice(0, 18)
LIGHT = slice(18, 23)

GROUPS = ("ebsd", "a0", "a2", "a4")
GROUP_SIZES = (18, 1, 2, 2)

SIGMA_MIN = 0.005
SIGMA_MAX = 8.0


def is_unknown(sigma: Tensor) -> Tensor:
    """Where a noise level says that nothing was measured; the margin is for levels that went through half precision."""
    return sigma >= 0.99 * SIGMA_MAX


def spread(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Repeat each channel of (..., n, row, column) as often as its size (n,) says."""
    # Views and one copy: no index tensor that would have to travel to a device, or that a compiler cannot see through.
    views = [v.expand(*v.shape[:-3], n, *v.shape[-2:]) for v, n in zip(values.split(1, -3), sizes, strict=True)]
    return torch.cat(views, -3)


def group_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 23, row, column) over channels."""
    return spread(values, GROUP_SIZES)


def group_to_channel_light(values: Tensor) -> Tensor:
    """Spread (..., 3, row, column) over a0, a2 and a4 to (..., 5, row, column) over the light's channels."""
    return spread(values, GROUP_SIZES[1:])


def group_sigma(ebsd: Tensor, light: Tensor) -> Tensor:
    """Stack EBSD (H, W) and light (3, H, W) noise levels to (4, H, W), unknown where not finite."""
    both = torch.cat((ebsd[None], light))
    assert both.shape[0] == len(GROUP_SIZES)
    return torch.where(torch.isfinite(both), both, SIGMA_MAX).clamp(SIGMA_MIN, SIGMA_MAX)
