"""Measured points that stand alone in a restored map, though their neighbours in the scan support them.

A point whose grain other points have met, and none of whose neighbouring pixels is in that grain, contradicts the light
that drew another grain around it. One of them is chance or a thin lath; many in one place are light that lies.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.optics.forward.point_spread import gaussian, spread_back
from grainlight.restore.labelling.isolated import AROUND
from grainlight.restore.points.neighbours import Neighbours

_APART = 5.0  # degrees, beside noise
_NEAREST = 9  # points that support one, itself among them
_REACH = 3.0  # standard deviation of the window, in distances between points
# Share of the points of a window that may stand alone, so many points that do not mixed in. On the tuning sections up
# to 0.2 % stand alone under light that is right, and 3 to 16 % where a tile lies 3 pixels beside its place.
_OFTEN, _AGREEING = 0.05, 12.0


def lone_points(e: Tensor, state: Tensor, sigma: Tensor, points: Tensor, neighbours: Neighbours) -> Tensor:
    """Return measured pixels (H, W) that stand alone in a map though the scan supports them.

    Parameters
    ----------
    e
        Embedding (18, H, W) of the map.
    state, sigma
        Measured embedding (18, H, W), and its noise per channel (H, W).
    points
        Pixels (H, W) that EBSD measured.
    neighbours
        Nearest measured points of every pixel.
    """
    columns = e.shape[2]
    at = points.reshape(-1).nonzero()[:, 0]
    own = state.reshape(len(state), -1).T[at]
    limit = _APART * PER_DEGREE + 3 * 3**0.5 * sigma.reshape(-1)[at]
    padded = F.pad(e, (1, 1, 1, 1), value=torch.inf)
    alone = torch.ones(len(at), dtype=torch.bool)
    for down, across in AROUND:
        beside = padded[:, 1 + at // columns + down, 1 + at % columns + across].T
        alone &= ~((beside - own).norm(dim=1) < limit)
    flat = neighbours.flat(columns)
    near = flat[neighbours.index[at][:, :_NEAREST]]
    close = (state.reshape(len(state), -1).T[near] - own[:, None]).norm(dim=-1) < limit[:, None]
    # The point itself is one of them.
    alone &= close.sum(1) > 1
    return torch.zeros_like(points).reshape(-1).index_fill_(0, at[alone], True).view(points.shape)


def crowded(lone: Tensor, points: Tensor) -> Tensor:
    """Return pixels (H, W) around which more of the points (H, W) stand alone than chance leaves."""
    if not bool(lone.any()):
        return torch.zeros_like(lone)
    spacing = (points.numel() / max(int(points.sum()), 1)) ** 0.5
    window = gaussian(_REACH * spacing)
    window = window / window.max()
    some, every = spread_back(torch.stack((lone, points)).float(), window)
    return some > _OFTEN * (every + _AGREEING)
