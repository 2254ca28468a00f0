"""The light of a section is the canonical state of the optics."""

from __future__ import annotations

import math

import pytest
import torch

from grainlight.crystal.quaternion import crystal_axes, random
from grainlight.optics.forward.curves import Curves
from grainlight.optics.forward.material import MEAN_INDEX, uniaxial
from grainlight.optics.forward.reflectance import normalised_amplitudes
from grainlight.optics.forward.state import canonical_state
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state


def c_axes(rows: int = 20, columns: int = 30) -> torch.Tensor:
    return crystal_axes(random((1, rows, columns), torch.Generator().manual_seed(0)))[2]


@pytest.mark.parametrize("mix", [0.0, 1.0])
def test_weak_limit_is_the_canonical_state(mix: float) -> None:
    c = c_axes()
    a0 = [0.0, 1.0 - mix, mix, 0.0]
    curves = torch.tensor([[a0, [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]])
    expected = Curves(a0_mix=mix).model.of_axes(c).movedim(0, 1)
    # Below s = 0.001 the division is safe rather than exact.
    torch.testing.assert_close(light_state(c, curves), expected, atol=1e-5, rtol=0)


def test_half_of_the_curves_are_weak_limits_of_crossed_or_parallel_polars() -> None:
    curves = draw_curves(Draw.seeded(1), 400)
    weak = torch.tensor([0.0, 1.0, 0.0, 0.0])
    share = ((curves[:, 1] - weak).abs().amax(-1) < 1e-4).float().mean()
    assert 0.25 < share < 0.8


def test_every_curve_goes_from_zero_to_one() -> None:
    curves = draw_curves(Draw.seeded(2), 500)
    assert curves[..., 0].abs().max() == 0
    torch.testing.assert_close(curves.sum(-1), torch.ones(500, 3))
    s = torch.linspace(0, 1, 50)
    at = (curves[..., None] * torch.stack((s**0, s, s**2, s**3))).sum(-2)
    assert at.min() > -0.12
    assert at.max() < 1.12


def test_states_stay_in_range_and_have_the_symmetry_of_an_axis() -> None:
    c = c_axes().expand(64, -1, -1, -1)
    curves = draw_curves(Draw.seeded(3), 64)
    state = light_state(c, curves)
    assert bool(torch.isfinite(state).all())
    assert state.abs().max() < 1.15
    torch.testing.assert_close(light_state(-c, curves), state)


def test_turning_the_crystal_turns_the_harmonics() -> None:
    curves = draw_curves(Draw.seeded(4), 1)
    c = c_axes()
    quarter = torch.stack((-c[..., 1], c[..., 0], c[..., 2]), -1)
    signs = torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0]).view(1, 5, 1, 1)
    torch.testing.assert_close(light_state(quarter, curves), signs * light_state(c, curves), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("metal", "wavelength"), sorted(MEAN_INDEX))
@pytest.mark.parametrize("delta", [0.0, 2.5])
def test_curves_of_a_batch_are_those_of_the_optics(metal: str, wavelength: int, delta: float) -> None:
    index, kappa = MEAN_INDEX[metal, wavelength], 0.5 * complex(math.cos(1.6), math.sin(1.6))
    s = torch.linspace(0.0, 1.0, 25, dtype=torch.float64)
    c = torch.stack((s.sqrt(), torch.zeros_like(s), (1 - s).sqrt()), -1)
    expected = canonical_state(c, material=uniaxial(metal, index**2, kappa), delta=delta)[:, [0, 1, 3]].T
    one = torch.ones(3, 1, dtype=torch.complex128)
    material = uniaxial("three of it", index**2 * one, kappa * one)
    found = torch.stack(normalised_amplitudes(s[None], torch.tensor([[delta]]).double(), material), 1)
    torch.testing.assert_close(found, expected.expand(3, -1, -1), atol=1e-6, rtol=0)
