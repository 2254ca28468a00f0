"""What the network sees of a cell: how each of its pixels compares with each candidate, and with what is decided."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE, W2
from grainlight.diffusion.beside import Beside, compare_beside, lay_beside
from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, Candidates, at_points, by_pixel, to_cells
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.misfit import GROUPS, HALF, RELATIVE, TOLERANCE, capped, likeness
from grainlight.diffusion.state import SIGMA_MAX

# What light may differ by from what physics expects of an orientation, whose curves are not known (A0, A2, A4).
_CURVES = (0.20, 0.10, 0.12)
# Orientations closer than this many degrees are likely one grain's.
_SAME_GRAIN = 4.0
_UNKNOWN = 0.99 * SIGMA_MAX
# Pixels around a cell whose labels it sees directly, and the side of what it so sees.
_AROUND = 1
_SEEN_SIDE = CELL + 2 * _AROUND
SEEN = _SEEN_SIDE**2
PAIRS = torch.triu_indices(SLOTS, SLOTS, 1)
_SQRT3 = math.sqrt(3.0)

CHANNELS = (
    2 * PIXELS * SLOTS  # light: against the candidate's own, and against what its orientation should show
    + SEEN * SLOTS  # orientation of what is known around, against the candidates'
    + SLOTS * (SLOTS - 1) // 2  # orientations of the candidates among one another
    + PIXELS * (5 + 3 + 2)  # light, its noise, measured, revealed as new
    + SEEN  # known at all
    + SLOTS * (1 + 2 + 1)  # candidate usable, its place, its noise
    + 1  # spacing
)
_AGREES = range(2 * PIXELS * SLOTS, (2 * PIXELS + SEEN) * SLOTS)
_OF_CELLS = _AGREES.stop + SLOTS * (SLOTS - 1) // 2
_NEW_AND_KNOWN = range(_OF_CELLS + PIXELS * 9, _OF_CELLS + PIXELS * 10 + SEEN)
CHANGING = (*_AGREES, *_NEW_AND_KNOWN)
"""Features that depend on what is revealed: agreement with what is known around, revealed as new, known at all."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of every cell.

    ``features`` (n, `CHANNELS`); squared misfit (n, 16, 16) of the light of each pixel to each candidate's ``light``
    and to the light ``expected`` of its orientation, at most 100 each; squared ``distance`` in units of the spacing;
    ``usable`` (n, 16) candidates; ``beside`` (n, `beside.CHANNELS`), None without neighbours.
    """

    features: Tensor
    light: Tensor
    expected: Tensor
    distance: Tensor
    usable: Tensor
    beside: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Tables:
    """A measurement and what is revealed of it, ready to be looked up.

    Tables with a row for each pixel (see `Measurement`): ``embedding`` (P, 18) of measured points, ``light`` (P, 5),
    ``sigma`` (P, 3), ``noise`` (P, 1). Cells: ``of_cells`` (n, 10, 16): light, its noise, measured, revealed as new.
    With a row for each pixel of the images and of a rim of one pixel around them: ``around`` (Q, 18) orientation of
    what is known, and whether it is, ``known`` (Q,). ``size`` (H, W) of the images. ``beside``: sections below and
    above.
    """

    embedding: Tensor
    light: Tensor
    sigma: Tensor
    noise: Tensor
    of_cells: Tensor
    around: Tensor
    known: Tensor
    size: tuple[int, int]
    beside: Beside | None = None

    def seen(self, cells: slice) -> Tensor:
        """Rows (n, 36) of ``around`` that lie in and around some cells."""
        rows, columns = self.size
        number = torch.arange(len(self.of_cells), device=self.known.device)[cells]
        wide = columns // CELL
        each = rows // CELL * wide
        image, inside = torch.div(number, each, rounding_mode="floor"), number % each
        row, column = torch.div(inside, wide, rounding_mode="floor"), inside % wide
        line = columns + 2 * _AROUND
        first = (image * (rows + 2 * _AROUND) + row * CELL) * line + column * CELL
        side = torch.arange(_SEEN_SIDE, device=number.device)
        return first[:, None] + (side[:, None] * line + side).reshape(-1)


def ideal_light(embedding: Tensor) -> Tensor:
    """Canonical harmonics (..., 5) of weakly anisotropic crystals with embeddings (..., 18).

    As `optics.forward.curves.IDEAL`, straight from the l = 2 part: no axis need be found.
    """
    difference, product, height = (embedding[..., i] / W2 for i in (0, 1, 4))
    u, v = difference * (2 / _SQRT3), product * (2 / _SQRT3)
    s = (2 - 2 * height) / 3
    return torch.stack((s * s, u, v, u * u - v * v, 2 * u * v), -1)


def tabulate(measured: Measurement, revealed: Revealed) -> Tables:
    """Lay a batch (B, .., H, W) out by pixels and by cells."""
    masks = torch.stack((measured.points, revealed.new & revealed.mask), 1)
    of_points, noise = measured.orientation_rows()
    light, sigma = measured.light_rows()
    around, known = _around(measured, revealed)
    return Tables(
        of_points,
        light,
        sigma,
        noise,
        to_cells(torch.cat((measured.light, measured.sigma, masks.to(measured.light)), 1)),
        around,
        known,
        (measured.points.shape[1], measured.points.shape[2]),
        None if measured.neighbours is None else lay_beside(measured.neighbours),
    )


def with_revealed(tables: Tables, measured: Measurement, revealed: Revealed) -> Tables:
    """Tables of the same measurement, of which something else is revealed."""
    around, known = _around(measured, revealed)
    of_cells = tables.of_cells.clone()
    of_cells[:, 9] = to_cells((revealed.new & revealed.mask)[:, None].to(of_cells))[:, 0]
    return replace(tables, of_cells=of_cells, around=around, known=known)


def _around(measured: Measurement, revealed: Revealed) -> tuple[Tensor, Tensor]:
    """Orientation (Q, 18) of what is known, and whether it is (Q,), with a rim around the images."""
    known = measured.points | revealed.mask
    embedding = torch.where(revealed.mask[:, None], revealed.embedding, measured.embedding)
    rim = (_AROUND,) * 4
    return by_pixel(F.pad(embedding, rim)), F.pad(known, rim).reshape(-1)


def gather_changing(tables: Tables, candidates: Candidates, cells: slice = slice(None)) -> Tensor:
    """Features (n, `CHANGING`) of some cells that depend on what is revealed."""
    index, usable = candidates.index[cells], candidates.usable[cells]
    width = same_grain_width(at_points(tables.noise, index)[..., 0])
    seen = tables.seen(cells)
    known = tables.known[seen]
    agrees = _agreement(tables.around, seen, known, at_points(tables.embedding, index), width, usable)
    return torch.cat((agrees.flatten(1), tables.of_cells[cells, 9], known.to(width)), 1)


def gather_evidence(tables: Tables, candidates: Candidates, cells: slice = slice(None)) -> Evidence:
    """Compare the pixels of some cells with their candidates."""
    index, usable = candidates.index[cells], candidates.usable[cells]
    of_cells = tables.of_cells[cells]
    embedding = at_points(tables.embedding, index)
    alike, expected = _light_misfits(
        of_cells, at_points(tables.light, index), at_points(tables.sigma, index), ideal_light(embedding)
    )
    noise = at_points(tables.noise, index)[..., 0]
    width = same_grain_width(noise)
    seen = tables.seen(cells)
    known = tables.known[seen]
    agrees = _agreement(tables.around, seen, known, embedding, width, usable)
    there = usable.to(width)
    among = same_grain(embedding, width).mul_(there[:, :, None]).mul_(there[:, None]).flatten(1)
    among = among.index_select(1, (PAIRS[0] * SLOTS + PAIRS[1]).to(index.device))
    offset, spacing = candidates.offset[cells], candidates.spacing[cells]
    here = torch.arange(CELL, device=index.device) - (CELL - 1) / 2
    place = torch.stack(torch.meshgrid(here, here, indexing="ij")).reshape(1, 2, PIXELS, 1) / spacing.view(-1, 1, 1, 1)
    distance = _squared(place, offset.transpose(1, 2))
    features = torch.cat(
        (
            (alike / (alike + HALF)).flatten(1),
            (expected / (expected + HALF)).flatten(1),
            agrees.flatten(1),
            among,
            of_cells[:, :5].flatten(1),
            (of_cells[:, 5:8].log() / 4).flatten(1),
            of_cells[:, 8:].flatten(1),
            known.to(noise),
            there,
            (offset / 2).clamp(-4, 4).flatten(1),
            noise / (2 * PER_DEGREE),
            (spacing.log() / 2)[:, None],
        ),
        1,
    )
    beside = None
    if tables.beside is not None:
        layer = torch.div(index, len(tables.of_cells) * PIXELS, rounding_mode="floor")
        beside = compare_beside(tables.beside.part(cells), of_cells, embedding, width, usable, layer)
    return Evidence(features, alike, expected, distance, usable, beside)


def _light_misfits(of_cells: Tensor, own: Tensor, own_sigma: Tensor, ideal: Tensor) -> tuple[Tensor, Tensor]:
    """Squared misfit (n, 16, 16) of the light of each pixel to that of each candidate's point, and to the ideal."""
    alike = own.new_zeros(len(own), PIXELS, SLOTS)
    expected = torch.zeros_like(alike)
    for group, channels in enumerate(GROUPS):
        here, at = of_cells[:, channels, :, None], of_cells[:, 5 + group, :, None]
        known = at < _UNKNOWN
        # A GPU is not waited for to ask.
        if known.device.type == "cpu" and not bool(known.any()):
            continue
        level = own_sigma[:, None, :, group]
        strength = here.square().sum(1) * RELATIVE**2 + at.square()
        # What is unknown on either side is infinitely uncertain.
        of_pixel = torch.where(known, strength + TOLERANCE[group] ** 2, torch.inf)
        of_point = torch.where(level < _UNKNOWN, level.square(), torch.inf)
        alike.addcdiv_(_squared(here, own[:, :, channels]), of_pixel + of_point)
        expected.addcmul_(_squared(here, ideal[:, :, channels]), known / (strength + _CURVES[group] ** 2))
    return capped(alike), capped(expected)


def _squared(here: Tensor, there: Tensor) -> Tensor:
    """Squared distance (n, 16, k) of pixels (n, C, 16, 1) from candidates (n, k, C)."""
    away = here[:, 0] - there[:, None, :, 0]
    total = away.square()
    for channel in range(1, here.shape[1]):
        torch.sub(here[:, channel], there[:, None, :, channel], out=away)
        total.addcmul_(away, away)
    return total


def _agreement(around: Tensor, seen: Tensor, known: Tensor, embedding: Tensor, width: Tensor, usable: Tensor) -> Tensor:
    """Likeness (n, 36, 16), 0 to 1, of what is known in and around a cell to each candidate; 0 where nothing is."""
    out = embedding.new_zeros(len(seen), SEEN, SLOTS)
    # On a grid of points, before anything is revealed, most places are known in no cell.
    places = known.any(0).nonzero()[:, 0] if seen.device.type == "cpu" else torch.arange(SEEN, device=seen.device)
    if not len(places):
        return out
    some = F.embedding(seen[:, places], around)
    away = torch.baddbmm(embedding.square().sum(-1)[:, None], some, embedding.transpose(1, 2), alpha=-2)
    alike = likeness(away + some.square().sum(-1)[:, :, None], width[:, None])
    # Factors in turn: numbers times truth values are slow.
    out[:, places] = alike.mul_(known[:, places, None].to(alike)).mul_(usable[:, None].to(alike))
    return out


def same_grain_width(noise: Tensor) -> Tensor:
    """What a squared distance of two orientations is measured by: two points, three tangent directions each."""
    return (_SAME_GRAIN * PER_DEGREE) ** 2 + 6 * noise.square()


def same_grain(embedding: Tensor, width: Tensor) -> Tensor:
    """Likeness (n, 16, 16), 0 to 1, of the orientations (n, 16, 18) of candidates; ``width`` is `same_grain_width`."""
    square = embedding.square().sum(-1)
    among = torch.baddbmm(square[:, None], embedding, embedding.transpose(1, 2), alpha=-2) + square[:, :, None]
    return likeness(among, 0.5 * (width[:, :, None] + width[:, None]))
