"""An endless stream of clean synthetic states, made on the device that trains."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import crystal_axes
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state
from grainlight.synth.section import make_sections
from grainlight.training.stream import draw_size_range


def clean_states(
    draw: Draw, batch: int, patch: int, size_range: tuple[float, float], family: str | None = None
) -> Tensor:
    """Clean states (batch, 23, patch, patch) of sections with grains of the given sizes."""
    sections = make_sections(draw, batch, (patch, patch), size_range, family)
    light = light_state(crystal_axes(sections.orientation)[2], draw_curves(draw, batch))
    return torch.cat((embed(sections.orientation, dim=-3), light), dim=1)


def next_batch(draw: Draw, batch: int, patch: int, parts: int = 4) -> Tensor:
    """A batch of clean states (batch, 23, patch, patch) of mixed grain sizes, in ``parts`` of one size range each."""
    each = math.ceil(batch / parts)
    return torch.cat([clean_states(draw, each, patch, draw_size_range(draw)) for _ in range(parts)])[:batch]
