"""Sizes of the grains that training meets."""

from __future__ import annotations

import torch

from grainlight.synth.draw import Draw

# Mean grain diameters in pixels, drawn in narrow ranges because the cost of a batch goes with its smallest grains.
SIZE_RANGES = ((4.0, 6.0), (6.0, 9.0), (9.0, 14.0), (14.0, 22.0), (22.0, 36.0), (36.0, 80.0))
SIZE_SHARES = (0.10, 0.18, 0.24, 0.22, 0.16, 0.10)


def draw_size_range(draw: Draw) -> tuple[float, float]:
    """One of `SIZE_RANGES`, by its share."""
    edges = torch.tensor(SIZE_SHARES).cumsum(0)
    return SIZE_RANGES[int((draw.scalar(0.0, 1.0) > edges[:-1]).sum())]
