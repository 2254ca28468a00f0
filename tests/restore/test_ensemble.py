"""Members of an ensemble come one at a time, in the view of the map, and nobody else holds them."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.square import VIEWS
from grainlight.diffusion.state import CHANNELS, SIGMA_MAX
from grainlight.restore.ensemble import members, restore_ensemble
from grainlight.restore.grain_light import expected_light
from grainlight.restore.projection import find_neighbours


def as_given(x: Tensor, sigma: Tensor) -> Tensor:
    return x.clone()


def test_members_are_back_in_the_view_of_the_map_and_their_noise_is_their_own():
    measurement = torch.randn(CHANNELS, 6, 9, generator=torch.Generator().manual_seed(0))
    sigma = torch.full((4, 6, 9), 0.1)
    sigma[:, 2:, 3:] = SIGMA_MAX
    known = sigma[0] < SIGMA_MAX
    found = list(members(as_given, measurement, sigma, 1, VIEWS + 1, 7))
    assert len(found) == VIEWS + 1
    for state in found:
        torch.testing.assert_close(state[:, known], measurement[:, known], atol=1e-4, rtol=0)
    # the first and the last are of one view
    assert not torch.allclose(found[0][:, ~known], found[VIEWS][:, ~known])
    again = list(members(as_given, measurement, sigma, 1, 2, 7))
    assert all(torch.equal(one, other) for one, other in zip(again, found, strict=False))


def test_a_member_is_gone_once_its_reader_lets_go():
    measurement, sigma = torch.zeros(CHANNELS, 4, 4), torch.full((4, 4, 4), 0.1)
    reading = members(as_given, measurement, sigma, 1, 3, 0)
    for _ in range(3):
        state = next(reading)
        held = weakref.ref(state)
        del state
        assert held() is None


def test_the_seed_reaches_the_chain_that_places_boundaries():
    """The denoiser says the same whatever noise it is given: what differs between seeds is the chain's."""
    side = 32
    left, right = embed(random((2,), torch.Generator().manual_seed(11)))
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    e = torch.where(column + 0.3 * row > 0.65 * side, right[:, None, None], left[:, None, None])
    light = expected_light(e)
    noisy = light + 0.5 * torch.randn(light.shape, generator=torch.Generator().manual_seed(3))
    truth = torch.cat((e, light))
    measured = (row % 4 == 0) & (column % 4 == 0)
    sigma = torch.full((4, side, side), 0.5)
    sigma[0] = torch.where(measured, 0.01, SIGMA_MAX)
    found = [
        restore_ensemble(
            lambda x, _: truth,
            torch.cat((e, noisy)),
            sigma,
            find_neighbours(measured),
            steps=1,
            samples=1,
            seed=seed,
            visits=3,
        ).boundary
        for seed in (0, 0, 1)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
