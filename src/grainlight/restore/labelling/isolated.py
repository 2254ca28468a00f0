"""Inferred pixels that agree with no neighbour: a grain of one pixel that nobody measured is not believed."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, image_distance
from grainlight.grains.edges import BOUNDARY_ANGLE

AROUND = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
"""Row and column of the eight neighbours of a pixel, from it."""


def join_isolated_pixels(e: Tensor, guide: Tensor, measured: Tensor, degrees: float = BOUNDARY_ANGLE) -> Tensor:
    """Give isolated inferred pixels the orientation of the neighbour that the guide likes best.

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
    nearest = torch.full_like(e[0], torch.inf)
    # Four of the eight neighbours: the others are the same pairs, seen from the other side.
    for r, c in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, rows - r), slice(max(0, -c), columns - max(0, c)))
        there = (slice(r, rows), slice(max(0, c), columns - max(0, -c)))
        apart = image_distance(e[:, *here], e[:, *there])
        nearest[here] = torch.minimum(nearest[here], apart)
        nearest[there] = torch.minimum(nearest[there], apart)
    alone = (nearest > degrees * PER_DEGREE) & torch.isfinite(nearest) & ~measured
    row, column = alone.nonzero().unbind(1)
    around = torch.tensor(AROUND)
    rs, cs = row[:, None] + around[:, 0], column[:, None] + around[:, 1]
    # A pixel at the edge of the map has fewer neighbours.
    inside = (rs >= 0) & (rs < rows) & (cs >= 0) & (cs < columns)
    rs, cs = rs.clamp(0, rows - 1), cs.clamp(0, columns - 1)
    liked = (e[:, rs, cs] - guide[:, row, column][..., None]).square().sum(0)
    best = liked.masked_fill(~inside, torch.inf).argmin(1, keepdim=True)
    joined = e.clone()
    joined[:, row, column] = e[:, rs.gather(1, best)[:, 0], cs.gather(1, best)[:, 0]]
    return joined
