"""Blur, gain and noise of the light are found from a map of grains."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.optics.forward.point_spread import WIDTHS, blurred, gaussian
from grainlight.optics.forward.state import expected_light
from grainlight.restore.light.imaging_model import ImagingModel, fit_imaging_model, ideal_imaging_model, light_powers

SIDE, CELL = 48, 8


def squares() -> Tensor:
    """Embedding (18, 48, 48) of 36 square grains."""
    each = embed(random(((SIDE // CELL) ** 2,), torch.Generator().manual_seed(7))).float()
    at = torch.arange(SIDE) // CELL
    return each[at[:, None] * (SIDE // CELL) + at].movedim(-1, 0)


def shown(e: Tensor, imaging: ImagingModel, noise: float) -> Tensor:
    light = blurred(imaging.light(light_powers(e)), gaussian(imaging.width))
    return light + noise * torch.randn(light.shape, generator=torch.Generator().manual_seed(3))


def test_the_ideal_response_is_the_ideal_light() -> None:
    e = squares()
    assert torch.allclose(ideal_imaging_model().light(light_powers(e)), expected_light(e), atol=1e-5)


@pytest.mark.parametrize("width", [0.0, 0.5, 0.9, 1.4])
def test_blur_is_found(width: float) -> None:
    e = squares()
    light = shown(e, ideal_imaging_model(width), 0.03)
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.03**2), light_powers(e)).width
    assert found in WIDTHS
    assert abs(found - width) <= (0.35 if width == 0 else 0.1)


def test_gain_curve_turn_and_noise_are_found() -> None:
    e = squares()
    true = ImagingModel(
        0.9,
        (
            torch.tensor([0.2, 1.0, -0.05]),
            torch.tensor([1.4, 0.1, -0.3, 0.0, 0.01, 0.0]),
            torch.tensor([1.2, -0.1, 0.2, 0.1, 0.0, -0.02]),
        ),
        torch.ones(5),
    )
    light = shown(e, true, 0.04)
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.16**2), light_powers(e))
    assert found.width == 0.9
    for left, right in zip(found.coefficients, true.coefficients, strict=True):
        assert (left - right).abs().max() < 0.1
    # A quarter of what was stated.
    assert torch.allclose(found.noise, torch.full((5,), 0.25), atol=0.03)


def test_dust_does_not_rule() -> None:
    e = squares()
    light = shown(e, ideal_imaging_model(0.7), 0.03)
    light[:, 10:16, 20:26] = -3.0
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.03**2), light_powers(e))
    assert abs(found.width - 0.7) <= 0.1
    assert (found.coefficients[1][:2] - torch.tensor([1.0, 0.0])).abs().max() < 0.05


def test_without_light_nothing_is_claimed() -> None:
    e = squares()
    none = torch.zeros(5, SIDE, SIDE)
    found = fit_imaging_model(none, none, light_powers(e))
    assert found.width == 0.0
    assert torch.equal(found.noise, torch.ones(5))
    assert torch.allclose(found.light(light_powers(e)), expected_light(e), atol=1e-5)
    # A group of channels without light keeps the ideal, whatever the others say.
    light = shown(e, ideal_imaging_model(0.5), 0.03)
    known = torch.full_like(light, 1 / 0.03**2)
    known[1:3] = 0
    partly = fit_imaging_model(light, known, light_powers(e))
    assert torch.equal(partly.coefficients[1], ideal_imaging_model().coefficients[1])
