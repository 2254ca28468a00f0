"""How sure a pixel's grain is: its next best choice, and what that means for boundaries."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE
from grainlight.restore.light.grain_offsets import neighbour_distances


def second_probability(gap: Tensor) -> Tensor:
    """Probability (H, W) that the second label is right, from the energy (H, W) that it is worse by."""
    return torch.sigmoid(-gap / constants().second_label.value)


def second_distance(e: Tensor, second: Tensor) -> Tensor:
    """Square distance (H, W) of an embedding (18, H, W) from that of the second labels, flat indices (H, W)."""
    flat, to = e.reshape(len(e), -1), second.reshape(-1)
    out = torch.zeros(flat.shape[1])
    # Few pixels have a second label.
    at = (to != torch.arange(len(to))).nonzero()[:, 0]
    out[at] = (flat.index_select(1, to[at]) - flat.index_select(1, at)).square().sum(0)
    return out.view(e.shape[1:])


def boundary_probability(e: Tensor, second: Tensor, probability: Tensor, degrees: float) -> Tensor:
    """Probability (H, W) that a boundary runs to the right of or below a pixel.

    Parameters
    ----------
    e
        Embedding (18, H, W) of the map.
    second, probability
        Flat index of each pixel's second label and the probability that it is right (H, W).
    degrees
        Angle that makes a boundary.

    Notes
    -----
    Each of two neighbours has its own orientation or that of its second label, independently. Of the two edges of a
    pixel the likelier one counts: a boundary that passes a pixel mostly takes both.
    """
    rows, columns = e.shape[1:]
    # Rows of a table: a row's look-up is several times as fast as one in each of 18 images.
    table = e.reshape(len(e), -1).T.contiguous()
    other, chance = second.reshape(-1), probability.reshape(-1)
    limit = degrees * PER_DEGREE
    number = torch.arange(rows * columns).view(rows, columns)
    out = torch.zeros(rows, columns)
    for here, there, apart in zip(
        ((slice(None), slice(None, -1)), (slice(None, -1), slice(None))),
        ((slice(None), slice(1, None)), (slice(1, None), slice(None))),
        neighbour_distances(e),
        strict=True,
    ):
        edge = (apart > limit).float()
        # Where neither has a second label there is nothing to weigh.
        unsure = (probability[here] > 0) | (probability[there] > 0)
        a, b = number[here][unsure], number[there][unsure]
        one, two = chance[a], chance[b]
        left, right, left_other, right_other = (table.index_select(0, at) for at in (a, b, other[a], other[b]))
        total = (1 - one) * (1 - two) * edge[unsure]
        total += one * (1 - two) * ((left_other - right).norm(dim=1) > limit)
        total += (1 - one) * two * ((left - right_other).norm(dim=1) > limit)
        total += one * two * ((left_other - right_other).norm(dim=1) > limit)
        # Four shares of one sum to a hair more than one in single precision.
        edge[unsure] = total.clamp_(max=1.0)
        out[here] = torch.maximum(out[here], edge)
    return out
