"""The loss: robust, in units of what the skip left open."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.diffusion.state import PART_SIZES, PART_STD

# How much each part counts; the two parts of the orientation by their channels' share of the isometric distance.
PART_WEIGHT = (0.36, 0.36, 0.06, 0.11, 0.11)
# Below this share of a part's spread an error is inside what data projection removes.
FLOOR = 0.12
HUBER = 3.0


def denoising_loss(denoised: Tensor, clean: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Mean pseudo-Huber loss of (D - clean) / max(p, floor) and its value per part (5,).

    Wrong measured points (misindexing, light of a neighbour) come with a small p: a square would let them rule, the
    floor and the linear tail do not.
    """
    std = torch.tensor(PART_STD, device=p.device).view(1, 5, 1, 1)
    scale = torch.maximum(p, FLOOR * std)
    errors = (denoised - clean).square().split(PART_SIZES, dim=1)
    squared = torch.cat([e.mean(1, keepdim=True) for e in errors], 1) / scale**2
    robust = 2 * HUBER**2 * ((1 + squared / HUBER**2).sqrt() - 1)
    parts = robust.mean((0, 2, 3))
    return (parts * torch.tensor(PART_WEIGHT, device=p.device)).sum(), parts.detach()
