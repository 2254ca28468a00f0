"""Parts of the joint state: statistics of what is unknown, because the two parts of the embedding differ in scale."""

from __future__ import annotations

from torch import Tensor

from grainlight.crystal import embedding
from grainlight.diffusion.state import GROUPS, spread

PARTS = ("e2", "e6", "a0", "a2", "a4")
PART_SIZES = (5, 13, 1, 2, 2)
PART_GROUP = (0, 0, 1, 2, 3)
# Standard deviation per channel of clean data: the embedding's for uniform texture, the light's over synthetic
# sections.
PART_STD = (embedding.CHANNEL_STD[0], embedding.CHANNEL_STD[5], 0.36, 0.48, 0.43)
# Mean of clean data: of the light, only A0 has one.
PART_MEAN = (0.0, 0.0, 0.45, 0.0, 0.0)


def part_to_channel(values: Tensor) -> Tensor:
    """Spread (..., 5, row, column) over parts to (..., 23, row, column) over channels."""
    return spread(values, PART_SIZES)


def group_to_part(values: Tensor) -> Tensor:
    """Spread (..., 4, row, column) over groups to (..., 5, row, column) over parts."""
    return spread(values, tuple(PART_GROUP.count(group) for group in range(len(GROUPS))))
