"""Hexagonal phases are known by name and lattice."""

from __future__ import annotations

import pytest

from grainlight.maps.metal import ANY, METALS, can_transform, is_beta, metal_of, names_beta
from grainlight.maps.phase import Phase


def hexagonal(name: str, a: float = 0.0, c: float = 0.0) -> Phase:
    return Phase(1, name, "6/mmm", a, a, c, 90.0, 90.0, 120.0)


@pytest.mark.parametrize(
    ("phase", "name"),
    [
        (hexagonal("Ti-Hex", 2.954, 4.729), "titanium"),
        (hexagonal("Titanium (Alpha)"), "titanium"),
        (hexagonal("CP-Ti"), "titanium"),
        (hexagonal("Zirc-alloy4", 3.231, 5.148), "zirconium"),
        (hexagonal("Mg", 3.209, 5.211), "magnesium"),
        (hexagonal("AZ31"), "magnesium"),
        (hexagonal("Cobalt - hcp"), "cobalt"),
        (hexagonal("Tin", 0, 0), "hexagonal metal"),
        # by the lattice alone
        (hexagonal("alpha", 2.95, 4.686), "titanium"),
        (hexagonal("", 3.232, 5.147), "zirconium"),
        (hexagonal("", 3.196, 5.05), "hafnium"),
        (hexagonal("phase", 3.21, 5.213), "magnesium"),
        (hexagonal("", 2.665, 4.947), "zinc"),
        # the name is contradicted by the lattice
        (hexagonal("Titanium", 3.209, 5.211), "magnesium"),
        (hexagonal("Y", 3.647, 5.731), "hexagonal metal"),
    ],
)
def test_metal_of_a_phase(phase, name) -> None:
    metal = metal_of(phase)
    assert metal is not None
    assert metal.name == name


def test_what_is_no_close_packed_metal() -> None:
    assert metal_of(hexagonal("WC", 2.906, 2.837)) is None
    assert metal_of(hexagonal("Ti3SiC2", 3.066, 17.65)) is None
    assert metal_of(Phase(1, "Titanium", "m-3m", 3.3, 3.3, 3.3)) is None


@pytest.mark.parametrize("metal", METALS, ids=lambda metal: metal.name)
def test_every_metal_is_known_by_either(metal) -> None:
    assert metal_of(hexagonal(metal.name)) is metal
    assert metal_of(hexagonal("", metal.a, metal.c)) is metal
    assert can_transform(hexagonal(metal.name)) is (metal.name in ("titanium", "zirconium", "hafnium"))


def test_beta() -> None:
    assert is_beta(Phase(2, "Titanium cubic", "m-3m", 3.192, 3.192, 3.192))
    assert is_beta(Phase(2, "Ti beta", "m-3m"))
    assert not is_beta(Phase(2, "TiN", "m-3m", 4.24, 4.24, 4.24))
    assert not is_beta(Phase(2, "ferrite", "m-3m", 2.867, 2.867, 2.867))
    assert not is_beta(hexagonal("beta"))
    assert all(names_beta(hexagonal(name)) for name in ("Ti-6Al-4V", "Ti64", "Ti6Al4V alpha", "Ti alpha prime", "TC4"))
    assert not any(names_beta(hexagonal(name)) for name in ("Titanium (Alpha)", "Ti-Hex", "CP-Ti grade 2"))
    assert not can_transform(hexagonal("WC", 2.906, 2.837))
    assert can_transform(hexagonal("unheard of"))
    assert metal_of(hexagonal("unheard of")) is ANY
