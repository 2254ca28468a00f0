"""The skip: what a pixel knows before the network speaks."""

from __future__ import annotations

import pytest
import torch

from benchmarks.peers.denoiser.noise import draw_noise_field
from benchmarks.peers.denoiser.parts import PART_STD, part_to_channel
from benchmarks.peers.denoiser.skip import PrecisionWeightedSkip
from benchmarks.peers.denoiser.stream import clean_states
from grainlight.diffusion.state import EBSD, SIGMA_MAX, SIGMA_MIN, group_to_channel
from grainlight.synth.draw import Draw

SKIP = PrecisionWeightedSkip()


def everywhere(level: float, size: int = 32, batch: int = 1) -> torch.Tensor:
    return torch.full((batch, 4, size, size), level)


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    return clean_states(Draw.seeded(1), 32, 32, (8.0, 12.0))


def test_it_has_no_weights() -> None:
    assert not SKIP.state_dict()
    assert not list(SKIP.parameters())


def test_doubt_grows_with_structure_and_with_fewer_scales(clean: torch.Tensor) -> None:
    x, sigma = draw_noise_field(Draw.seeded(3), clean)
    b, p = SKIP(x, sigma)
    assert all(torch.equal(one, two) for one, two in zip((b, p), PrecisionWeightedSkip(1.0, 4)(x, sigma), strict=True))
    for other in (PrecisionWeightedSkip(structure=2.0), PrecisionWeightedSkip(scales=2)):
        doubt = other(x, sigma)[1]
        assert bool((doubt >= p * (1 - 1e-5)).all())
        assert float((doubt / p).mean()) > 1.01


def test_a_well_known_pixel_keeps_its_value(clean: torch.Tensor) -> None:
    b, p = SKIP(clean, everywhere(SIGMA_MIN, batch=32))
    assert (b - clean).abs().max() < 0.05
    assert (b - clean).abs().mean() < 0.001
    assert p.max() <= SIGMA_MIN + 1e-6


def test_nothing_known_gives_the_prior() -> None:
    x = SIGMA_MAX * torch.randn(4, 23, 64, 64, generator=torch.Generator().manual_seed(0))
    b, p = SKIP(x, everywhere(SIGMA_MAX, 64, 4))
    std = torch.tensor(PART_STD).view(1, 5, 1, 1)
    # A level of SIGMA_MAX, averaged over a neighbourhood of 20 pixels, is not nothing: it weighs as much as the prior.
    assert ((p / std) > 0.6).all()
    assert (b / part_to_channel(std.expand(4, 5, 64, 64))).square().mean().sqrt() < 0.6


def test_never_less_sure_than_the_prior_and_never_nan(clean: torch.Tensor) -> None:
    std = torch.tensor(PART_STD).view(1, 5, 1, 1)
    for seed in range(5):
        x, sigma = draw_noise_field(Draw.seeded(seed), clean)
        b, p = SKIP(x, sigma)
        assert bool(torch.isfinite(b).all())
        assert bool(torch.isfinite(p).all())
        assert (p <= std).all()
        assert p.min() > 0
        assert (part_to_channel(p) <= group_to_channel(sigma) + 1e-6).all()


@pytest.mark.parametrize("level", [0.01, 0.1, 0.3])
def test_a_constant_image_is_preserved(level: float) -> None:
    state = clean_states(Draw.seeded(3), 1, 8, (60.0, 80.0))[:, :, :1, :1].expand(1, 23, 32, 32)
    b, _ = SKIP(state, everywhere(level))
    # The prior pulls towards zero by its share of the precision, no more.
    scale = 1 - 1 / (1 + (torch.tensor(PART_STD) / level) ** 2)
    least = part_to_channel(scale.view(1, 5, 1, 1).expand(1, 5, 32, 32))
    ratio = b / torch.where(state.abs() < 0.02, torch.nan, state)
    assert not bool((ratio > 1 + 1e-4).any())
    assert not bool((ratio < least - 1e-4).any())


def test_known_points_speak_for_their_grain() -> None:
    state = clean_states(Draw.seeded(3), 1, 8, (60.0, 80.0))[:, :, :1, :1].expand(1, 23, 32, 32)
    sigma = everywhere(SIGMA_MAX)
    sigma[:, 0, ::4, ::4] = 0.02
    noise = torch.randn(state.shape, generator=torch.Generator().manual_seed(1))
    b, p = SKIP(state + group_to_channel(sigma) * noise, sigma)
    inner = (..., slice(6, -6), slice(6, -6))
    assert (b - state)[:, EBSD][inner].square().mean().sqrt() < 0.15
    assert p[:, 0][inner].max() < 0.4 * PART_STD[0]


def test_stated_deviation_is_the_error(clean: torch.Tensor) -> None:
    ratios = []
    for seed in range(4):
        x, sigma = draw_noise_field(Draw.seeded(seed), clean)
        b, p = SKIP(x, sigma)
        ratios.append((((b - clean) / part_to_channel(p)).square()).mean((0, 2, 3)))
    # Boundaries, misindexing and blur are not stated; orders of magnitude would be a fault of the formula.
    assert 0.3 < float(torch.stack(ratios).median()) < 4.0


def test_lower_precision_around_it_changes_nothing(clean: torch.Tensor) -> None:
    x, sigma = draw_noise_field(Draw.seeded(2), clean)
    b, p = SKIP(x, sigma)
    with torch.autocast("cpu", torch.bfloat16):
        low_b, low_p = SKIP(x, sigma)
    assert low_b.dtype == low_p.dtype == torch.float32
    assert torch.equal(low_b, b)
    assert torch.equal(low_p, p)
