"""Sections through synthetic polycrystals: an orientation per pixel, in batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.synth.draw import Draw
from grainlight.synth.families import Recipe, draw_recipe
from grainlight.synth.tessellation import assign, pixel_grid, scatter_seeds, warp
from grainlight.synth.texture import draw_orientations
from grainlight.synth.variants import burgers_variants, twin_rotations


@dataclass(frozen=True)
class Sections:
    """Sections of synthetic metal.

    ``orientation`` (B, row, column, 4): passive quaternions in frame S, X along a. ``grain`` (B, row, column): an
    integer that differs between grains, twins and variants (but not between subgrains). ``recipe``: what was drawn.
    """

    orientation: Tensor
    grain: Tensor
    recipe: Recipe


def make_sections(
    draw: Draw,
    batch: int,
    shape: tuple[int, int] = (64, 64),
    size_range: tuple[float, float] = (4.0, 80.0),
    family: str | None = None,
) -> Sections:
    """Draw a batch of sections.

    Parameters
    ----------
    draw
        The random source; its device is where the sections are made.
    batch, shape
        Number of sections; rows and columns of each.
    size_range
        Smallest and largest mean grain diameter in pixels. The cost grows with (shape / smallest)^2, so draw small and
        large grains in batches of their own (`training.stream` does).
    family
        One of `FAMILIES`; any if None.
    """
    planned = draw_recipe(draw.on_host, batch, size_range, family)
    recipe = planned.to(draw.device)
    points = pixel_grid(*shape, draw.device)
    typical = math.sqrt(size_range[0] * size_range[1])
    moved = warp(draw, points, shape, recipe.warp, recipe.serration, typical)
    parents = scatter_seeds(draw, planned.size, planned.aspect, planned.direction, planned.direction_spread, shape)
    parent = assign(parents, moved)
    count = parents.position.shape[1]
    q_parent = draw_orientations(draw, recipe.texture, recipe.texture_spread, count)
    q = _gather(q_parent, parent)
    child, q_child, children = _children(draw, planned, shape, moved)
    q = quaternion.multiply(q_child, q)
    variant_child = torch.where((recipe.child == 1)[:, None], child, 0)
    unit = parent * children + variant_child
    # Twins are straighter than grain boundaries: they feel a part of the warp only.
    inside, q_lamella = _lamellae(draw, recipe, points + 0.25 * (moved - points), parent, q_parent)
    q = quaternion.multiply(q_lamella, q)
    q = quaternion.multiply(q, _gradients(draw, recipe, shape, points, parents.position, parent))
    q = torch.nn.functional.normalize(q, dim=-1)
    return Sections(q.reshape(batch, *shape, 4), (2 * unit + inside.long()).reshape(batch, *shape), recipe)


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """values (B, K, C) at index (B, P)."""
    return values.gather(1, index[..., None].expand(*index.shape, values.shape[-1]))


def _children(draw: Draw, planned: Recipe, shape: tuple[int, int], points: Tensor) -> tuple[Tensor, Tensor, int]:
    """Second tessellation: its index (B, P), the rotation (B, P, 4) it adds to the parent's, and how many there are.

    ``planned`` is the recipe on the host.
    """
    batch = points.shape[0]
    identity = points.new_tensor((1.0, 0.0, 0.0, 0.0))
    if not bool((planned.child > 0).any()):
        none = torch.zeros(points.shape[:2], dtype=torch.long, device=draw.device)
        return none, identity.expand(*points.shape[:2], 4), 1
    seeds = scatter_seeds(
        draw, planned.child_size, planned.child_aspect, planned.direction + 0.7, planned.child_spread, shape
    )
    recipe = planned.to(draw.device)
    child = assign(seeds, points)
    count = seeds.position.shape[1]
    variants = burgers_variants().to(draw.device)
    # A parent grain often shows few of its twelve variants: a section draws from three of them or from all.
    few = draw.integer(12, batch, 3).gather(1, draw.integer(3, batch, count))
    chosen = torch.where(draw.chance(0.5, batch, 1), few, draw.integer(12, batch, count))
    small = quaternion.from_rotation_vector(recipe.subgrain_angle[:, None, None] * draw.normal(batch, count, 3) / 1.7)
    kind = recipe.child[:, None, None]
    added = torch.where(kind == 1, variants[chosen], torch.where(kind == 2, small, identity))
    return child, _gather(added, child), count


def _lamellae(draw: Draw, recipe: Recipe, points: Tensor, parent: Tensor, q_parent: Tensor) -> tuple[Tensor, Tensor]:
    """Twin lamellae along the trace of their K1 plane: inside (B, P) and the rotation (B, P, 4) they add."""
    batch, count = q_parent.shape[:2]
    rotations = twin_rotations(draw.scalar(1.56, 1.63)).to(draw.device)
    # 10-12 in half of the cases, the three other systems share the rest.
    system = torch.where(draw.chance(0.5, batch, count), 0, draw.integer(4, batch, count))
    rotation = rotations[system * 6 + draw.integer(6, batch, count)]
    a, b, c = quaternion.crystal_axes(q_parent)
    normal = rotation[..., 1:2] * a + rotation[..., 2:3] * b + rotation[..., 3:4] * c
    # In the image the row grows downward. A plane cut at a low angle shows wide lamellae.
    trace = torch.stack((normal[..., 0], -normal[..., 1]), -1)
    sine = trace.norm(dim=-1, keepdim=True).clamp(min=0.15)
    period = recipe.lamella_period[:, None, None] * draw.uniform(0.6, 1.6, batch, count, 1)
    wave = trace / sine.clamp(min=1e-6) / period * sine
    phase = draw.uniform(0.0, 1.0, batch, count, 1)
    has = draw.chance(recipe.lamella_share[:, None], batch, count)[..., None].float()
    fraction = recipe.lamella_fraction[:, None, None].expand(batch, count, 1)
    at = _gather(torch.cat((wave, phase, has, fraction, rotation), -1), parent)
    along = (points * at[..., 0:2]).sum(-1) + at[..., 2]
    # Every lamella has a thickness of its own, some are missing: a hash of its number stands for a draw.
    number = along.floor()
    chance = torch.frac(torch.sin(number * 12.9898 + at[..., 2] * 78.233) * 43758.5453).abs()
    inside = (along - number < at[..., 4] * 2 * chance) & (at[..., 3] > 0.5)
    identity = points.new_tensor((1.0, 0.0, 0.0, 0.0))
    return inside, torch.where(inside[..., None], at[..., 5:9], identity)


def _gradients(
    draw: Draw, recipe: Recipe, shape: tuple[int, int], points: Tensor, seeds: Tensor, parent: Tensor
) -> Tensor:
    """Orientation gradients inside grains as quaternions (B, P, 4): linear across each grain plus a smooth field."""
    batch, count = seeds.shape[:2]
    slope = draw.normal(batch, count, 6) * (recipe.gradient / recipe.size)[:, None, None]
    at = _gather(torch.cat((slope, seeds), -1), parent)
    offset = (points[None] - at[..., 6:8]).clamp(-100, 100)
    vector = at[..., 0:3] * offset[..., 0:1] + at[..., 3:6] * offset[..., 1:2]
    smooth = draw.smooth_field(batch, 3, *shape, length=draw.scalar(8.0, 40.0)).flatten(2).transpose(1, 2)
    return quaternion.from_rotation_vector(vector + 0.4 * recipe.gradient[:, None, None] * smooth)
