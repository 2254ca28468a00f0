"""Sections below and above: the candidates that they lend, and what a cell's pixels and candidates share with them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from grainlight.diffusion.candidates import (
    CELL,
    PIXELS,
    SLOTS,
    Candidates,
    distinct,
    find_candidates,
    nearest_point,
    nodes,
    point_spacing,
    to_cells,
)
from grainlight.diffusion.measurement import Measurement, Neighbours
from grainlight.diffusion.misfit import GROUPS, HALF, RELATIVE, TOLERANCE, capped, likeness
from grainlight.diffusion.state import is_unknown

LAYERS = 2
# Nodes in a neighbour lie this share of its distance apart, within these limits (pixels): boundaries move with height.
_APART, _NEAREST, _FARTHEST = 0.6, 3.0, 8.0

CHANNELS = (
    LAYERS * PIXELS * SLOTS  # orientation at the same place against the candidates'
    + LAYERS * PIXELS * 2  # light there against the pixel's own, and whether the orientation is known
    + LAYERS * 2  # distance, and whether there is such a section
    + SLOTS * 2  # candidate from another section, and its distance
)


@dataclass(frozen=True, eq=False)
class Beside:
    """Neighbours laid out by cells: ``known`` (n, 2, 16), ``embedding`` (n, 32, 18) layer by layer, ``light``
    (n, 2, 5, 16), ``sigma`` (n, 2, 3, 16), ``distance`` (n, 2) in pixels, 0 where there is no such section."""

    known: Tensor
    embedding: Tensor
    light: Tensor
    sigma: Tensor
    distance: Tensor

    def part(self, cells: slice) -> Beside:
        """Some of the cells."""
        return Beside(*(getattr(self, f.name)[cells] for f in fields(self)))


def lay_beside(neighbours: Neighbours) -> Beside:
    """Lay neighbours (B, 2, .., H, W) out by cells."""
    batch = len(neighbours.known)
    known = to_cells(neighbours.known.to(neighbours.light))
    cells = len(known)
    embedding = to_cells(neighbours.embedding.flatten(1, 2)).view(cells, LAYERS, -1, PIXELS)
    there = neighbours.known.flatten(2).any(2)
    distance = torch.where(there, neighbours.distance, 0.0)
    return Beside(
        known,
        embedding.transpose(2, 3).reshape(cells, LAYERS * PIXELS, -1),
        to_cells(neighbours.light.flatten(1, 2)).view(cells, LAYERS, -1, PIXELS),
        to_cells(neighbours.sigma.flatten(1, 2)).view(cells, LAYERS, -1, PIXELS),
        distance.repeat_interleave(cells // batch, 0),
    )


def compare_beside(
    beside: Beside, of_cells: Tensor, embedding: Tensor, width: Tensor, usable: Tensor, layer: Tensor
) -> Tensor:
    """Features (n, `CHANNELS`) of cells.

    Parameters
    ----------
    of_cells
        Light (n, 5) and its noise (n, 3) and more, (n, .., 16), of the cells' own pixels.
    embedding, width, usable
        Of the candidates: (n, 16, 18), `evidence.same_grain_width` (n, 16), (n, 16).
    layer
        Section (n, 16) that a candidate lies in: 0 the cell's own, 1 below, 2 above.
    """
    away = torch.baddbmm(embedding.square().sum(-1)[:, None], beside.embedding, embedding.transpose(1, 2), alpha=-2)
    away = away + beside.embedding.square().sum(-1)[:, :, None]
    alike = likeness(away, width[:, None]).mul_(beside.known.flatten(1)[:, :, None]).mul_(usable[:, None].to(away))
    misfit = torch.zeros_like(beside.known)
    for group, channels in enumerate(GROUPS):
        here, at, level = of_cells[:, None, channels], of_cells[:, None, 5 + group], beside.sigma[:, :, group]
        spread = here.square().sum(2) * RELATIVE**2 + at.square() + level.square() + TOLERANCE[group] ** 2
        both = ~is_unknown(at) & ~is_unknown(level)
        misfit = misfit + (here - beside.light[:, :, channels]).square().sum(2) / spread * both
    misfit = capped(misfit)
    far = torch.log1p(beside.distance) / 2
    none = far.new_zeros(len(far), 1)
    of_layer = torch.cat((none, far), 1).gather(1, layer)
    return torch.cat(
        (
            alike.flatten(1),
            (misfit / (misfit + HALF)).flatten(1),
            beside.known.flatten(1),
            far,
            (beside.distance > 0).to(far),
            (layer > 0).to(far),
            of_layer,
        ),
        1,
    )


def candidates_of(measured: Measurement) -> Candidates:
    """Candidates of every cell of a measurement, with neighbours or without."""
    nearest, spacing = nearest_point(measured.points), point_spacing(measured.points)
    if measured.neighbours is None:
        return find_candidates(nearest, spacing)
    return find_candidates_beside(nearest, spacing, measured.neighbours)


def find_candidates_beside(nearest: Tensor, spacing: Tensor, neighbours: Neighbours) -> Candidates:
    """Candidates of every cell: a section's own points, or, where it has none, places in the sections below and above.

    Parameters
    ----------
    nearest, spacing
        As for `find_candidates`, of the sections' own points.
    neighbours
        Nodes go to the sections below and above in turn, as on a chessboard, or all to the only one.
    """
    own = find_candidates(nearest, spacing)
    batch, rows, columns = nearest.shape
    there = neighbours.known.flatten(2).any(2)
    closest = torch.where(there, neighbours.distance, torch.inf).amin(1)
    apart = (_APART * closest).clamp(_NEAREST, _FARTHEST)
    cells = own.index.shape[0] // batch
    each = apart.view(-1, 1, 1).expand(batch, rows // CELL, columns // CELL)
    flat = nodes(each, (rows, columns)).view(-1, SLOTS)
    slot = torch.arange(SLOTS, device=nearest.device)
    turn = (slot // CELL + slot) % 2
    of_image = there.repeat_interleave(cells, 0)
    above = torch.where(of_image.all(1)[:, None], turn[None] == 1, ~of_image[:, :1])
    first = torch.arange(batch, device=nearest.device).repeat_interleave(cells)[:, None] * (rows * columns)
    index = flat + first + (1 + above.long()) * (batch * rows * columns)
    # Rows of `Measurement.orientation_rows`: those of the sections themselves come first.
    known = torch.cat([x.reshape(-1) for x in neighbours.known.unbind(1)])
    lent = distinct(index, known[index - batch * rows * columns], each, (rows, columns))
    measured = (nearest.flatten(1) >= 0).any(1).repeat_interleave(cells)
    return Candidates(
        torch.where(measured[:, None], own.index, lent.index),
        torch.where(measured[:, None], own.usable, lent.usable),
        torch.where(measured[:, None, None], own.offset, lent.offset),
        torch.where(measured, own.spacing, lent.spacing),
    )
