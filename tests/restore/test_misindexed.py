"""Planted wrong points are found; grains that the grid met once are not, where light shows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.benchmark.degrade import degrade
from grainlight.cli.synthetic import section
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.restore.enhance import prepare
from grainlight.restore.misindexed import find_misindexed
from grainlight.restore.settings import Settings


@pytest.mark.parametrize(("scale", "level", "least"), [(1, None, 0.95), (1, "corrupted", 0.95), (2, "clean", 0.9)])
def test_wrong_points_are_found_and_good_ones_left(scale: int, level: str | None, least: float) -> None:
    task = degrade(section(41, "equiaxed", (97, 97), 16.0, 1.0), scale=scale, level=level, seed=2, misindexed=0.03)
    ready = prepare(task.coarse, task.stack, Settings(scale=scale, register="none"))
    given_up = (ready.sigma[0] >= SIGMA_MAX).numpy()
    assert task.wrong.sum() > 30
    assert given_up[task.wrong].mean() >= least
    assert given_up[task.measured & ~task.wrong].mean() < 0.005


def test_a_single_point_in_its_own_light_is_a_grain_and_without_it_an_error() -> None:
    torch.manual_seed(0)
    from grainlight.crystal.embedding import embed
    from grainlight.crystal.quaternion import random
    from grainlight.restore.grain_light import expected_light

    matrix, grain = embed(random((2,), torch.Generator().manual_seed(5)))
    e = matrix[:, None, None].expand(18, 9, 9).clone()
    e[:, 4, 4] = grain
    light = expected_light(e)
    sigma = torch.full((4, 9, 9), 0.05)
    sigma[0] = 0.02
    assert not find_misindexed(torch.cat((e, light)), sigma).any()
    light[:, 4, 4] = light[:, 0, 0]
    found = find_misindexed(torch.cat((e, light)), sigma)
    assert found[4, 4]
    assert found.sum() == 1
    sigma[1:] = SIGMA_MAX
    assert np.array_equal(find_misindexed(torch.cat((e, light)), sigma), found)
