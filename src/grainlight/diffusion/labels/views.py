"""Labels averaged over the eight views of the square, which are exact symmetries of what is asked."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from grainlight.diffusion.labels.candidates import CELL, SLOTS, Candidates
from grainlight.diffusion.labels.measurement import Measurement, Revealed
from grainlight.diffusion.labels.network import Labels
from grainlight.diffusion.square import turn_ebsd, turn_ebsd_back, turn_image, turn_image_back, turn_light

Call = Callable[[Measurement, Revealed], tuple[Labels, Candidates]]


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


def average_views(call: Call, measured: Measurement, revealed: Revealed, views: int) -> tuple[Labels, Candidates]:
    """Mean probabilities over the first ``views`` of the eight views, for the candidates of the first."""
    shape = (measured.points.shape[1], measured.points.shape[2])
    labels, candidates = call(measured, revealed)
    if views == 1:
        return labels, candidates
    p = labels.logits.softmax(2)
    other: Tensor = labels.other / views
    for view in range(1, views):
        turned, _ = call(turn_measurement(measured, view), turn_revealed(revealed, view))
        turned = turn_labels_back(turned, view, shape)
        p += turned.logits.softmax(2)
        other += turned.other / views
    return Labels((p / views).clamp(min=1e-9).log(), other), candidates
