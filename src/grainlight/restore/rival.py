"""How sure a pixel's grain is: its next best choice, and what that means for boundaries."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE

# Energy that halves the odds by e: on synthetic sections the rival is right as often as exp(-margin / this) says,
# though neighbouring pixels share their noise.
_TEMPERATURE = 5.5


def rival_probability(margin: Tensor) -> Tensor:
    """Probability (H, W) that the rival is right, from the energy (H, W) that it is worse by."""
    return torch.sigmoid(-margin / _TEMPERATURE)


def rival_embedding(e: Tensor, rival: Tensor) -> Tensor:
    """Embedding (18, H, W) of every pixel's rival, from flat indices (H, W)."""
    return e.reshape(len(e), -1)[:, rival.reshape(-1)].reshape(e.shape)


def boundary_probability(e: Tensor, rival: Tensor, probability: Tensor, degrees: float) -> Tensor:
    """Probability (H, W) that a boundary runs to the right of or below a pixel.

    Parameters
    ----------
    e
        Embedding (18, H, W) of the map.
    rival, probability
        Flat index of each pixel's rival and the probability that it is right (H, W).
    degrees
        Angle that makes a boundary.

    Notes
    -----
    Each of two neighbours has its own orientation or its rival's, independently. Of the two edges of a pixel the
    likelier one counts: a boundary that passes a pixel mostly takes both.
    """
    other = rival_embedding(e, rival)
    limit = degrees * PER_DEGREE
    out = torch.zeros(e.shape[1:])
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        edge = torch.zeros_like(probability[here])
        for left, weight in ((e, 1 - probability), (other, probability)):
            for right, its in ((e, 1 - probability), (other, probability)):
                apart = (left[:, *here] - right[:, *there]).norm(dim=0) > limit
                edge += weight[here] * its[there] * apart
        out[here] = torch.maximum(out[here], edge)
    return out
