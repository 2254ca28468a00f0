"""A polycrystal as it is drawn, before it is cut: grains, variants, twins and gradients of a batch of specimens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.synth.draw import Draw
from grainlight.synth.families import Recipe, draw_recipe
from grainlight.synth.orientations.texture import draw_orientations
from grainlight.synth.orientations.variants import burgers_variants, twin_rotations
from grainlight.synth.tessellation import Seeds, Warp, assign, draw_warp, pixel_grid, scatter_seeds

# Of a solid that more than one plane is cut from: layers of seeds. Planes up to a grain's diameter away lie inside.
_LAYERS = 3


@dataclass(frozen=True, eq=False)
class Polycrystal:
    """Everything that is drawn of a batch of specimens; a cut through it draws nothing.

    ``parents``, ``children``: seeds and their orientations or rotations (B, K, 4); ``children`` None where no specimen
    has a second tessellation. ``lamellae`` (B, K, 10) of each parent: direction in the plane (2), phase, whether there
    are any, their fraction, their rotation (4), and the change of the phase with height. ``slope`` (B, K, 6) of the
    orientation across each parent, ``smooth`` (n, B, 3, H, W) and its correlation length.
    """

    recipe: Recipe
    shape: tuple[int, int]
    warp: Warp
    parents: Seeds
    orientations: Tensor
    children: Seeds | None
    rotations: Tensor | None
    lamellae: Tensor
    slope: Tensor
    smooth: Tensor
    smooth_length: float

    @property
    def grain_size(self) -> Tensor:
        """Mean diameter (B,) in pixels of what a map resolves: grains, or the variants inside them."""
        return torch.where(self.recipe.child == 1, self.recipe.child_size, self.recipe.size)


def draw_polycrystal(
    draw: Draw,
    batch: int,
    shape: tuple[int, int],
    size_range: tuple[float, float],
    family: str | None = None,
    *,
    solid: bool = False,
) -> Polycrystal:
    """Draw a batch of specimens; ``solid`` where planes at other heights than 0 will be cut."""
    layers, planes = (_LAYERS, 2) if solid else (1, 1)
    planned = draw_recipe(draw.on_host, batch, size_range, family)
    recipe = planned.to(draw.device)
    typical = math.sqrt(size_range[0] * size_range[1])
    moved = draw_warp(draw, shape, recipe.warp, recipe.serration, typical, planes)
    parents = scatter_seeds(
        draw, planned.size, planned.aspect, planned.direction, planned.direction_spread, shape, layers=layers
    )
    count = parents.position.shape[1]
    orientations = draw_orientations(draw, recipe.texture, recipe.texture_spread, count)
    children, rotations = _draw_children(draw, planned, shape, layers)
    lamellae = _draw_lamellae(draw, recipe, orientations)
    slope = draw.normal(batch, count, 6) * (recipe.gradient / recipe.size)[:, None, None]
    length = draw.scalar(8.0, 40.0)
    smooth = torch.stack([draw.smooth_field(batch, 3, *shape, length=length) for _ in range(planes)])
    return Polycrystal(
        recipe, shape, moved, parents, orientations, children, rotations, lamellae, slope, smooth, length
    )


def cut(solid: Polycrystal, plane: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Orientation (B, H, W, 4) and grain number (B, H, W) in planes at heights (B,) in pixels; None: at 0."""
    points = pixel_grid(*solid.shape, solid.orientations.device)
    moved = solid.warp.moved(points, plane)
    parents = solid.parents if plane is None else solid.parents.seen_from(plane)
    parent = assign(parents, moved)
    q = _gather(solid.orientations, parent)
    unit = parent
    if solid.children is not None and solid.rotations is not None:
        children = solid.children if plane is None else solid.children.seen_from(plane)
        child = assign(children, moved)
        q = quaternion.multiply(_gather(solid.rotations, child), q)
        variant = torch.where((solid.recipe.child == 1)[:, None], child, 0)
        unit = parent * children.position.shape[1] + variant
    # Twins are straighter than grain boundaries: they feel a part of the warp only.
    inside, turned = _lamellae(solid, points + 0.25 * (moved - points), parent, plane)
    q = quaternion.multiply(turned, q)
    q = quaternion.multiply(q, _gradients(solid, points, parent, plane))
    q = torch.nn.functional.normalize(q, dim=-1)
    batch = len(q)
    return q.reshape(batch, *solid.shape, 4), (2 * unit + inside.long()).reshape(batch, *solid.shape)


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """values (B, K, C) at index (B, P)."""
    return values.gather(1, index[..., None].expand(*index.shape, values.shape[-1]))


def _draw_children(
    draw: Draw, planned: Recipe, shape: tuple[int, int], layers: int
) -> tuple[Seeds | None, Tensor | None]:
    """Second tessellation and the rotation (B, K, 4) that each of its grains adds; ``planned``: recipe on the host."""
    batch = len(planned.size)
    if not bool((planned.child > 0).any()):
        return None, None
    seeds = scatter_seeds(
        draw,
        planned.child_size,
        planned.child_aspect,
        planned.direction + 0.7,
        planned.child_spread,
        shape,
        layers=layers,
    )
    recipe = planned.to(draw.device)
    count = seeds.position.shape[1]
    variants = draw.sent(burgers_variants())
    # A parent grain often shows few of its twelve variants: a section draws from three of them or from all.
    few = draw.integer(12, batch, 3).gather(1, draw.integer(3, batch, count))
    chosen = torch.where(draw.chance(0.5, batch, 1), few, draw.integer(12, batch, count))
    small = quaternion.from_rotation_vector(recipe.subgrain_angle[:, None, None] * draw.normal(batch, count, 3) / 1.7)
    kind = recipe.child[:, None, None]
    identity = small.new_tensor((1.0, 0.0, 0.0, 0.0))
    return seeds, torch.where(kind == 1, variants[chosen], torch.where(kind == 2, small, identity))


def _draw_lamellae(draw: Draw, recipe: Recipe, orientations: Tensor) -> Tensor:
    """Twin lamellae (B, K, 10) of each parent, along the trace of their K1 plane; see `Polycrystal`."""
    batch, count = orientations.shape[:2]
    rotations = draw.sent(twin_rotations(draw.scalar(1.56, 1.63)))
    # 10-12 in half of the cases, the three other systems share the rest.
    system = torch.where(draw.chance(0.5, batch, count), 0, draw.integer(4, batch, count))
    rotation = rotations[system * 6 + draw.integer(6, batch, count)]
    a, b, c = quaternion.crystal_axes(orientations)
    normal = rotation[..., 1:2] * a + rotation[..., 2:3] * b + rotation[..., 3:4] * c
    # In the image the row grows downward. A plane cut at a low angle shows wide lamellae.
    trace = torch.stack((normal[..., 0], -normal[..., 1]), -1)
    sine = trace.norm(dim=-1, keepdim=True).clamp(min=0.15)
    period = recipe.lamella_period[:, None, None] * draw.uniform(0.6, 1.6, batch, count, 1)
    wave = trace / sine.clamp(min=1e-6) / period * sine
    phase = draw.uniform(0.0, 1.0, batch, count, 1)
    has = draw.chance(recipe.lamella_share[:, None], batch, count)[..., None].float()
    fraction = recipe.lamella_fraction[:, None, None].expand(batch, count, 1)
    return torch.cat((wave, phase, has, fraction, rotation, normal[..., 2:] / period), -1)


def _lamellae(solid: Polycrystal, points: Tensor, parent: Tensor, plane: Tensor | None) -> tuple[Tensor, Tensor]:
    """Pixels inside a twin (B, P) and the rotation (B, P, 4) that it adds."""
    at = _gather(solid.lamellae, parent)
    along = (points * at[..., 0:2]).sum(-1) + at[..., 2]
    if plane is not None:
        along = along + plane[:, None] * at[..., 9]
    # Every lamella has a thickness of its own, some are missing: a hash of its number stands for a draw.
    number = along.floor()
    chance = torch.frac(torch.sin(number * 12.9898 + at[..., 2] * 78.233) * 43758.5453).abs()
    inside = (along - number < at[..., 4] * 2 * chance) & (at[..., 3] > 0.5)
    identity = points.new_tensor((1.0, 0.0, 0.0, 0.0))
    return inside, torch.where(inside[..., None], at[..., 5:9], identity)


def _gradients(solid: Polycrystal, points: Tensor, parent: Tensor, plane: Tensor | None) -> Tensor:
    """Orientation gradients inside grains as quaternions (B, P, 4): linear across each grain plus a smooth field."""
    at = _gather(torch.cat((solid.slope, solid.parents.position), -1), parent)
    offset = (points[None] - at[..., 6:8]).clamp(-100, 100)
    vector = at[..., 0:3] * offset[..., 0:1] + at[..., 3:6] * offset[..., 1:2]
    smooth = solid.smooth[0]
    if plane is not None:
        turn = (plane / solid.smooth_length).view(-1, 1, 1, 1)
        smooth = turn.cos() * smooth + turn.sin() * solid.smooth[1]
    smooth = smooth.flatten(2).transpose(1, 2)
    return quaternion.from_rotation_vector(vector + 0.4 * solid.recipe.gradient[:, None, None] * smooth)
