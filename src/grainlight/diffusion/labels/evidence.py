"""What the network sees of a cell: how each of its pixels compares with each candidate, and with what is decided."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE, W2
from grainlight.diffusion.labels.candidates import CELL, PIXELS, SLOTS, Candidates, at_points, to_cells
from grainlight.diffusion.labels.measurement import Measurement, Revealed
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.optics.forward.curves import IDEAL

# What the light of two pixels of a grain may differ by beyond noise (A0, A2, A4), and the share of its strength on top.
_TOLERANCE, _RELATIVE = (0.02, 0.02, 0.02), 0.10
# The same where the light is compared with what physics expects of an orientation, whose curves are not known.
_CURVES = (0.20, 0.10, 0.12)
# A squared difference beyond this says no more than "another grain".
_MOST = 100.0
# Orientations closer than this many degrees are likely one grain's.
_SAME_GRAIN = 4.0
_UNKNOWN = 0.99 * SIGMA_MAX
# Pixels around a cell whose labels it sees directly, and the side of what it so sees.
_AROUND = 1
_SEEN = (CELL + 2 * _AROUND) ** 2
_GROUPS = (slice(0, 1), slice(1, 3), slice(3, 5))
_PAIRS = torch.triu_indices(SLOTS, SLOTS, 1)
_SQRT3 = math.sqrt(3.0)

CHANNELS = (
    2 * PIXELS * SLOTS  # light: against the candidate's own, and against what its orientation should show
    + _SEEN * SLOTS  # orientation of what is known around, against the candidates'
    + SLOTS * (SLOTS - 1) // 2  # orientations of the candidates among one another
    + PIXELS * (5 + 3 + 2)  # light, its noise, measured, revealed as new
    + _SEEN  # known at all
    + SLOTS * (1 + 2 + 1)  # candidate usable, its place, its noise
    + 1  # spacing
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of every cell (B, .., h, w): ``features`` (B, `CHANNELS`, h, w); squared misfit (B, 16, 16, h, w) of the light of
    each pixel to each candidate's ``light`` and to the light ``expected`` of its orientation, at most `_MOST` each, and
    squared ``distance`` in units of the spacing; ``usable`` (B, 16, h, w) candidates."""

    features: Tensor
    light: Tensor
    expected: Tensor
    distance: Tensor
    usable: Tensor


def ideal_light(embedding: Tensor) -> Tensor:
    """Canonical harmonics (B, 5, ...) of weakly anisotropic crystals with embeddings (B, 18, ...).

    Straight from the l = 2 part: no axis need be found.
    """
    difference, product, height = (embedding[:, i] / W2 for i in (0, 1, 4))
    u, v = difference * (2 / _SQRT3), product * (2 / _SQRT3)
    s = (2 - 2 * height) / 3
    return IDEAL.light(torch.stack((s, u, v))).movedim(0, 1)


def gather_evidence(measured: Measurement, revealed: Revealed, candidates: Candidates) -> Evidence:
    """Compare the pixels of a batch (B, .., H, W) with their candidates."""
    index, usable = candidates.index, candidates.usable
    light = to_cells(measured.light)
    sigma = to_cells(measured.sigma)
    own = at_points(measured.light, index)
    own_sigma = at_points(measured.sigma, index)
    embedding = at_points(measured.embedding, index)
    ideal = ideal_light(embedding)
    alike = torch.zeros_like(light[:, :1, :, None].expand(-1, -1, -1, SLOTS, -1, -1)[:, 0])
    as_expected = alike.clone()
    for group, channels in enumerate(_GROUPS):
        here, at = light[:, channels, :, None], sigma[:, group, :, None]
        there, level = own[:, channels, None], own_sigma[:, group, None]
        strength = here.square().sum(1) * _RELATIVE**2
        known = at < _UNKNOWN
        spread = strength + _TOLERANCE[group] ** 2 + at.square() + level.square()
        alike = alike + ((here - there).square().sum(1) / spread) * (known & (level < _UNKNOWN))
        spread = strength + _CURVES[group] ** 2 + at.square()
        as_expected = as_expected + ((here - ideal[:, channels, None]).square().sum(1) / spread) * known
    alike, as_expected = _capped(alike), _capped(as_expected)
    noise = at_points(measured.noise[:, None], index)[:, 0]
    known = measured.points | revealed.mask
    seen, seen_known = _surroundings(measured, revealed, known)
    rows, columns = usable.shape[2:]
    near = torch.einsum("bcqhw,bckhw->bqkhw", seen, embedding)
    norm = (seen.square().sum(1)[:, :, None] + embedding.square().sum(1)[:, None]) - 2 * near
    width = _width(noise)
    agrees = torch.exp(-norm.clamp(min=0) / width[:, None]) * (seen_known[:, :, None] & usable[:, None])
    pairs = _PAIRS.to(index.device)
    among = same_grain(embedding, noise)[:, pairs[0], pairs[1]] * (usable[:, pairs[0]] & usable[:, pairs[1]])
    spacing = (candidates.spacing.log() / 2).view(-1, 1, 1, 1).expand(-1, 1, rows, columns)
    here = torch.arange(CELL, device=index.device) - (CELL - 1) / 2
    place = torch.stack(torch.meshgrid(here, here, indexing="ij")).reshape(1, 2, PIXELS, 1, 1, 1)
    place = place / candidates.spacing.view(-1, 1, 1, 1, 1, 1)
    distance = (place - candidates.offset[:, :, None]).square().sum(1)
    mask = to_cells(torch.stack((measured.points, revealed.new & revealed.mask), 1).float())
    features = torch.cat(
        (
            (alike / (alike + 8)).flatten(1, 2),
            (as_expected / (as_expected + 8)).flatten(1, 2),
            agrees.flatten(1, 2),
            among,
            light.flatten(1, 2),
            (sigma.log() / 4).flatten(1, 2),
            mask.flatten(1, 2),
            seen_known.float(),
            usable.float(),
            (candidates.offset / 2).clamp(-4, 4).flatten(1, 2),
            noise / (2 * PER_DEGREE),
            spacing,
        ),
        1,
    )
    return Evidence(features, alike, as_expected, distance, usable)


def _capped(squared: Tensor) -> Tensor:
    return _MOST * squared / (_MOST + squared)


def _width(noise: Tensor) -> Tensor:
    """What a squared distance of two orientations is measured by: two points, three tangent directions each."""
    return (_SAME_GRAIN * PER_DEGREE) ** 2 + 6 * noise.square()


def same_grain(embedding: Tensor, noise: Tensor) -> Tensor:
    """Likeness (B, 16, 16, h, w), 0 to 1, of the orientations (B, 18, 16, h, w) of candidates with given noise."""
    square = embedding.square().sum(1)
    among = square[:, :, None] + square[:, None] - 2 * torch.einsum("bckhw,bclhw->bklhw", embedding, embedding)
    width = _width(noise)
    return torch.exp(-among.clamp(min=0) / (0.5 * (width[:, :, None] + width[:, None])))


def _surroundings(measured: Measurement, revealed: Revealed, known: Tensor) -> tuple[Tensor, Tensor]:
    """Orientation (B, 18, 36, h, w) of what is known in and around each cell, and whether it is (B, 36, h, w)."""
    embedding = torch.where(revealed.mask[:, None], revealed.embedding, measured.embedding)
    both = torch.cat((embedding, known[:, None].to(embedding)), 1)
    both = F.pad(both, (_AROUND,) * 4)
    side = CELL + 2 * _AROUND
    windows = both.unfold(2, side, CELL).unfold(3, side, CELL)
    windows = windows.permute(0, 1, 4, 5, 2, 3).flatten(2, 3)
    return windows[:, :-1], windows[:, -1] > 0.5
