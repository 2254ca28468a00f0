"""The canonical state: scale, limits, symmetries."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grainlight.optics.forward.curves import IDEAL, Curves, tilt_sensitivity
from grainlight.optics.forward.material import MEAN_INDEX, TI750, uniaxial
from grainlight.optics.forward.reflectance import axis
from grainlight.optics.forward.state import CHANNELS_OF_GROUP, canonical_state


@given(phi=st.floats(0, 360))
def test_an_axis_in_the_surface_has_unit_amplitudes(phi: float) -> None:
    for state in (IDEAL.of_axes(axis(90.0, phi)), canonical_state(axis(90.0, phi), material=TI750)):
        assert float(state[0]) == pytest.approx(1, abs=1e-12)
        assert float(state[1:3].norm()) == pytest.approx(1, abs=1e-12)
        assert float(state[3:].norm()) == pytest.approx(1, abs=1e-12)
        angle = torch.rad2deg(torch.atan2(state[2], state[1])) / 2
        assert abs(((float(angle) - phi + 90) % 180) - 90) < 1e-6


def test_a_basal_section_is_the_origin() -> None:
    for state in (IDEAL.of_axes(axis(0.0, 12.0)), canonical_state(axis(0.0, 12.0), material=TI750)):
        assert float(state.abs().max()) < 1e-15


@given(beta=st.floats(0, 180), phi=st.floats(0, 360), mix=st.floats(0, 1))
def test_either_end_of_the_axis_is_the_same(beta: float, phi: float, mix: float) -> None:
    c, model = axis(beta, phi), Curves(0.2, -0.3, mix).model
    assert torch.allclose(model.of_axes(c), model.of_axes(-c))
    half_turn = c * torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64)
    assert torch.allclose(model.of_axes(c), model.of_axes(half_turn))


def test_a_weak_material_is_ideal_and_a_strong_one_is_not() -> None:
    c = axis(torch.linspace(0, 90, 19), torch.linspace(0, 170, 19))
    mean = MEAN_INDEX["Ti", 550] ** 2
    weak = canonical_state(c, material=uniaxial("weak", mean, 1e-5j), delta=0.0)
    assert torch.allclose(weak, IDEAL.of_axes(c).T, atol=1e-4)
    strong = canonical_state(c, material=uniaxial("strong", mean, -0.9), delta=0.0)
    assert float((strong - IDEAL.of_axes(c).T).abs().max()) > 0.05


def test_mix_and_shapes() -> None:
    c = axis(torch.tensor([[30.0, 45.0, 60.0]]), 10.0)
    s = 1 - c[..., 2] ** 2
    assert IDEAL.of_axes(c).shape == (5, 1, 3)
    assert torch.allclose(Curves(a0_mix=0.0).model.of_axes(c)[0], s)
    assert torch.allclose(IDEAL.of_axes(c)[0], s**2)
    assert canonical_state(c, material=TI750, delta=3.0).shape == (1, 3, 5)
    assert canonical_state(c.float(), TI750).dtype == torch.float32


def test_uncrossing_changes_only_the_constant_harmonic() -> None:
    c = axis(torch.linspace(5, 85, 9), 40.0)
    one, two = (canonical_state(c, material=TI750, delta=d) for d in (0.5, 8.0))
    assert torch.allclose(one[:, 1:], two[:, 1:])
    assert not torch.allclose(one[:, 0], two[:, 0], atol=1e-3)


def test_the_model_of_curves_has_their_amplitudes_at_every_azimuth() -> None:
    beta, phi = torch.linspace(0, 90, 19).double(), torch.linspace(0, 340, 19).double()
    curves = Curves(0.3, -0.4, 0.8)
    a0, a2, a4 = curves.amplitudes(torch.sin(torch.deg2rad(beta)) ** 2)
    azimuth = torch.deg2rad(phi)
    expected = torch.stack(
        (a0, a2 * (2 * azimuth).cos(), a2 * (2 * azimuth).sin(), a4 * (4 * azimuth).cos(), a4 * (4 * azimuth).sin())
    )
    assert torch.allclose(curves.model.of_axes(axis(beta, phi)), expected, atol=1e-12)


@given(beta=st.floats(1, 89), phi=st.floats(0, 360))
def test_tilts_change_the_light_as_stated(beta: float, phi: float) -> None:
    step = 1e-4
    moved = torch.stack((axis(beta + step, phi), axis(beta, phi + step / math.sin(math.radians(beta)))))
    change = (IDEAL.of_axes(moved) - IDEAL.of_axes(axis(beta, phi))[:, None]) / math.radians(step)
    each = change.square().sum(1)
    found = tilt_sensitivity(torch.tensor(math.sin(math.radians(beta)) ** 2))
    for value, channels in zip(found, CHANNELS_OF_GROUP, strict=True):
        assert float(value) == pytest.approx(float(each[list(channels)].mean()), rel=1e-3, abs=1e-3)
