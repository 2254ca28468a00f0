"""The light that physics expects of orientations."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.maps.strips import strips
from grainlight.optics.state import ideal_state

# Pixels that are worked on at once stay in a CPU's cache.
_AT_ONCE = 1 << 17


def expected_light(e: Tensor) -> Tensor:
    """Ideal harmonics (5, H, W) of embeddings (18, H, W)."""
    out = e.new_empty(5, *e.shape[1:], dtype=torch.float32)
    for rows in strips((e.shape[1], e.shape[2]), _AT_ONCE):
        axis = principal_axis((e[:5, rows] / W2).movedim(0, -1))
        out[:, rows] = ideal_state(axis).movedim(-1, 0)
    return out
