"""The loss counts in units of what the skip left open, and no single pixel rules it."""

from __future__ import annotations

import pytest
import torch

from benchmarks.peers.denoiser.loss import FLOOR, PART_WEIGHT, LossSettings, denoising_loss
from benchmarks.peers.denoiser.parts import PART_STD, part_to_channel

STD = torch.tensor(PART_STD).view(1, 5, 1, 1).expand(2, 5, 8, 8)


def test_no_error_no_loss() -> None:
    clean = torch.randn(2, 23, 8, 8)
    loss, parts = denoising_loss(clean, clean, STD)
    assert loss == 0
    assert not parts.any()


def test_small_errors_count_squared_in_units_of_p() -> None:
    clean, p = torch.zeros(2, 23, 8, 8), 0.5 * STD
    loss, parts = denoising_loss(0.1 * part_to_channel(p), clean, p)
    torch.testing.assert_close(parts, torch.full((5,), 0.01), rtol=1e-3, atol=0)
    assert float(loss) == pytest.approx(0.01 * sum(PART_WEIGHT), rel=1e-3)
    assert sum(PART_WEIGHT) == pytest.approx(1)


def test_below_the_floor_p_no_longer_counts() -> None:
    clean = torch.zeros(2, 23, 8, 8)
    error = 0.1 * part_to_channel(FLOOR * STD)
    at_floor, below = (denoising_loss(error, clean, share * FLOOR * STD)[0] for share in (1.0, 0.01))
    torch.testing.assert_close(at_floor, below)


def test_one_wrong_pixel_grows_the_loss_linearly() -> None:
    clean = torch.zeros(2, 23, 8, 8)

    def loss(size: float) -> float:
        wrong = clean.clone()
        wrong[0, :, 3, 3] = size
        return float(denoising_loss(wrong, clean, 0.1 * STD)[0])

    assert loss(200.0) / loss(100.0) == pytest.approx(2, rel=0.02)
    assert loss(0.002) / loss(0.001) == pytest.approx(4, rel=0.02)


def test_settings_reach_the_loss() -> None:
    clean = torch.zeros(2, 23, 8, 8)
    error, p = 0.01 * part_to_channel(STD), 0.01 * STD
    usual, parts = denoising_loss(error, clean, p)
    assert float(denoising_loss(error, clean, p, LossSettings())[0]) == float(usual)
    # Half the floor: four times the square.
    halved = denoising_loss(error, clean, p, LossSettings(floor=FLOOR / 2))[0]
    assert float(halved / usual) == pytest.approx(4, rel=1e-2)
    first = denoising_loss(error, clean, p, LossSettings(part_weight=(1.0, 0.0, 0.0, 0.0, 0.0)))[0]
    assert float(first) == pytest.approx(float(parts[0]))
    large = 100 * part_to_channel(STD)
    assert denoising_loss(large, clean, STD, LossSettings(huber=1e3))[0] > 10 * denoising_loss(large, clean, STD)[0]


def test_parts_carry_no_gradient_and_the_loss_does() -> None:
    denoised = torch.randn(1, 23, 4, 4, requires_grad=True)
    loss, parts = denoising_loss(denoised, torch.zeros(1, 23, 4, 4), STD[:1, :, :4, :4])
    assert not parts.requires_grad
    loss.backward()
    assert bool(torch.isfinite(denoised.grad).all())
    assert (denoised.grad != 0).all()
