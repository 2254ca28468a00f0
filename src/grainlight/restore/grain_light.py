"""Light of a map of grains: what physics expects of each orientation, with each grain's own offset."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, W2, image_distance, principal_axis
from grainlight.grains.edges import edges_of
from grainlight.grains.segment import connected
from grainlight.optics.state import ideal_state

# Neighbours closer than this are one grain (degrees).
_SAME_GRAIN = 3.0
# A priori standard deviation of a grain's offset: its relief, its place in uneven light, a curve that is not ideal.
OFFSET_STD = 0.1


def expected_light(e: Tensor) -> Tensor:
    """Ideal harmonics (5, H, W) of embeddings (18, H, W)."""
    axis = principal_axis((e[:5] / W2).movedim(0, -1))
    return ideal_state(axis).movedim(-1, 0).float()


def neighbour_distances(e: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of embeddings (18, H, W) to the right neighbour (H, W-1) and to the lower one (H-1, W)."""
    return image_distance(e[:, :, 1:], e[:, :, :-1]), image_distance(e[:, 1:], e[:, :-1])


def label_grains(e: Tensor) -> tuple[Tensor, int]:
    """Grain of every pixel (H W,) of an embedding (18, H, W), and how many there are: neighbours within 3 degrees."""
    rows, columns = e.shape[1:]
    edges = edges_of((rows, columns))
    within = [apart < _SAME_GRAIN * PER_DEGREE for apart in neighbour_distances(e)]
    open_edges = torch.cat([part.reshape(-1) for part in within]).numpy()
    labels = connected(edges.first[open_edges], edges.second[open_edges], rows * columns)
    return torch.from_numpy(labels.astype(np.int64)), int(labels.max()) + 1


def grain_offsets(e: Tensor, residual: Tensor, precision: Tensor) -> Tensor:
    """Mean residual (5, H, W) of each grain, shrunk towards none by its a priori variance.

    Parameters
    ----------
    residual, precision
        Measured less expected harmonics (5, H, W), and the reciprocal of their variance; 0 where a pixel does
        not count.
    """
    labels, count = label_grains(e)
    out = torch.empty_like(residual)
    for channel in range(len(residual)):
        weight = precision[channel].reshape(-1).double()
        total = torch.bincount(labels, weights=weight * residual[channel].reshape(-1), minlength=count)
        known = torch.bincount(labels, weights=weight, minlength=count)
        out[channel] = (total / (known + OFFSET_STD**-2))[labels].reshape(residual.shape[1:]).float()
    return out
