"""Blur, gain and noise of the light are found from a map of grains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import crystal_axes, random
from grainlight.optics.calibration.map_fit import fit_imaging_model, imaging_model_of
from grainlight.optics.forward.axis_powers import H2_IMAG, H2_REAL, embedding_powers
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.illumination import Illumination, Relief
from grainlight.optics.forward.imaging_model import ImagingModel
from grainlight.optics.forward.point_spread import WIDTHS, blurred, gaussian

SIDE, CELL = 48, 8


def squares() -> Tensor:
    """Embedding (18, 48, 48) of 36 square grains."""
    each = embed(random(((SIDE // CELL) ** 2,), torch.Generator().manual_seed(7))).float()
    at = torch.arange(SIDE) // CELL
    return each[at[:, None] * (SIDE // CELL) + at].movedim(-1, 0)


def shown(e: Tensor, imaging: ImagingModel, noise: float) -> Tensor:
    light = imaging.expected(embedding_powers(e))
    return light + noise * torch.randn(light.shape, generator=torch.Generator().manual_seed(3))


def test_an_embedding_has_the_light_of_its_c_axis() -> None:
    q = random((6, 7), torch.Generator().manual_seed(5))
    c = crystal_axes(q)[2]
    beta, phi = torch.acos(c[..., 2]), torch.atan2(c[..., 1], c[..., 0])
    s = torch.sin(beta) ** 2
    expected = torch.stack(
        (s**2, s * (2 * phi).cos(), s * (2 * phi).sin(), s**2 * (4 * phi).cos(), s**2 * (4 * phi).sin())
    )
    assert torch.allclose(IDEAL.of_axes(c), expected, atol=1e-5)
    assert torch.allclose(IDEAL.of_embedding(3 * embed(q, dim=-3).float()), expected.float(), atol=1e-5)


def test_illumination_blur_and_stray_light_come_one_after_the_other() -> None:
    axis = embedding_powers(squares())
    relief = Relief(torch.tensor([[0.8, 1.1], [1.0, 0.9]], dtype=torch.float64), (SIDE, SIDE))
    even = Illumination(torch.tensor([1.0, 0.1, -0.2], dtype=torch.float64), relief, (SIDE, SIDE), 1)
    model = replace(IDEAL, width=0.8, illumination=even, stray=torch.full((5,), 0.3, dtype=torch.float64))
    at = torch.arange(float(SIDE))
    lit = IDEAL.light(axis) * even.at(at[:, None], at)
    assert torch.allclose(model.expected(axis), blurred(lit, gaussian(0.8)) + 0.3, atol=1e-6)
    assert torch.equal(IDEAL.expected(axis), IDEAL.light(axis))


@pytest.mark.parametrize("width", [0.0, 0.5, 0.9, 1.4])
def test_blur_is_found(width: float) -> None:
    e = squares()
    light = shown(e, replace(IDEAL, width=width), 0.03)
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.03**2), embedding_powers(e)).width
    assert found in WIDTHS
    assert abs(found - width) <= (0.35 if width == 0 else 0.1)


def test_gain_curve_turn_and_noise_are_found() -> None:
    e = squares()
    true = imaging_model_of(
        (
            torch.tensor([0.2, 1.0, -0.05]),
            torch.tensor([1.4, 0.1, -0.3, 0.0, 0.01, 0.0]),
            torch.tensor([1.2, -0.1, 0.2, 0.1, 0.0, -0.02]),
        ),
        0.9,
        torch.ones(5),
    )
    light = shown(e, true, 0.04)
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.16**2), embedding_powers(e))
    assert found.width == 0.9
    assert (found.response - true.response).abs().max() < 0.1
    assert (found.background - true.background).abs().max() < 0.1
    # A quarter of what was stated.
    assert torch.allclose(found.noise, torch.full((5,), 0.25), atol=0.03)


def test_dust_does_not_rule() -> None:
    e = squares()
    light = shown(e, replace(IDEAL, width=0.7), 0.03)
    light[:, 10:16, 20:26] = -3.0
    found = fit_imaging_model(light, torch.full_like(light, 1 / 0.03**2), embedding_powers(e))
    assert abs(found.width - 0.7) <= 0.1
    assert (found.response - IDEAL.response)[1:3, [H2_REAL, H2_IMAG]].abs().max() < 0.05


def test_without_light_nothing_is_claimed() -> None:
    e = squares()
    none = torch.zeros(5, SIDE, SIDE)
    found = fit_imaging_model(none, none, embedding_powers(e))
    assert found.width == 0.0
    assert torch.equal(found.noise, torch.ones(5))
    assert torch.allclose(found.light(embedding_powers(e)), IDEAL.of_embedding(e), atol=1e-5)
    # A group of channels without light keeps the ideal, whatever the others say.
    light = shown(e, replace(IDEAL, width=0.5), 0.03)
    known = torch.full_like(light, 1 / 0.03**2)
    known[1:3] = 0
    partly = fit_imaging_model(light, known, embedding_powers(e))
    assert torch.equal(partly.response[1:3], IDEAL.response[1:3])
    assert torch.equal(partly.background[1:3], IDEAL.background[1:3])
