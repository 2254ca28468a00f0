"""A made-up joint measurement of two grains side by side, for tests that run a stage on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.optics.forward.curves import IDEAL
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.sampling.measurement import JointMeasurement

SIDE, STEP = 32, 4


def two_grains() -> Tensor:
    """Embedding (18, 32, 32) of a left and a right grain."""
    each = embed(random((2,), torch.Generator().manual_seed(5))).float()
    return torch.where(torch.arange(SIDE) < SIDE // 2, each[0, :, None, None], each[1, :, None, None]).expand(
        -1, SIDE, SIDE
    )


def measurement(e: Tensor, light: bool = True, projection: bool = True) -> JointMeasurement:
    """Every fourth point of a map (18, 32, 32), and its light or none."""
    seen = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    seen[::STEP, ::STEP] = True
    sigma = torch.full((4, SIDE, SIDE), SIGMA_MAX)
    sigma[0, seen] = 0.01
    if light:
        sigma[1:] = 0.05
    state = torch.cat((torch.where(seen, e, 0.0), IDEAL.of_embedding(e.contiguous())))
    return JointMeasurement(state, sigma, find_neighbours(seen) if projection else None)
