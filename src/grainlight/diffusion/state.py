"""Layout of the joint state: which channels belong to which noise group.

The state is an image (..., 23, row, column): 18 channels of the orientation embedding (`grainlight.crystal.embedding`) in
frame S and 5 canonical polarized-light harmonics A0, A2c, A2s, A4c, A4s. A noise level belongs to a group; the statistics
of what is unknown belong to a part, because the two parts of the embedding differ in scale.
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
# Standard deviation per channel of clean data: the embedding's for uniform texture, the light's over synthetic sections.
PART_STD = (embedding.CHANNEL_STD[0], embedding.CHANNEL_STD[5], 0.36, 0.48, 0.43)

SIGMA_MIN = 0.005
SIGMA_MAX = 8.0


def _index(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.repeat_interleave(torch.arange(len(sizes), device=device), torch.tensor(sizes, device=device))


def group_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 23, row, column) over channels."""
    return values.index_select(-3, _index(GROUP_SIZES, values.device))


def part_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 5, row, column) over parts to (..., 23, row, column) over channels."""
    return values.index_select(-3, _index(PART_SIZES, values.device))


def group_to_part(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 5, row, column) over parts."""
    return values.index_select(-3, torch.tensor(PART_GROUP, device=values.device))
