"""Layout of the joint state: which channels belong to which noise group.

The state is an image (..., 23, row, column): 18 channels of the orientation embedding (`grainlight.crystal.embedding`)
in frame S and 5 canonical polarized-light harmonics A0, A2c, A2s, A4c, A4s. A noise level belongs to a group; the
statistics of what is unknown belong to a part, because the two parts of the embedding differ in scale.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal import embedding

CHANNELS = 23
EBSD = slice(0, 18)
LIGHT = slice(18, 23)

GROUPS = ("ebsd", "a0", "a2", "a4")
GROUP_SIZES = (18, 1, 2, 2)

PARTS = ("e2", "e6", "a0", "a2", "a4")
PART_SIZES = (5, 13, 1, 2, 2)
PART_GROUP = (0, 0, 1, 2, 3)
# Standard deviation per channel of clean data: the embedding's for uniform texture, the light's over synthetic
# sections.
PART_STD = (embedding.CHANNEL_STD[0], embedding.CHANNEL_STD[5], 0.36, 0.48, 0.43)
# Mean of clean data: of the light, only A0 has one.
PART_MEAN = (0.0, 0.0, 0.45, 0.0, 0.0)

SIGMA_MIN = 0.005
SIGMA_MAX = 8.0


def is_unknown(sigma: Tensor) -> Tensor:
    """Where a noise level says that nothing was measured; the margin is for levels that went through half precision."""
    return sigma >= 0.99 * SIGMA_MAX


def _spread(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    # Views and one copy: no index tensor that would have to travel to a device, or that a compiler cannot see through.
    views = [v.expand(*v.shape[:-3], n, *v.shape[-2:]) for v, n in zip(values.split(1, -3), sizes, strict=True)]
    return torch.cat(views, -3)


def group_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 23, row, column) over channels."""
    return _spread(values, GROUP_SIZES)


def group_to_channel_light(values: Tensor) -> Tensor:
    """Spread (..., 3, row, column) over a0, a2 and a4 to (..., 5, row, column) over the light's channels."""
    return _spread(values, GROUP_SIZES[1:])


def part_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 5, row, column) over parts to (..., 23, row, column) over channels."""
    return _spread(values, PART_SIZES)


def group_to_part(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 5, row, column) over parts."""
    return _spread(values, tuple(PART_GROUP.count(group) for group in range(len(GROUPS))))
