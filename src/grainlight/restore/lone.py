"""Inferred pixels that agree with no neighbour: a grain of one pixel that nobody measured is not believed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE

AROUND = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
"""Row and column of the eight neighbours of a pixel, from it."""


def join_lone_pixels(e: Tensor, guide: Tensor, measured: Tensor, degrees: float = 5.0) -> Tensor:
    """Give lone inferred pixels the orientation of the neighbour that the guide likes best.

    Parameters
    ----------
    e, guide
        Projected and restored embedding (18, H, W).
    measured
        Pixels (H, W) that EBSD measured: they stay, alone or not.
    degrees
        A pixel is alone if none of its eight neighbours is within this angle.
    """
    rows, columns = measured.shape
    padded = F.pad(e[None], (1, 1, 1, 1), mode="replicate")[0]
    nearest = torch.full_like(e[0], torch.inf)
    best, chosen = torch.full_like(e[0], torch.inf), e.clone()
    for r, c in AROUND:
        other = padded[:, 1 + r : 1 + r + rows, 1 + c : 1 + c + columns]
        apart = (other - e).norm(dim=0)
        # Beyond the edge a pixel meets itself: that is no neighbour.
        outside = torch.zeros_like(measured)
        if r:
            outside[0 if r < 0 else -1] = True
        if c:
            outside[:, 0 if c < 0 else -1] = True
        nearest = torch.minimum(nearest, torch.where(outside, torch.inf, apart))
        liked = torch.where(outside, torch.inf, (other - guide).norm(dim=0))
        better = liked < best
        best = torch.where(better, liked, best)
        chosen = torch.where(better, other, chosen)
    alone = (nearest > degrees * PER_DEGREE) & torch.isfinite(nearest) & ~measured
    return torch.where(alone, chosen, e)
