"""Draws of misregistration: positions there and back, levels within their ranges, axes that turn with the images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.synth.misregister import LEVELS, Misregistration, draw_misregistration, seen_axes

SHAPE = (161, 129)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("symmetry", range(8))
def test_positions_there_and_back(level: str, symmetry: int) -> None:
    drawn = draw_misregistration(level, 10 + symmetry, symmetry)
    points = torch.rand(200, 2, dtype=torch.float64) * torch.tensor([128.0, 160.0], dtype=torch.float64)
    back = drawn.map_position(drawn.image_position(points, SHAPE), SHAPE)
    assert torch.allclose(back, points, atol=1e-6)
    most = LEVELS[level]
    assert abs(drawn.rotation) <= most["rotation"]
    assert max(map(abs, drawn.shift)) <= most["shift"]
    assert np.hypot(*np.array(drawn.drift).T).max() == pytest.approx(most["drift"])


def test_turns_are_counter_clockwise_and_mirrors_flip_columns() -> None:
    right = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    up = (right @ Misregistration(quarter_turns=1).turn.T)[0]
    assert torch.allclose(up, torch.tensor([0.0, -1.0], dtype=torch.float64), atol=1e-12)
    left = (right @ Misregistration(mirror=True).turn.T)[0]
    assert torch.allclose(left, torch.tensor([-1.0, 0.0], dtype=torch.float64), atol=1e-12)


def test_axes_turn_with_the_images() -> None:
    axes = torch.zeros(*SHAPE, 3, dtype=torch.float64)
    axes[..., 0], axes[..., 2] = 0.6, 0.8
    turned = seen_axes(axes, Misregistration(rotation=30.0))
    azimuth = torch.rad2deg(torch.atan2(turned[..., 1], turned[..., 0]))
    assert torch.allclose(azimuth, torch.full_like(azimuth, 30.0))
    mirrored = seen_axes(axes, Misregistration(mirror=True, rotation=30.0))
    azimuth = torch.rad2deg(torch.atan2(mirrored[..., 1], mirrored[..., 0]))
    assert torch.allclose(azimuth % 360, torch.full_like(azimuth, 210.0))


def test_the_same_seed_draws_the_same() -> None:
    assert draw_misregistration("severe", 3) == draw_misregistration("severe", 3)
    assert draw_misregistration("severe", 3) != draw_misregistration("severe", 4)
