"""Turned and mirrored sections, the plain way: what a view of the network must answer."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.diffusion.candidates import CELL, SLOTS, Candidates
from grainlight.diffusion.measurement import Measurement, Neighbours, Revealed
from grainlight.diffusion.network import Labels
from grainlight.diffusion.square import turn_ebsd, turn_ebsd_back, turn_image, turn_image_back, turn_light


def turn_measurement(measured: Measurement, view: int) -> Measurement:
    """The measurement of the turned or mirrored sections."""
    if view == 0:
        return measured
    return Measurement(
        turn_image(measured.points, view),
        turn_ebsd(measured.embedding, view),
        turn_image(measured.noise, view),
        turn_light(measured.light, view),
        turn_image(measured.sigma, view),
        None if measured.neighbours is None else turn_neighbours(measured.neighbours, view),
    )


def turn_neighbours(neighbours: Neighbours, view: int) -> Neighbours:
    """The sections below and above the turned or mirrored sections; a mirror does not exchange them."""
    return Neighbours(
        turn_image(neighbours.known, view),
        turn_ebsd(neighbours.embedding, view),
        turn_image(neighbours.noise, view),
        turn_light(neighbours.light, view),
        turn_image(neighbours.sigma, view),
        neighbours.distance,
    )


def turn_revealed(revealed: Revealed, view: int) -> Revealed:
    """What is revealed of the turned or mirrored sections."""
    if view == 0:
        return revealed
    return Revealed(
        turn_image(revealed.mask, view), turn_ebsd(revealed.embedding, view), turn_image(revealed.new, view)
    )


def turn_labels_back(labels: Labels, view: int, shape: tuple[int, int]) -> Labels:
    """Labels of a turned section for the cells, pixels and candidates of the section itself, of a shape (H, W).

    The nodes that candidates are nearest to lie as the pixels of a cell do: both turn with it.
    """
    if view == 0:
        return labels
    rows, columns = shape if view % 2 == 0 else shape[::-1]
    grid = (-1, rows // CELL, columns // CELL)
    own = labels.logits[..., :SLOTS].view(*grid, CELL, CELL, CELL, CELL)
    for axes in ((1, 2), (3, 4), (5, 6)):
        own = turn_image_back(own.movedim(axes, (-2, -1)), view).movedim((-2, -1), axes)
    new = labels.logits[..., SLOTS].view(*grid, CELL, CELL)
    other = labels.other.view(*grid, labels.other.shape[1], CELL, CELL)
    for axes in ((1, 2), (-2, -1)):
        new = turn_image_back(new.movedim(axes, (-2, -1)), view).movedim((-2, -1), axes)
        other = turn_image_back(other.movedim(axes, (-2, -1)), view).movedim((-2, -1), axes)
    # The orientations themselves: their arrangement is turned back already.
    other = turn_ebsd_back(other, view, arrangement=False)
    n = len(labels.logits)
    logits = torch.cat((own.reshape(n, CELL * CELL, SLOTS), new.reshape(n, CELL * CELL, 1)), 2)
    return Labels(logits, other.reshape(n, -1, CELL * CELL))


def turn_candidates(candidates: Candidates, view: int, batch: int, shape: tuple[int, int]) -> Candidates:
    """Candidates of the cells of turned sections, of a shape (H, W) before: the same points, in the turned slots."""
    if view == 0:
        return candidates
    rows, columns = shape
    # Where each pixel is after the turn.
    before = turn_image(torch.arange(rows * columns, device=candidates.index.device).view(rows, columns), view)
    after = torch.empty(rows * columns, dtype=torch.long, device=before.device)
    after[before.reshape(-1)] = torch.arange(rows * columns, device=before.device)
    image = torch.div(candidates.index, rows * columns, rounding_mode="floor")
    index = after[candidates.index % (rows * columns)] + image * (rows * columns)
    # A turn of the arrangement is a turn of what points from a cell to its candidates.
    down, right = candidates.offset.unbind(1)
    for _ in range(view % 4):
        down, right = -right, down
    right = -right if view >= 4 else right
    grid = (batch, rows // CELL, columns // CELL)

    def turned(values: Tensor) -> Tensor:
        placed = values.view(*grid, CELL, CELL)
        for axes in ((1, 2), (3, 4)):
            placed = turn_image(placed.movedim(axes, (-2, -1)), view).movedim((-2, -1), axes)
        return placed.reshape(len(values), SLOTS)

    offset = torch.stack((turned(down), turned(right)), 1)
    spacing = turn_image(candidates.spacing.view(*grid), view).reshape(-1)
    return Candidates(turned(index), turned(candidates.usable), offset, spacing)
