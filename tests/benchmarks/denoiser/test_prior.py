"""Members of an ensemble come one at a time, in the view of the map, and nobody else holds them."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor

from benchmarks.peers.denoiser.prior import DenoiserPrior, members
from grainlight.diffusion.square import VIEWS
from grainlight.diffusion.state import CHANNELS, EBSD, LIGHT, SIGMA_MAX
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.settings import Plan


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


def test_a_sample_is_the_mean_of_its_members():
    measurement, sigma = torch.zeros(CHANNELS, 4, 5), torch.full((4, 4, 5), SIGMA_MAX)
    joint = JointMeasurement(measurement, sigma, None)
    drawn = DenoiserPrior(as_given).sample(joint, Plan(steps=1, samples=3, seed=2))
    each = list(members(as_given, measurement, sigma, 1, 3, 2))
    mean = sum(each) / 3
    torch.testing.assert_close(drawn.mean, mean[EBSD])
    torch.testing.assert_close(drawn.light, mean[LIGHT])
    assert drawn.guide is drawn.mean
    torch.testing.assert_close(torch.stack(drawn.members), torch.stack([state[EBSD].half() for state in each]))
    assert DenoiserPrior(as_given).sample(joint, Plan(steps=1, samples=1)).members == ()
