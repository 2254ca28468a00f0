"""Noise fields state the noise that is there."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from benchmarks.peers.denoiser.noise import NoiseMixture, draw_noise_field
from benchmarks.peers.denoiser.parts import PART_SIZES, PART_STD, group_to_part, part_to_channel
from benchmarks.peers.denoiser.stream import clean_states
from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import (
    EBSD,
    GROUP_SIZES,
    LIGHT,
    SIGMA_MAX,
    SIGMA_MIN,
    group_to_channel,
    group_to_channel_light,
)
from grainlight.synth.draw import Draw

HONEST = NoiseMixture(misindexed=0.0, blur=0.0)


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    return clean_states(Draw.seeded(1), 64, 32, (8.0, 12.0))


def test_layout_of_groups_and_parts() -> None:
    groups = torch.arange(4.0).view(4, 1, 1)
    assert group_to_channel(groups).flatten().tolist() == [0.0] * 18 + [1.0] + [2.0] * 2 + [3.0] * 2
    assert torch.equal(group_to_channel_light(groups[1:]), group_to_channel(groups)[LIGHT])
    assert group_to_part(groups).flatten().tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    parts = torch.arange(5.0).view(1, 5, 1, 1).expand(2, 5, 3, 4)
    channels = part_to_channel(parts)
    assert channels.shape == (2, 23, 3, 4)
    assert channels[0, :, 0, 0].tolist() == [0.0] * 5 + [1.0] * 13 + [2.0] + [3.0] * 2 + [4.0] * 2
    assert sum(GROUP_SIZES) == sum(PART_SIZES) == 23


def test_part_deviations_are_those_of_the_stream() -> None:
    states = torch.cat([clean_states(Draw.seeded(s), 48, 32, (10.0, 14.0)) for s in range(6)])
    parts = states.std((0, 2, 3)).split(PART_SIZES)
    for found, stated in zip(parts, PART_STD, strict=True):
        assert float(found.mean()) == pytest.approx(stated, rel=0.15)


def test_same_seed_same_field(clean: torch.Tensor) -> None:
    one, two = (draw_noise_field(Draw.seeded(5), clean) for _ in range(2))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])


def test_levels_stay_in_range(clean: torch.Tensor) -> None:
    x, sigma = draw_noise_field(Draw.seeded(5), clean)
    assert x.shape == clean.shape
    assert sigma.shape == (64, 4, 32, 32)
    assert sigma.min() >= SIGMA_MIN
    assert sigma.max() <= SIGMA_MAX
    assert bool(torch.isfinite(x).all())


def test_stated_noise_is_the_noise(clean: torch.Tensor) -> None:
    for seed in range(4):
        x, sigma = draw_noise_field(Draw.seeded(seed), clean, HONEST)
        z = ((x - clean) / group_to_channel(sigma))[:, EBSD]
        assert float(z.mean()) == pytest.approx(0, abs=0.01)
        assert float(z.square().mean()) == pytest.approx(1, abs=0.01)
        # Level by level too: small ones are where a fault would hide.
        level = sigma[:, :1].expand(-1, 18, -1, -1)
        for low, high in ((0.0, 0.02), (0.02, 0.04), (0.04, 0.5), (0.5, 7.9), (7.9, 9.0)):
            inside = (level >= low) & (level < high)
            if inside.sum() > 20_000:
                assert float(z[inside].square().mean()) == pytest.approx(1, abs=0.05)


def test_faults_are_not_stated(clean: torch.Tensor) -> None:
    wrong = dataclasses.replace(HONEST, misindexed=0.5)
    x, sigma = draw_noise_field(Draw.seeded(3), clean, wrong)
    z = ((x - clean) / group_to_channel(sigma))[:, EBSD].square().mean(1)
    known = sigma[:, 0] < 0.05
    share = float((z[known] > 9).float().mean())
    assert 0.05 < share < 0.25
    x, sigma = draw_noise_field(Draw.seeded(3), clean, HONEST)
    z = ((x - clean) / group_to_channel(sigma))[:, EBSD].square().mean(1)
    assert not bool((z[sigma[:, 0] < 0.05] > 9).any())


def test_sub_grids_of_every_stride_are_drawn() -> None:
    only = NoiseMixture(scattered=0.0, ebsd_level=0.0, ebsd_unknown=0.0)
    clean = torch.zeros(300, 23, 32, 32)
    _, sigma = draw_noise_field(Draw.seeded(2), clean, only)
    known = (sigma[:, 0] < 0.05).float()
    for stride, least in ((1, 10), (2, 30), (4, 30), (8, 2)):
        exact = (known.mean((1, 2)) * stride**2 - 1).abs() < 0.02
        assert int(exact.sum()) >= least, stride


def test_everything_unknown_and_everything_at_a_level_occur() -> None:
    clean = torch.zeros(400, 23, 16, 16)
    _, sigma = draw_noise_field(Draw.seeded(7), clean)
    ebsd = sigma[:, 0].flatten(1)
    assert int((ebsd.amin(1) == SIGMA_MAX).sum()) > 20
    constant = (ebsd.amin(1) == ebsd.amax(1)) & (ebsd.amin(1) < SIGMA_MAX)
    assert int(constant.sum()) > 15
    light_unknown = sigma[:, 1:].flatten(1).amin(1) == SIGMA_MAX
    assert 40 < int(light_unknown.sum()) < 120
    # Typical EBSD noise is a fraction of a degree.
    known = ebsd[ebsd < 0.9 * SIGMA_MAX]
    assert float((known < 0.6 * PER_DEGREE + 1e-4).float().mean()) > 0.3
