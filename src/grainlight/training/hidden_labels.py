"""Sections as the label model meets them in training: measured points, faulty light, some labels revealed.

Every inverse problem is one draw: a grid of points of any spacing, scattered points, holes; light that is measured,
partly measured or absent; any share of the labels revealed. Faults of real measurements are drawn without telling the
network: misindexed points, blurred light, light whose gain wanders, a region in which the light is not the section's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import crystal_axes
from grainlight.diffusion.candidates import Candidates, at_points, from_cells, to_cells
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.state import SIGMA_MAX, SIGMA_MIN, group_to_channel_light, is_unknown
from grainlight.synth.blemish import blur_each
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state
from grainlight.synth.section import Sections, make_sections
from grainlight.training.stream import draw_size_range

_STRIDES = (1, 2, 3, 4, 5, 6, 8)
# A pixel and a point of one grain are one label up to the first angle, of any grain up to the second (degrees).
_TURNED, _ALIKE = 8.0, 3.0
# Largest share of the variance of the noise of A0, A2 and A4 that neighbouring pixels have in common, and how many
# values it takes from grain to grain.
_MOST_ALIKE, _LOTS = (0.9, 0.7, 0.4), 1024


@dataclass(frozen=True)
class LabelMixture:
    """Shares of what is drawn, and ranges.

    ``stride_shares`` of square grids of every 1, 2, 3, 4, 5, 6 and 8 pixels; ``scattered`` points and ``hexagonal``
    grids in their place; ``hidden``: no label revealed; ``dark``: no light; ``lying``: a region with light of another
    place; ``stacks``: batches of sections between two others, of which ``unmeasured`` have no points of their own;
    ``again``: how often a section is measured in a batch, each time in another way, since to make one takes longer;
    ``alike``: noise of the light that neighbouring pixels have in common.
    """

    stride_shares: tuple[float, ...] = (0.05, 0.26, 0.08, 0.34, 0.05, 0.08, 0.14)
    scattered: float = 0.14
    hexagonal: float = 0.06
    hidden: float = 0.4
    dark: float = 0.28
    lying: float = 0.2
    stacks: float = 0.0
    again: int = 1
    unmeasured: float = 0.65
    misindexed: float = 0.04
    blur: float = 1.5
    alike: float = 0.75


@dataclass(frozen=True, eq=False)
class Case:
    """A batch to learn from: what was ``measured``, and the truth.

    ``grain`` (B, H, W); ``embedding`` (B, 18, H, W) clean; ``given`` (B, H, W) false at misindexed points; ``beside``
    (2, B, H, W): grain that the maps of the sections below and above give to a pixel, None without such sections.
    """

    measured: Measurement
    grain: Tensor
    embedding: Tensor
    given: Tensor
    beside: Tensor | None = None

    def grain_rows(self) -> Tensor:
        """Grain (Q,) of every row of the measurement's tables; -1 where a point is of another orientation."""
        own = torch.where(self.given, self.grain, -1).reshape(-1)
        return own if self.beside is None else torch.cat((own, *(x.reshape(-1) for x in self.beside)))


def draw_case(draw: Draw, batch: int, patch: int, parts: int, mixture: LabelMixture | None = None) -> Case:
    """A batch of sections (patch, patch) of mixed grain sizes, and a measurement of each."""
    mixture = mixture or LabelMixture()
    each = math.ceil(batch / (parts * mixture.again))
    sections = [make_sections(draw, each, (patch, patch), draw_size_range(draw)) for _ in range(parts)]
    return measure(draw, sections * mixture.again, batch, mixture)


def measure(
    draw: Draw, sections: list[Sections], batch: int, mixture: LabelMixture, curves: Tensor | None = None
) -> Case:
    """Draw a measurement of each of the first ``batch`` sections.

    ``curves`` (B, 3, 4) of the light (`synth.light.draw_curves`); drawn if None.
    """
    orientation = torch.cat([s.orientation for s in sections])[:batch]
    grain = torch.cat([s.grain for s in sections])[:batch]
    clean = embed(orientation, dim=-3)
    points = draw_points(draw, batch, grain.shape[1], grain.shape[2], mixture)
    degrees = torch.where(draw.chance(0.7, batch), draw.uniform(0.1, 0.7, batch), draw.log_uniform(0.05, 5.0, batch))
    measured, given = _orientations(draw, orientation, points, degrees, mixture)
    # The stated level is the noise per channel: a third of the angle's variance for each tangent direction.
    noise = (degrees * PER_DEGREE / math.sqrt(3.0)).clamp(min=SIGMA_MIN)[:, None, None].expand_as(points)
    ideal = light_state(crystal_axes(orientation)[2], draw_curves(draw, batch) if curves is None else curves)
    light, sigma = _light(draw, ideal, grain, mixture)
    return Case(
        Measurement(
            points,
            torch.where(points[:, None], measured, 0.0),
            torch.where(points, noise, 0.0),
            torch.where(is_unknown(group_to_channel_light(sigma)), 0.0, light),
            sigma,
        ),
        grain,
        clean,
        given,
    )


def draw_points(draw: Draw, batch: int, rows: int, columns: int, mixture: LabelMixture) -> Tensor:
    """Pixels (B, rows, columns) that EBSD measures."""
    device = draw.device
    edges = torch.tensor(mixture.stride_shares).cumsum(0)
    pick = (draw.uniform(0.0, float(edges[-1]), batch, 1) > edges[:-1].to(device)).sum(-1)
    stride = torch.tensor(_STRIDES, device=device)[pick].view(-1, 1, 1)
    offset = draw.integer(1000, batch, 2, 1, 1)
    row = torch.arange(rows, device=device)[None, :, None] + offset[:, 0]
    column = torch.arange(columns, device=device)[None, None] + offset[:, 1]
    hexagonal = draw.chance(mixture.hexagonal, batch, 1, 1) & (stride > 1)
    # Rows of a hexagonal grid lie closer and are shifted by half a step in turn.
    apart = torch.where(hexagonal, (stride * (math.sqrt(3.0) / 2)).round().long().clamp(min=1), stride)
    shift = torch.where(hexagonal, torch.div(row, apart, rounding_mode="floor") % 2 * (stride // 2), 0)
    grid = (row % apart == 0) & ((column + shift) % stride == 0)
    scattered = draw.chance(draw.log_uniform(0.008, 0.4, batch, 1, 1), batch, rows, columns)
    points = torch.where(draw.chance(mixture.scattered, batch, 1, 1), scattered, grid)
    lost = draw.uniform(0.0, 0.2, batch, 1, 1) * draw.chance(0.35, batch, 1, 1)
    points = points & ~draw.chance(lost, batch, rows, columns)
    hole = draw.smooth_field(batch, 1, rows, columns, length=draw.scalar(4.0, 14.0))[:, 0] > 1.4
    return points & ~(hole & draw.chance(0.25, batch, 1, 1))


def _orientations(
    draw: Draw, orientation: Tensor, points: Tensor, degrees: Tensor, mixture: LabelMixture
) -> tuple[Tensor, Tensor]:
    """Measured embeddings (B, 18, H, W) and where they are of the right orientation (B, H, W)."""
    batch = len(points)
    wrong = draw.uniform(0.0, mixture.misindexed, batch, 1, 1) * draw.chance(0.4, batch, 1, 1)
    wrong = points & draw.chance(wrong, *points.shape)
    elsewhere = orientation.roll((1, 17), dims=(0, 1)).flip(2)
    q = torch.where(wrong[..., None], elsewhere, orientation)
    vector = draw.normal(*points.shape, 3) * torch.deg2rad(degrees / math.sqrt(3.0)).view(-1, 1, 1, 1)
    q = quaternion.multiply(quaternion.from_rotation_vector(vector), q)
    return embed(q, dim=-3), ~wrong


def _light(draw: Draw, clean: Tensor, grain: Tensor, mixture: LabelMixture) -> tuple[Tensor, Tensor]:
    """Measured light (B, 5, H, W) of grains (B, H, W) and its stated noise levels (B, 3, H, W)."""
    batch, _, rows, columns = clean.shape
    fourth = draw.log_uniform(0.008, 0.5, batch, 1)
    base = torch.cat(
        (fourth * draw.log_uniform(0.7, 4.0, batch, 1), fourth * draw.log_uniform(0.4, 2.5, batch, 1), fourth), 1
    )
    missing = draw.chance(torch.tensor((0.3, 0.12, 0.1), device=draw.device).expand(batch, 3), batch, 3)
    uneven = draw.uniform(0.0, 0.4, batch, 1, 1, 1) * draw.smooth_field(batch, 1, rows, columns, draw.scalar(6.0, 30.0))
    sigma = torch.where(missing[..., None, None], SIGMA_MAX, base[..., None, None] * uneven.exp())
    stain = draw.smooth_field(batch, 1, rows, columns, draw.scalar(3.0, 20.0)) > 1.6
    stain = stain & draw.chance(0.25, batch, 1, 1, 1)
    sigma = torch.where(stain, torch.maximum(sigma, draw.log_uniform(0.3, SIGMA_MAX, batch, 1, 1, 1)), sigma)
    sigma = torch.where(draw.chance(mixture.dark, batch, 1, 1, 1), SIGMA_MAX, sigma).clamp(SIGMA_MIN, SIGMA_MAX)
    light = blur_each(_lying(draw, clean, mixture), draw.uniform(0.0, mixture.blur, batch))
    wander = draw.smooth_field(batch, 1, rows, columns, draw.scalar(10.0, 50.0))
    light = light * (1 + draw.uniform(0.0, 0.08, batch, 1, 1, 1) * wander)
    # What a calibration states of the noise is not exact.
    stated = torch.where(draw.chance(0.7, batch, 3, 1, 1), draw.log_uniform(0.75, 1.7, batch, 3, 1, 1), 1.0)
    light = light + group_to_channel_light(sigma) * _noise(draw, grain, mixture)
    return light, torch.where(is_unknown(sigma), sigma, (sigma * stated).clamp(SIGMA_MIN, 0.98 * SIGMA_MAX))


def _noise(draw: Draw, grain: Tensor, mixture: LabelMixture) -> Tensor:
    """Noise (B, 5, H, W) of variance 1 in the light of grains (B, H, W), part of it alike in neighbouring pixels.

    What relief, dirt and uneven light leave after a calibration is no white noise: it is much the same over a grain or
    over some pixels, and no average over them makes it smaller.
    """
    batch, rows, columns = grain.shape
    white = draw.normal(batch, 5, rows, columns)
    most = torch.tensor(_MOST_ALIKE, device=draw.device)[None, :, None, None]
    share = draw.uniform(0.0, 1.0, batch, 3, 1, 1) * most * draw.chance(mixture.alike, batch, 1, 1, 1)
    share = group_to_channel_light(share)
    smooth = draw.smooth_field(batch, 5, rows, columns, draw.scalar(3.0, 12.0)) / 1.08
    lots = draw.normal(batch, 5, _LOTS)
    of_grain = lots.gather(2, (grain % _LOTS).view(batch, 1, -1).expand(-1, 5, -1)).view(white.shape)
    part = draw.uniform(0.0, 0.5, batch, 1, 1, 1)
    return (1 - share).sqrt() * white + share.sqrt() * ((1 - part).sqrt() * smooth + part.sqrt() * of_grain)


def _lying(draw: Draw, clean: Tensor, mixture: LabelMixture) -> Tensor:
    """Clean light (B, 5, H, W) with a region in which it is not the section's: one colour, or that of another place."""
    batch, _, rows, columns = clean.shape
    region = draw.smooth_field(batch, 1, rows, columns, draw.scalar(8.0, 40.0)) > draw.uniform(0.3, 1.6, batch, 1, 1, 1)
    region = region & draw.chance(mixture.lying, batch, 1, 1, 1)
    colour = draw.uniform(-0.6, 0.6, batch, 5, 1, 1) * draw.chance(0.6, batch, 5, 1, 1)
    colour = torch.cat((colour[:, :1] + 0.4, colour[:, 1:]), 1)
    moved = clean.roll((11, -13), dims=(2, 3))
    return torch.where(region, torch.where(draw.chance(0.65, batch, 1, 1, 1), colour, moved), clean)


def right_candidates(case: Case, candidates: Candidates) -> Tensor:
    """Whether a candidate lies in the grain of a pixel (n, 16, 16): pixels of a cell by candidates."""
    index = candidates.index
    embedding, noise = case.measured.orientation_rows()
    clean, theirs = to_cells(case.embedding), at_points(embedding, index)
    squared = torch.baddbmm(clean.square().sum(1)[:, :, None], clean.transpose(1, 2), theirs.transpose(1, 2), alpha=-2)
    away = (squared + theirs.square().sum(-1)[:, None]).clamp(min=0).sqrt() / PER_DEGREE
    # The noise of the point widens the limit.
    margin = 2 * math.sqrt(3.0) / PER_DEGREE * noise[index][:, None, :, 0]
    grain = case.grain_rows()[index]
    here = to_cells(case.grain[:, None])[:, 0]
    same = here[:, :, None] == grain[:, None]
    return ((same & (away < _TURNED + margin)) | (away < _ALIKE)) & candidates.usable[:, None]


def reveal(draw: Draw, case: Case, candidates: Candidates, right: Tensor, mixture: LabelMixture) -> Revealed:
    """Reveal the labels of some pixels that nobody measured: at random, or where a smooth field is high."""
    batch, rows, columns = case.grain.shape
    share = draw.uniform(0.0, 1.0, batch, 1, 1) ** 1.5
    order = draw.uniform(0.0, 1.0, batch, rows, columns)
    smooth = draw.smooth_field(batch, 1, rows, columns, draw.scalar(3.0, 16.0))[:, 0]
    # Of a Gaussian field, its distribution function is uniform.
    uniform = 0.5 * (1 + torch.erf(smooth / (1.1 * math.sqrt(2.0))))
    order = torch.where(draw.chance(0.3, batch, 1, 1), 0.35 * order + 0.65 * uniform, order)
    mask = (order < share) & ~draw.chance(mixture.hidden, batch, 1, 1) & ~case.measured.points
    lots = draw.uniform(0.0, 1.0, *right.shape)
    wrong = draw.uniform(0.0, 0.08, batch, 1, 1) * draw.chance(0.35, batch, 1, 1)
    wrong = to_cells(draw.chance(wrong, batch, rows, columns)[:, None])[:, 0]
    near = -candidates.offset.square().sum(1)[:, None] + 3 * lots - 1e3 * (~candidates.usable[:, None])
    chosen = torch.where(wrong, near.argmax(2), (lots * right).argmax(2))
    new = ~right.any(2) & ~wrong
    of_points = at_points(case.measured.orientation_rows()[0], candidates.index)
    taken = of_points.gather(1, chosen[..., None].expand(-1, -1, of_points.shape[2])).transpose(1, 2)
    taken = torch.where(new[:, None], to_cells(case.embedding), taken)
    new = from_cells(new[:, None], (rows, columns))[:, 0] & mask
    return Revealed(mask, torch.where(mask[:, None], from_cells(taken.contiguous(), (rows, columns)), 0.0), new)
