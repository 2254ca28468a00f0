"""Sections between two others whose maps are known, as the label model meets them in training."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import crystal_axes
from grainlight.diffusion.measurement import Neighbours
from grainlight.diffusion.state import SIGMA_MAX, SIGMA_MIN, group_to_channel_light
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state
from grainlight.synth.section import Sections, make_stack
from grainlight.training.hidden_labels import Case, LabelMixture, measure
from grainlight.training.stream import draw_size_range

# Distances to the sections below and above, in mean grain diameters.
_NEAREST, _FARTHEST = 0.05, 1.2


def draw_stack_case(draw: Draw, batch: int, patch: int, parts: int, mixture: LabelMixture) -> Case:
    """A batch of sections (patch, patch) between two others and what is measured of them, of some with points."""
    each = math.ceil(batch / (parts * mixture.again))
    stacks, distances = [], []
    for _ in range(parts):
        away = draw.log_uniform(_NEAREST, _FARTHEST, 2, each)
        heights = torch.stack((torch.zeros_like(away[0]), -away[0], away[1]))
        sections, pixels = make_stack(draw, heights, (patch, patch), draw_size_range(draw))
        stacks.append(sections)
        distances.append(pixels[1:].abs())
    stacks, distances = stacks * mixture.again, distances * mixture.again
    curves = draw_curves(draw, batch)
    case = measure(draw, [s[0] for s in stacks], batch, mixture, curves)
    neighbours, grain = restored(draw, [s[1:] for s in stacks], torch.cat(distances, 1)[:, :batch], curves)
    own = case.measured
    points = own.points & ~draw.chance(mixture.unmeasured, batch, 1, 1)
    measured = replace(
        own,
        points=points,
        embedding=torch.where(points[:, None], own.embedding, 0.0),
        noise=torch.where(points, own.noise, 0.0),
        neighbours=neighbours,
    )
    return replace(case, measured=measured, beside=grain)


def restored(
    draw: Draw, pairs: list[tuple[Sections, ...]], distance: Tensor, curves: Tensor
) -> tuple[Neighbours, Tensor]:
    """Maps of sections below and above as a restoration leaves them, and the grain (2, B, H, W) that they give a pixel.

    Their boundaries are off by up to a pixel, the sections may be misaligned by some tenths of one, a region may be of
    wrong orientation or not known, a section may be missing. ``distance`` (2, B) in pixels, ``curves`` of the light.
    """
    batch = distance.shape[1]
    maps, grains = [], []
    for layer in range(2):
        orientation = torch.cat([p[layer].orientation for p in pairs])[:batch]
        grain = torch.cat([p[layer].grain for p in pairs])[:batch]
        orientation, grain = _displaced(draw, orientation, grain)
        maps.append(_map(draw, orientation, curves))
        grains.append(grain)
    known, embedding, noise, light, sigma = (torch.stack(x, 1) for x in zip(*maps, strict=True))
    # One of the two may be missing.
    which = draw.uniform(0.0, 1.0, batch, 1)
    missing = torch.cat((which < 0.1, which > 0.9), 1)[..., None, None]
    known = known & ~missing
    return (
        Neighbours(known, torch.where(known[:, :, None], embedding, 0.0), noise, light, sigma, distance.T.contiguous()),
        torch.stack(grains),
    )


def _displaced(draw: Draw, orientation: Tensor, grain: Tensor) -> tuple[Tensor, Tensor]:
    """Orientation (B, H, W, 4) and grain (B, H, W) at places moved by up to a pixel or so; a region from elsewhere."""
    batch, rows, columns = grain.shape
    waves = draw.uniform(0.0, 0.9, batch, 1, 1, 1) * draw.smooth_field(batch, 2, rows, columns, draw.scalar(2.5, 8.0))
    shift = 0.4 * draw.normal(batch, 2, 1, 1) * draw.chance(0.6, batch, 1, 1, 1)
    moved = (waves + shift).round().long()
    row = (torch.arange(rows, device=grain.device)[None, :, None] + moved[:, 0]).clamp(0, rows - 1)
    column = (torch.arange(columns, device=grain.device)[None, None] + moved[:, 1]).clamp(0, columns - 1)
    wrong = draw.smooth_field(batch, 1, rows, columns, draw.scalar(4.0, 12.0))[:, 0] > 1.8
    wrong = wrong & draw.chance(0.3, batch, 1, 1)
    row, column = torch.where(wrong, (row + 23) % rows, row), torch.where(wrong, (column + 31) % columns, column)
    at = (row * columns + column).flatten(1)
    moved_grain = grain.flatten(1).gather(1, at).view(grain.shape)
    q = orientation.flatten(1, 2).gather(1, at[..., None].expand(-1, -1, 4)).view(orientation.shape)
    return q, moved_grain


def _map(draw: Draw, orientation: Tensor, curves: Tensor) -> tuple[Tensor, ...]:
    """Where a map is known, its embedding and noise, its light and the light's noise levels."""
    batch, rows, columns = orientation.shape[:3]
    degrees = draw.log_uniform(0.05, 1.0, batch)
    vector = draw.normal(batch, rows, columns, 3) * torch.deg2rad(degrees / math.sqrt(3.0)).view(-1, 1, 1, 1)
    embedding = embed(quaternion.multiply(quaternion.from_rotation_vector(vector), orientation), dim=-3)
    noise = (degrees * PER_DEGREE / math.sqrt(3.0)).clamp(min=SIGMA_MIN)[:, None, None].expand(batch, rows, columns)
    level = draw.log_uniform(0.02, 0.2, batch, 3, 1, 1)
    level = torch.where(draw.chance(0.2, batch, 1, 1, 1), SIGMA_MAX, level).expand(batch, 3, rows, columns)
    light = light_state(crystal_axes(orientation)[2], curves)
    light = light + group_to_channel_light(level.clamp(max=1.0)) * draw.normal(*light.shape)
    light = torch.where(group_to_channel_light(level) < SIGMA_MAX, light, 0.0)
    hole = draw.smooth_field(batch, 1, rows, columns, draw.scalar(4.0, 14.0))[:, 0] > 1.4
    known = ~(hole & draw.chance(0.12, batch, 1, 1))
    return known, embedding, noise, light, level
