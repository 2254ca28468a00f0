"""What is probable without the light: energies of grains, and what the chain makes of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, find_candidates, nearest_point, point_spacing
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.network import Labels
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.optics.forward.curves import IDEAL
from grainlight.restore.labelling.descent import RelabelSettings, relabel
from grainlight.restore.sampling.grain_prior import GrainPrior
from grainlight.restore.settings import Settings

ROWS, COLUMNS = 12, 20
# Of the map in the batch that is asked, which is grown to whole cells.
INSIDE = 18


def grains() -> Tensor:
    """Embeddings (3, 18) of three grains."""
    return embed(random((3,), torch.Generator().manual_seed(4)))


def measured_halves(left: Tensor, right: Tensor) -> Measurement:
    """Every second pixel of two grains, side by side, is measured; no light."""
    points = torch.zeros(1, ROWS, COLUMNS, dtype=torch.bool)
    points[:, ::2, ::2] = True
    beyond = (torch.arange(COLUMNS) >= COLUMNS // 2).expand(1, 1, ROWS, COLUMNS)
    embedding = torch.where(beyond, right[None, :, None, None], left[None, :, None, None])
    return Measurement(
        points,
        torch.where(points[:, None], embedding, 0.0),
        torch.where(points, 0.03, 0.0),
        torch.zeros(1, 5, ROWS, COLUMNS),
        torch.full((1, 3, ROWS, COLUMNS), SIGMA_MAX),
    )


def prior_of(measured: Measurement, logits: Tensor) -> GrainPrior:
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    return GrainPrior.of(Labels(logits, torch.zeros(len(logits), 18, PIXELS)), candidates, measured, INSIDE)


def test_energy_is_that_of_the_candidates_of_a_grain_together() -> None:
    left, right, other = grains()
    measured = measured_halves(left, right)
    cells = ROWS * COLUMNS // PIXELS
    logits = torch.randn(cells, PIXELS, SLOTS + 1, generator=torch.Generator().manual_seed(2))
    prior = prior_of(measured, logits)
    at = torch.tensor([0, 5, INSIDE - 1, 3 * INSIDE + 9, (ROWS - 1) * INSIDE + 11])
    found = prior.energy(at, torch.stack((left, right, other)).expand(len(at), 3, 18))
    for pixel, energies in zip(at.tolist(), found.tolist(), strict=True):
        row, column = divmod(pixel, INSIDE)
        cell = row // CELL * (COLUMNS // CELL) + column // CELL
        p = logits[cell, row % CELL * CELL + column % CELL].softmax(0)
        usable, index = prior.candidates.usable[cell], prior.candidates.index[cell]
        is_right = index % COLUMNS >= COLUMNS // 2
        # Nobody measured the third grain.
        shares = [float(p[:SLOTS][usable & ~is_right].sum()), float(p[:SLOTS][usable & is_right].sum())]
        here = [bool((usable & ~is_right).any()), bool((usable & is_right).any())]
        expected = [s + 0.01 + (0.0 if h else 0.3 * float(p[SLOTS])) for s, h in zip(shares, here, strict=True)]
        expected.append(0.3 * float(p[SLOTS]) + 0.01)
        assert energies == pytest.approx([-math.log(e) for e in expected], abs=1e-4)


def halves_likely(measured: Measurement, last_left: int) -> GrainPrior:
    """A prior by which columns up to one are in the left grain, and the others in the right one."""
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    cell = torch.arange(len(candidates.index)) % (COLUMNS // CELL)
    column = cell[:, None] * CELL + torch.arange(PIXELS) % CELL
    is_right = candidates.index % COLUMNS >= COLUMNS // 2
    likely = 9.0 * ((column > last_left)[:, :, None] == is_right[:, None])
    logits = torch.cat((likely, torch.full_like(likely[:, :, :1], -9.0)), 2)
    return GrainPrior.of(Labels(logits, torch.zeros(len(logits), 18, PIXELS)), candidates, measured, COLUMNS)


def test_the_chain_follows_it_where_the_light_is_too_weak_to_decide() -> None:
    left, right, _ = grains()
    measured = measured_halves(left, right)
    middle = COLUMNS // 2
    column = torch.arange(COLUMNS).expand(ROWS, COLUMNS)
    # In the column between them the grains alternate: boundaries are as long whichever of them takes it.
    beyond = (column > middle) | ((column == middle) & (torch.arange(ROWS)[:, None] % 2 == 0))
    e = torch.where(beyond, right[:, None, None], left[:, None, None])
    dim = IDEAL.of_embedding(e) + 0.5 * torch.randn(5, ROWS, COLUMNS, generator=torch.Generator().manual_seed(1))
    nowhere, how = torch.zeros(ROWS, COLUMNS, dtype=torch.bool), RelabelSettings(sweeps=0, visits=20, unlit=1.0)
    for last_left, share in ((middle, 1.0), (middle - 1, 0.0)):
        prior = halves_likely(measured, last_left)
        # A guide that is as far from the one grain as from the other.
        found = relabel(e, torch.zeros_like(e), nowhere, dim, torch.full_like(dim, 0.5), how, unlit=prior).embedding
        is_left = (found[:, :, middle] - left[:, None]).norm(dim=0) < 0.1
        assert float(is_left.float().mean()) == pytest.approx(share, abs=0.1)
        # Light that can be seen decides, whatever was likely without it.
        clear = IDEAL.of_embedding(e)
        sure = relabel(e, torch.zeros_like(e), nowhere, clear, torch.full_like(clear, 0.03), how, unlit=prior)
        assert torch.equal(sure.embedding, e)


def test_calls_of_the_network_count_those_without_light() -> None:
    fast, balanced = Settings(scale=2, quality="fast"), Settings(scale=2, quality="balanced")
    assert fast.network_calls(has_light=True) == fast.network_calls(has_light=False) == 1
    # four views, the first of which begins both samples, and their later steps; with light a draft, and one without it
    assert balanced.network_calls(has_light=False) == 8
    assert balanced.network_calls(has_light=True) == 10
