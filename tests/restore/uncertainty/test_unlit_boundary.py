"""Boundaries without light: as many as the measured points say, spread over where they may run."""

from __future__ import annotations

import math

import pytest
import torch

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.restore.labelling.label import project_measured
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.uncertainty.surroundings import surroundings
from grainlight.restore.uncertainty.unlit_boundary import either, unlit_boundary

NOISE = 0.5 * PER_DEGREE / math.sqrt(3.0)


def telegraph(size: int, rate: float, seed: int) -> torch.Tensor:
    """Embedding (18, size, size) of rows in which the orientation changes at random, ``rate`` times per pixel."""
    generator = torch.Generator().manual_seed(seed)
    number = (torch.rand(size, generator=generator) < 1 - math.exp(-rate)).long().cumsum(0)
    grains = embed(random((int(number.max()) + 1,), generator, dtype=torch.float64).float(), dim=-1)
    return grains[number].T[:, None].expand(18, size, size).contiguous()


def seen(e: torch.Tensor, scale: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Joint state and noise levels of a map that is measured at every ``scale``-th pixel."""
    sigma = torch.full((4, *e.shape[1:]), SIGMA_MAX)
    sigma[0, ::scale, ::scale] = NOISE
    return torch.cat((e, torch.zeros(5, *e.shape[1:]))), sigma


def answer(e: torch.Tensor, guide: torch.Tensor, scale: int) -> torch.Tensor:
    measurement, sigma = seen(e, scale)
    measured = sigma[0] < SIGMA_MAX
    around = surroundings(measurement, sigma, find_neighbours(measured))
    return unlit_boundary(e, guide, sigma[0], measured, around, torch.ones_like(measured))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_rate_of_random_crossings_is_found_at_every_scale(scale):
    rates = []
    for seed in range(6):
        e = telegraph(193, 0.05, seed)
        measurement, sigma = seen(e, scale)
        # only along rows does anything change: half of the four neighbours
        rates.append(surroundings(measurement, sigma, find_neighbours(sigma[0] < SIGMA_MAX)).rate)
    assert 0.6 * 0.025 < sum(rates) / len(rates) < 1.4 * 0.025


def test_grains_of_one_size_have_fewer_boundaries_than_random_crossings_would():
    """Stripes of ten pixels: 1/10 along rows, none along columns."""
    generator = torch.Generator().manual_seed(4)
    stripes = embed(random((20,), generator, dtype=torch.float64).float(), dim=-1)
    e = stripes[torch.arange(193) // 10].T[:, None].expand(18, 193, 193).contiguous()
    for scale in (2, 4, 8):
        measurement, sigma = seen(e, scale)
        found = surroundings(measurement, sigma, find_neighbours(sigma[0] < SIGMA_MAX))
        assert 0.04 < found.density < found.rate
        assert abs(found.density - 0.05) < abs(found.rate - 0.05)


def test_a_boundary_lies_somewhere_between_two_points_that_differ():
    size, scale = 65, 8
    generator = torch.Generator().manual_seed(3)
    left, right = embed(random((2,), generator, dtype=torch.float64).float(), dim=-1)
    share = ((torch.arange(size) - 32.0) / scale).clamp(0.0, 1.0)
    guide = (left[:, None] * (1 - share) + right[:, None] * share)[:, None].expand(18, size, size)
    e = torch.where(share < 0.5, left[:, None], right[:, None])[:, None].expand(18, size, size)
    p = answer(e.contiguous(), guide.contiguous(), scale)[:-1]
    gap = p[:, 32:40]
    assert 0.6 < float(gap.sum(1).mean()) < 1.8
    assert float(gap.max()) < 0.6
    assert float(gap.min()) > 2 * float(p[:, 8:24].mean())


def test_one_grain_has_no_boundary_however_noisy_its_points():
    generator = torch.Generator().manual_seed(5)
    guide = embed(random((1,), generator, dtype=torch.float64).float(), dim=-1).T[:, :, None].expand(18, 40, 40)
    noisy = guide + 5 * PER_DEGREE / math.sqrt(3.0) * torch.randn(guide.shape, generator=generator) / math.sqrt(6.0)
    sigma = torch.full((4, 40, 40), SIGMA_MAX)
    sigma[0] = 5 * PER_DEGREE / math.sqrt(3.0)
    measured = torch.ones(40, 40, dtype=torch.bool)
    state, neighbours = torch.cat((noisy, torch.zeros(5, 40, 40))), find_neighbours(measured)
    around = surroundings(state, sigma, neighbours)
    # The map is what the projection makes of the points, even of a network that repeats them.
    e = project_measured(JointMeasurement(state, sigma, neighbours), noisy).embedding
    p = unlit_boundary(e, guide.contiguous(), sigma[0], measured, around, measured)
    assert float(p.mean()) < 0.05


def test_either_of_two_edges():
    a, b = torch.rand(2, 100, generator=torch.Generator().manual_seed(0))
    found = either(a, b)
    assert bool((found >= torch.maximum(a, b) - 1e-6).all())
    assert bool((found <= 1 - (1 - a) * (1 - b) + 1e-6).all())
    assert torch.allclose(either(a, torch.zeros(100)), a)


def test_a_grain_is_missed_where_points_are_far_and_the_network_unsure():
    e = telegraph(65, 0.1, 1)
    measurement, sigma = seen(e, 8)
    around = surroundings(measurement, sigma, find_neighbours(sigma[0] < SIGMA_MAX))
    sure, unsure = (around.missed(torch.full((65, 65), variance)) for variance in (0.001, 0.3))
    assert bool((unsure >= sure).all())
    assert float(sure.min()) >= 0
    assert float(unsure.max()) < 1
    assert bool((unsure[::8, ::8] == 0).all())
    assert float(unsure[4, 4]) > float(unsure[0, 1])
