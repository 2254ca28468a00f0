"""Planted wrong points are found; grains that the grid met once are not, where light shows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.diffusion.state import SIGMA_MAX
from grainlight.evaluation.degrade import degrade
from grainlight.restore.inputs import prepare
from grainlight.restore.points.misindexed import find_misindexed
from grainlight.restore.settings import Settings
from grainlight.synth.section_map import synthetic_section


@pytest.mark.parametrize(("scale", "level", "least"), [(1, None, 0.95), (1, "corrupted", 0.95), (2, "clean", 0.9)])
def test_wrong_points_are_found_and_good_ones_left(scale: int, level: str | None, least: float) -> None:
    task = degrade(
        synthetic_section(41, "equiaxed", (97, 97), 16.0, 1.0), scale=scale, level=level, seed=2, misindexed=0.03
    )
    ready = prepare(task.coarse, task.stack, Settings(scale=scale, register="none"))
    given_up = (ready.sigma[0] >= SIGMA_MAX).numpy()
    assert task.wrong.sum() > 30
    assert given_up[task.wrong].mean() >= least
    assert given_up[task.measured & ~task.wrong].mean() < 0.005


def test_a_single_point_in_its_own_light_is_a_grain_and_without_it_an_error() -> None:
    torch.manual_seed(0)
    from grainlight.crystal.embedding import embed
    from grainlight.crystal.quaternion import random
    from grainlight.optics.forward.curves import IDEAL

    matrix, grain = embed(random((2,), torch.Generator().manual_seed(5)))
    e = matrix[:, None, None].expand(18, 9, 9).clone()
    e[:, 4, 4] = grain
    light = IDEAL.of_embedding(e)
    sigma = torch.full((4, 9, 9), 0.05)
    one = np.ones((9, 9), np.int16)
    sigma[0] = 0.02
    assert not find_misindexed(torch.cat((e, light)), sigma, one).any()
    light[:, 4, 4] = light[:, 0, 0]
    found = find_misindexed(torch.cat((e, light)), sigma, one)
    assert found[4, 4]
    assert found.sum() == 1
    sigma[1:] = SIGMA_MAX
    assert np.array_equal(find_misindexed(torch.cat((e, light)), sigma, one), found)


def test_points_of_another_phase_or_far_away_do_not_outvote() -> None:
    from grainlight.crystal.embedding import embed
    from grainlight.crystal.quaternion import random

    e = embed(random((2,), torch.Generator().manual_seed(5)))
    image = e[0][:, None, None].expand(18, 17, 17).clone()
    image[:, ::4, ::4] = e[1][:, None, None]
    phase = np.ones((17, 17), np.int16)
    phase[::4, ::4] = 2
    sigma = torch.full((4, 17, 17), SIGMA_MAX)
    sigma[0] = 0.02
    state = torch.cat((image, torch.zeros(5, 17, 17)))
    assert not find_misindexed(state, sigma, phase).any()
    assert find_misindexed(state, sigma, np.ones_like(phase)).sum() <= 25


def test_light_of_another_place_does_not_take_the_points_away() -> None:
    from grainlight.crystal.embedding import embed
    from grainlight.crystal.quaternion import random
    from grainlight.optics.forward.curves import IDEAL

    e = embed(random((12, 12), torch.Generator().manual_seed(1)), dim=-3)
    light = IDEAL.of_embedding(embed(random((12, 12), torch.Generator().manual_seed(2)), dim=-3))
    sigma = torch.full((4, 12, 12), 0.05)
    found = find_misindexed(torch.cat((e, light)), sigma, np.ones((12, 12), np.int16))
    assert found.mean() <= 0.15
