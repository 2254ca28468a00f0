"""The families of microstructure that sections are drawn from, each a range of parameters per section."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from grainlight.synth.draw import Draw

FAMILIES = ("equiaxed", "elongated", "twinned", "colony", "basketweave", "deformed")


@dataclass(frozen=True)
class Recipe:
    """Parameters of a batch of sections, (B,) each. Lengths in pixels, angles in radians.

    ``child`` says what the second tessellation does: 0 nothing, 1 Burgers variants of the parent, 2 subgrains.
    """

    family: Tensor
    size: Tensor
    aspect: Tensor
    direction: Tensor
    direction_spread: Tensor
    warp: Tensor
    serration: Tensor
    texture: Tensor
    texture_spread: Tensor
    child: Tensor
    child_size: Tensor
    child_aspect: Tensor
    child_spread: Tensor
    subgrain_angle: Tensor
    lamella_share: Tensor
    lamella_period: Tensor
    lamella_fraction: Tensor
    gradient: Tensor

    def to(self, device: torch.device) -> Recipe:
        """The same recipe on a device."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        if device.type != "cuda":
            return Recipe(**{name: values.to(device) for name, values in own.items()})
        # In one piece, which a GPU takes when it comes to it.
        sent = torch.stack([v.float() for v in own.values()]).pin_memory().to(device, non_blocking=True)
        return Recipe(**{name: row.to(v.dtype) for (name, v), row in zip(own.items(), sent, strict=True)})


def draw_recipe(draw: Draw, batch: int, size_range: tuple[float, float], family: str | None = None) -> Recipe:
    """Draw a recipe per section; all of one family where it is named.

    Ranges are wide on purpose: hexagonal metals at large, never one map's statistics.
    """
    if family is None:
        kind = draw.integer(len(FAMILIES), batch)
    else:
        kind = torch.full((batch,), FAMILIES.index(family), device=draw.device)

    def where(name: str, yes: Tensor, no: Tensor | float) -> Tensor:
        return torch.where(kind == FAMILIES.index(name), yes, no)

    size = draw.log_uniform(*size_range, batch)
    # A parent beta grain holds many colonies or laths: its own size is not what a map resolves.
    size = torch.where((kind == FAMILIES.index("colony")) | (kind == FAMILIES.index("basketweave")), 2.0 * size, size)
    smallest = torch.full_like(size, 4.5)
    aspect = draw.uniform(1.0, 1.6, batch)
    aspect = where("elongated", draw.uniform(1.8, 5.0, batch), aspect)
    aspect = where("deformed", draw.uniform(1.0, 4.0, batch), aspect)
    colony, weave, deformed = (kind == FAMILIES.index(n) for n in ("colony", "basketweave", "deformed"))
    subgrains = deformed | (draw.chance(0.25, batch) & ~colony & ~weave)
    child = torch.where(colony | weave, 1, torch.where(subgrains, 2, 0))
    child_size = torch.maximum(size * draw.uniform(0.3, 0.75, batch), smallest)
    child_aspect = where("basketweave", draw.uniform(3.0, 9.0, batch), draw.uniform(1.0, 2.5, batch))
    # Twinned grains everywhere in one family, a few in the others; colonies carry laths of a second variant or none.
    share = where("twinned", draw.uniform(0.3, 1.0, batch), draw.uniform(0.0, 0.25, batch) * draw.chance(0.5, batch))
    share = where("colony", draw.uniform(0.0, 0.5, batch), share)
    texture_kind = draw.integer(5, batch)
    return Recipe(
        family=kind,
        size=size,
        aspect=aspect,
        direction=draw.uniform(0.0, math.pi, batch),
        direction_spread=torch.where(weave, math.pi, draw.uniform(0.05, 0.6, batch)),
        warp=size * draw.uniform(0.02, 0.18, batch),
        serration=draw.uniform(0.0, 0.9, batch) * draw.chance(0.7, batch),
        texture=texture_kind,
        texture_spread=draw.uniform(math.radians(4), math.radians(28), batch),
        child=child,
        child_size=child_size,
        child_aspect=child_aspect,
        child_spread=torch.where(weave, math.pi, draw.uniform(0.05, 1.0, batch)),
        subgrain_angle=draw.log_uniform(math.radians(0.5), math.radians(5.0), batch),
        lamella_share=share,
        lamella_period=draw.log_uniform(8.0, 50.0, batch),
        lamella_fraction=draw.uniform(0.12, 0.5, batch),
        gradient=torch.where(
            deformed,
            draw.log_uniform(math.radians(0.5), math.radians(6.0), batch),
            draw.log_uniform(math.radians(0.02), math.radians(2.0), batch) * draw.chance(0.6, batch),
        ),
    )
