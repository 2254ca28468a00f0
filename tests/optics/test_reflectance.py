"""The closed form against independent matrix products, and the symmetries that any reflection obeys."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grainlight.optics.forward.material import MEAN_INDEX, OS633, TI750, TIWEAK, Material, uniaxial
from grainlight.optics.forward.reflectance import Film, amplitudes, axis, harmonics, intensity, reflection

CHECKS = Path(__file__).parent / "data" / "pl_checks.csv"
MATERIALS = [TI750, TIWEAK, OS633]
degrees = st.floats(-360, 360)


def checks() -> list[dict[str, str]]:
    with CHECKS.open() as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_mueller_products() -> None:
    rows = checks()
    assert len(rows) == 121
    for row in rows:
        number = {k: float(v) for k, v in row.items() if k != "material"}
        material = Material(
            row["material"],
            complex(number["eps_o_re"], number["eps_o_im"]),
            complex(number["eps_e_re"], number["eps_e_im"]),
        )
        c = axis(number["beta_deg"], number["phi_deg"])
        value = intensity(c, number["theta_deg"], number["P_deg"], number["delta_deg"], material)
        assert float(value) == pytest.approx(number["I_over_I0"], rel=1e-6, abs=1e-12), row


def test_named_materials_are_those_of_the_table() -> None:
    known = {m.name: (m.eps_o, m.eps_e) for m in MATERIALS}
    for row in checks():
        constants = (
            complex(float(row["eps_o_re"]), float(row["eps_o_im"])),
            complex(float(row["eps_e_re"]), float(row["eps_e_im"])),
        )
        assert known[row["material"]] == pytest.approx(constants, rel=1e-4)


@pytest.mark.parametrize(
    ("material", "r_o", "r_e"),
    [
        (TI750, -0.755487 - 0.166099j, -0.822246 - 0.246548j),
        (TIWEAK, -0.704729 - 0.277226j, -0.718476 - 0.291373j),
        (OS633, -0.700058 - 0.094917j, -0.673418 - 0.231921j),
    ],
)
def test_fresnel_values(material: Material, r_o: complex, r_e: complex) -> None:
    ordinary, extraordinary = reflection(torch.ones((), dtype=torch.float64), material)
    assert complex(ordinary) == pytest.approx(r_o, abs=1e-6)
    assert complex(extraordinary) == pytest.approx(r_e, abs=2e-6)


def test_amplitudes_of_the_table() -> None:
    a0, a2, a4 = amplitudes(torch.tensor(0.75, dtype=torch.float64), 3.0, TI750)
    assert (float(a0), float(a2), float(a4)) == pytest.approx((2.540974e-3, -2.766265e-3, -7.614590e-4), rel=1e-6)


def test_a_basal_section_between_crossed_polars_is_dark() -> None:
    assert float(intensity(axis(0.0, 0.0), theta=33.0)) == 0.0


@given(
    beta=st.floats(0, 180),
    phi=degrees,
    theta=degrees,
    polarizer=degrees,
    delta=st.floats(-90, 90),
    material=st.sampled_from(MATERIALS),
)
def test_symmetries(beta: float, phi: float, theta: float, polarizer: float, delta: float, material: Material) -> None:
    c = axis(beta, phi)
    value = float(intensity(c, theta, polarizer, delta, material))
    same = {"rel": 1e-7, "abs": 1e-13}
    assert value >= -1e-15
    assert float(intensity(-c, theta, polarizer, delta, material)) == pytest.approx(value, **same)
    assert float(intensity(axis(beta, phi + 180), theta, polarizer, delta, material)) == pytest.approx(value, **same)
    assert float(intensity(axis(180 - beta, phi), theta, polarizer, delta, material)) == pytest.approx(value, **same)
    turned = intensity(axis(beta, phi + 17), theta, polarizer + 17, delta, material)
    assert float(turned) == pytest.approx(value, **same)
    mirrored = intensity(axis(beta, -phi), -theta, -polarizer, -delta, material)
    assert float(mirrored) == pytest.approx(value, **same)
    crossed = float(intensity(c, theta, polarizer, 0.0, material))
    assert float(intensity(c, theta + 90, polarizer, 0.0, material)) == pytest.approx(crossed, **same)


def test_uncrossing_breaks_the_right_angle_ambiguity() -> None:
    c = axis(60.0, 30.0)
    assert float(intensity(c, 100.0, 0.0, 3.0)) > 5 * float(intensity(c, 10.0, 0.0, 3.0))


def test_weak_anisotropy_approaches_the_powers_of_sin_beta() -> None:
    s = torch.linspace(0.05, 1, 20, dtype=torch.float64)
    weak = uniaxial("weak", MEAN_INDEX["Ti", 550] ** 2, 1e-4 * (1 + 1j))
    _, a2, a4 = amplitudes(s, 2.0, weak)
    assert torch.allclose(a2 / a2[-1], s, rtol=1e-3)
    assert torch.allclose(a4 / a4[-1], s**2, rtol=1e-3)


def test_uniaxial_keeps_the_mean_and_the_anisotropy() -> None:
    made = uniaxial("x", 3 + 4j, 0.5j)
    assert (2 * made.eps_o + made.eps_e) / 3 == pytest.approx(3 + 4j)
    assert (made.eps_e - made.eps_o) / (3 + 4j) == pytest.approx(0.5j)


@pytest.mark.parametrize(
    ("thickness", "dr", "r2"), [(0, 0.105, 0.60), (10, 0.117, 0.56), (20, 0.137, 0.50), (50, 0.255, 0.14)]
)
def test_a_film_raises_the_contrast(thickness: float, dr: float, r2: float) -> None:
    r_o, r_e = reflection(torch.ones((), dtype=torch.float64), TI750, film=Film(2.4 + 0j, thickness, 750.0))
    assert float(abs(r_e - r_o)) == pytest.approx(dr, abs=6e-4)
    assert float(abs(r_o) ** 2) == pytest.approx(r2, abs=6e-3)


def test_materials_and_settings_broadcast_over_a_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    c = torch.nn.functional.normalize(torch.randn(4, 6, 7, 3, generator=generator, dtype=torch.float64), dim=-1)
    kappa = torch.randn(4, generator=generator, dtype=torch.complex128)[:, None, None] * 0.3
    delta = torch.tensor([1.0, -2.0, 3.0, 0.0], dtype=torch.float64)[:, None, None]
    mean = MEAN_INDEX["Mg", 550] ** 2
    batched = harmonics(c, delta, 0.0, uniaxial("batch", mean, kappa))
    for i in range(4):
        single = harmonics(c[i], float(delta[i]), 0.0, uniaxial("one", mean, complex(kappa[i])))
        assert torch.allclose(batched[:, i], single, rtol=1e-12, atol=1e-15)


def test_single_precision_is_good_enough_for_networks() -> None:
    c = axis(torch.linspace(0, 90, 50), torch.linspace(0, 300, 50))
    exact, short = harmonics(c, 2.0, 10.0), harmonics(c.float(), 2.0, 10.0)
    assert short.dtype == torch.float32
    assert torch.allclose(short.double(), exact, atol=2e-6 * float(exact.abs().max()) + 1e-9)
