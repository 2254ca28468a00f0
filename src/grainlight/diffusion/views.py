"""The network's first and last layer for sections seen in the eight views of the square, which are exact symmetries.

To turn or mirror a section is to exchange places among the features of a cell, and the signs of some. A first layer
whose weights are exchanged so sees the turned section in the features of the section as it is; a last layer whose rows
are, with the expected orientation turned back, answers for the section as it is.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from grainlight.diffusion import beside, evidence
from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS
from grainlight.diffusion.square import turn_ebsd_back, turn_image, turned_light

_SEEN_SIDE = round(evidence.SEEN**0.5)


def first_weight(weight: Tensor, view: int) -> Tensor:
    """Weights (w, `evidence.CHANNELS`) of a first layer, for a view."""
    source, sign = _features(view)
    return _exchanged(weight * sign.to(weight), source)


def beside_weight(weight: Tensor, view: int) -> Tensor:
    """Weights (w, `beside.CHANNELS`) of the layer of sections below and above, for a view."""
    return _exchanged(weight, _features_beside(view))


def last_rows(rows: Tensor, view: int) -> Tensor:
    """Rows (16 * 17 + 18 * 16, ..) of a last layer, its weights or its bias, for a view."""
    ends = PIXELS * (SLOTS + 1)
    pixels, slots = _turned(CELL, view), torch.cat((_turned(CELL, view), torch.tensor([SLOTS])))
    place = (pixels[:, None] * (SLOTS + 1) + slots).reshape(-1)
    logits = torch.empty_like(rows[:ends])
    logits[place.to(rows.device)] = rows[:ends]
    given = rows[ends:].reshape(-1, PIXELS, rows[0].numel())
    other = torch.empty_like(given)
    other[:, pixels.to(rows.device)] = given
    back = turn_ebsd_back(other, view, arrangement=False)
    return torch.cat((logits, back.reshape(rows[ends:].shape)))


def _exchanged(weight: Tensor, source: Tensor) -> Tensor:
    """Columns for features as they are, of a layer that would see those of ``source``."""
    out = torch.empty_like(weight)
    out[:, source.to(weight.device)] = weight
    return out


def _turned(side: int, view: int) -> Tensor:
    """Which place (side^2,) of a square stands in each place of the turned one."""
    return turn_image(torch.arange(side * side).view(side, side), view).reshape(-1)


def _pairs(first: Tensor, second: Tensor, of: int) -> Tensor:
    """Places of all pairs of places, the second of ``of``, row by row."""
    return (first[:, None] * of + second).reshape(-1)


@functools.cache
@torch.inference_mode(False)
def _features(view: int) -> tuple[Tensor, Tensor]:
    """Which feature (C,) of a section stands in the place of each of the turned one, and with which sign (C,)."""
    pixels = slots = _turned(CELL, view)
    seen = _turned(_SEEN_SIDE, view)
    pairs = evidence.PAIRS
    number = torch.zeros(SLOTS, SLOTS, dtype=torch.long)
    number[pairs[0], pairs[1]] = number[pairs[1], pairs[0]] = torch.arange(pairs.shape[1])
    signs = turned_light(view)
    # A quarter turn takes (down, right) to (-right, down), a mirror right to -right.
    axes, towards = torch.tensor([0, 1]), torch.ones(2)
    for _ in range(view % 4):
        axes, towards = axes.flip(0), towards.flip(0) * torch.tensor([-1.0, 1.0])
    towards[1] *= -1.0 if view >= 4 else 1.0
    kinds = torch.arange(5)
    one = torch.zeros(1, dtype=torch.long)
    blocks = (
        (_pairs(pixels, slots, SLOTS), None),
        (_pairs(pixels, slots, SLOTS), None),
        (_pairs(seen, slots, SLOTS), None),
        (number[slots[pairs[0]], slots[pairs[1]]], None),
        (_pairs(kinds, pixels, PIXELS), signs.repeat_interleave(PIXELS)),
        (_pairs(kinds[:3], pixels, PIXELS), None),
        (_pairs(kinds[:2], pixels, PIXELS), None),
        (seen, None),
        (slots, None),
        (_pairs(axes, slots, SLOTS), towards.repeat_interleave(SLOTS)),
        (slots, None),
        (one, None),
    )
    sign = torch.cat([torch.ones(len(place)) if s is None else s for place, s in blocks])
    return _in_turn([place for place, _ in blocks]), sign


@functools.cache
@torch.inference_mode(False)
def _features_beside(view: int) -> Tensor:
    """As `_features`, of sections below and above; no sign changes."""
    pixels = slots = _turned(CELL, view)
    layers = torch.arange(beside.LAYERS)
    at = _pairs(layers, pixels, PIXELS)
    two = torch.arange(2 * beside.LAYERS)
    return _in_turn([_pairs(at, slots, SLOTS), at, at, two, slots, slots])


def _in_turn(blocks: list[Tensor]) -> Tensor:
    """Places within blocks as places in all of them."""
    begins = torch.tensor([0, *(len(block) for block in blocks)]).cumsum(0)
    return torch.cat([block + begin for block, begin in zip(blocks, begins, strict=False)])
