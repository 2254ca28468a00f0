"""The loss: robust, in units of what the skip left open."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.peers.denoiser.parts import PART_SIZES, PART_STD

# How much each part counts; the two parts of the orientation by their channels' share of the isometric distance.
PART_WEIGHT = (0.36, 0.36, 0.06, 0.11, 0.11)
# Below this share of a part's spread an error is inside what data projection removes.
FLOOR = 0.12
HUBER = 3.0


@dataclass(frozen=True)
class LossSettings:
    """Weight of each part, floor as a share of a part's spread, and where the loss turns from square to linear."""

    part_weight: tuple[float, ...] = PART_WEIGHT
    floor: float = FLOOR
    huber: float = HUBER


@functools.cache
def _constants(device: torch.device, settings: LossSettings) -> tuple[Tensor, Tensor]:
    """Smallest scale (1, 5, 1, 1) and weight (5,) of each part, copied to a device once."""
    floor = settings.floor * torch.tensor(PART_STD).view(1, -1, 1, 1)
    return floor.to(device), torch.tensor(settings.part_weight).to(device)


def denoising_loss(
    denoised: Tensor, clean: Tensor, p: Tensor, settings: LossSettings | None = None
) -> tuple[Tensor, Tensor]:
    """Mean pseudo-Huber loss of (D - clean) / max(p, floor) and its value per part (5,).

    Wrong measured points (misindexing, light of a neighbour) come with a small p: a square would let them rule, the
    floor and the linear tail do not.
    """
    settings = settings or LossSettings()
    floor, weight = _constants(p.device, settings)
    scale = torch.maximum(p, floor)
    errors = (denoised - clean).square().split(PART_SIZES, dim=1)
    squared = torch.cat([e.mean(1, keepdim=True) for e in errors], 1) / scale**2
    robust = 2 * settings.huber**2 * ((1 + squared / settings.huber**2).sqrt() - 1)
    parts = robust.mean((0, 2, 3))
    return (parts * weight).sum(), parts.detach()
