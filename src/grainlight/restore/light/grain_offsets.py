"""Grains of a map, and the offset that the light of each has."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import image_distance
from grainlight.grains.segment import connected

# A priori standard deviation of a grain's offset: its relief, its place in uneven light, a curve that is not ideal.
OFFSET_STD = 0.1


def neighbour_distances(e: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of embeddings (18, H, W) to the right neighbour (H, W-1) and to the lower one (H-1, W)."""
    return image_distance(e[:, :, 1:], e[:, :, :-1]), image_distance(e[:, 1:], e[:, :-1])


def join_neighbours(right: Tensor, down: Tensor) -> tuple[Tensor, int]:
    """Grain (H W,) of every pixel, and how many there are, from who is one with its right (H, W-1), lower (H-1, W)
    neighbour."""
    # A run of connected pixels in a row is one node of the graph, and one link between two such nodes is enough.
    begins = F.pad(~right, (1, 0), value=True)
    run = begins.reshape(-1).cumsum(0, dtype=torch.int32).sub_(1).view(begins.shape)
    linked = down.clone()
    linked[:, 1:] &= ~down[:, :-1] | begins[:-1, 1:] | begins[1:, 1:]
    found = connected(run[:-1][linked].numpy(), run[1:][linked].numpy(), int(run[-1, -1]) + 1)
    labels = torch.from_numpy(found.astype(np.int64))
    return labels.index_select(0, run.reshape(-1)), int(found.max()) + 1


def offset_sums(labels: Tensor, count: int, residual: Tensor, precision: Tensor) -> Tensor:
    """Sums of the light (2, 5, count) that the offsets of grains rest on; parts of a map are added up.

    Parameters
    ----------
    labels, count
        Grain of each pixel (n,), and how many there are.
    residual, precision
        Measured less expected harmonics (5, n), and the reciprocal of their variance; 0 where a pixel does not count.
    """
    out = torch.empty(2, len(residual), count, dtype=torch.float64)
    for channel, (part, weight) in enumerate(zip(residual, precision, strict=True)):
        weight = weight.double()
        out[0, channel] = torch.bincount(labels, weights=weight * part, minlength=count)
        out[1, channel] = torch.bincount(labels, weights=weight, minlength=count)
    return out


def shrunk(sums: Tensor) -> Tensor:
    """Offset (5, count) of each grain: its mean residual, shrunk towards none by its a priori variance."""
    return (sums[0] / (sums[1] + OFFSET_STD**-2)).float()
