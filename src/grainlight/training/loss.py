"""The loss: robust, in units of what the skip left open."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from grainlight.diffusion.state import PART_SIZES, PART_STD

# How much each part counts; the two parts of the orientation by their channels' share of the isometric distance.
PART_WEIGHT = (0.36, 0.36, 0.06, 0.11, 0.11)
# Below this share of a part's spread an error is inside what data projection removes.
FLOOR = 0.12
HUBER = 3.0


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Smallest scale (1, 5, 1, 1) and weight (5,) of each part, copied to a device once."""
    floor = FLOOR * torch.tensor(PART_STD).view(1, -1, 1, 1)
    return floor.to(device), torch.tensor(PART_WEIGHT).to(device)


def denoising_loss(denoised: Tensor, clean: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Mean pseudo-Huber loss of (D - clean) / max(p, floor) and its value per part (5,).

    Wrong measured points (misindexing, light of a neighbour) come with a small p: a square would let them rule, the
    floor and the linear tail do not.
    """
    floor, weight = _constants(p.device)
    scale = torch.maximum(p, floor)
    errors = (denoised - clean).square().split(PART_SIZES, dim=1)
    squared = torch.cat([e.mean(1, keepdim=True) for e in errors], 1) / scale**2
    robust = 2 * HUBER**2 * ((1 + squared / HUBER**2).sqrt() - 1)
    parts = robust.mean((0, 2, 3))
    return (parts * weight).sum(), parts.detach()
