"""The stream of clean states, and validation on some."""

from __future__ import annotations

import pytest
import torch

from benchmarks.peers.denoiser.stream import clean_states, next_batch
from benchmarks.peers.denoiser.validation import TASKS, validate, validation_set, wrong_grain
from grainlight.crystal.embedding import SQUARED_NORM, decode
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.state import EBSD, LIGHT
from grainlight.synth.draw import Draw
from grainlight.training.stream import SIZE_RANGES


def test_shape_and_seed() -> None:
    one, two = (next_batch(Draw.seeded(1), 6, 32, 2) for _ in range(2))
    assert one.shape == (6, 23, 32, 32)
    assert torch.equal(one, two)
    assert next_batch(Draw.seeded(1), 5, 32, 2).shape[0] == 5


def test_states_are_clean() -> None:
    state = next_batch(Draw.seeded(2), 8, 32, 4)
    assert bool(torch.isfinite(state).all())
    norm = state[:, EBSD].square().sum(1)
    torch.testing.assert_close(norm, torch.full_like(norm, SQUARED_NORM), rtol=1e-4, atol=0)
    assert state[:, LIGHT].abs().max() < 1.2


@pytest.mark.parametrize("size_range", SIZE_RANGES)
def test_every_size_is_made(size_range: tuple[float, float]) -> None:
    state = clean_states(Draw.seeded(3), 4, 32, size_range, "equiaxed")
    q = decode(state[:, EBSD], dim=1)
    boundary = (disorientation_angle(q[:, :, 1:], q[:, :, :-1]) > 0.09).float().mean()
    assert 0.2 / size_range[1] < boundary < 2.5 / size_range[0]


def test_validation_tells_the_truth_from_nothing() -> None:
    class Truth(torch.nn.Module):
        def __init__(self, clean: torch.Tensor) -> None:
            super().__init__()
            self.clean = torch.nn.Parameter(clean)

        def forward(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return self.clean

    clean = validation_set(32, 1)
    assert torch.equal(clean, validation_set(32, 1))
    perfect = validate(Truth(clean), clean)
    assert len(perfect) == 3 * len(TASKS)
    assert max(perfect.values()) < 0.01
    blind = validate(Truth(clean.flip(0)), clean)
    assert min(v for k, v in blind.items() if "over 5" in k) > 80


def test_a_hedge_that_leans_to_the_right_grain_is_not_wrong() -> None:
    truth = torch.zeros(1, 18, 12, 12)
    truth[:, 0, :, :6], truth[:, 1, :, 6:] = 1.0, 1.0
    other = truth.flip(3)
    assert wrong_grain(0.6 * truth + 0.4 * other, truth) == 0
    # three columns to each side of the boundary have the other grain within reach
    assert wrong_grain(0.4 * truth + 0.6 * other, truth) == 1
