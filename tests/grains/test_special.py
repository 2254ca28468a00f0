"""Twins and variants have the axes and angles of the literature, for every c/a, and are found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.crystal.euler import multiply
from grainlight.crystal.symmetry import disorientation, rotations
from grainlight.grains.special import classify, equivalents, twins, variants

# Angles for titanium, magnesium: Bonnet, Cousineau & Warrington (1981) and textbooks of deformation twinning.
KNOWN = {1.587: {"{10-12}": 85.0, "{11-21}": 35.0, "{11-22}": 64.4, "{10-11}": 57.2}}
KNOWN |= {1.6235: {"{10-12}": 86.3, "{10-11}": 56.2}}
AXES = {"{10-12}": "<11-20>", "{11-21}": "<10-10>", "{11-22}": "<10-10>", "{10-11}": "<11-20>"}


@pytest.mark.parametrize("ratio", KNOWN)
def test_twins_of_the_literature(ratio: float) -> None:
    found = {one.name.split()[1]: one for one in twins(ratio)}
    assert {plane: one.axis for plane, one in found.items()} == AXES
    for plane, angle in KNOWN[ratio].items():
        assert found[plane].angle == pytest.approx(angle, abs=0.1)


def test_burgers_variants() -> None:
    np.testing.assert_allclose([one.angle for one in variants()], [10.53, 60.0, 60.83, 63.26, 90.0], atol=0.01)
    assert [one.axis for one in variants()][:2] == ["<0001>", "<11-20>"]


def test_twins_agree_with_the_synthetic_sections() -> None:
    from grainlight.synth.orientations.variants import twin_rotations

    made = twin_rotations(1.6).double().numpy()
    identity = np.tile([1.0, 0.0, 0.0, 0.0], (len(made), 1))
    index, deviation = classify(made, identity, twins(1.6))
    np.testing.assert_array_equal(index, np.repeat(np.arange(4), 6))
    assert deviation.max() < 0.05


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3), st.floats(1.56, 1.63), st.booleans())
def test_a_twin_is_found_whatever_its_form(seed: int, system: int, ratio: float, exchanged: bool) -> None:
    rng = np.random.default_rng(seed)
    parent = rng.normal(size=4)
    parent /= np.linalg.norm(parent)
    group, relations = rotations("6/mmm"), twins(ratio)
    twin = multiply(multiply(group[rng.integers(12)], relations[system].rotation), parent)
    axis = rng.normal(size=3)
    turn = np.array([np.cos(np.radians(1.5)), *(np.sin(np.radians(1.5)) * axis / np.linalg.norm(axis))])
    pair = (multiply(turn, twin)[None], multiply(group[rng.integers(12)], parent)[None])
    index, deviation = classify(*(pair[::-1] if exchanged else pair), relations)
    assert index[0] == system
    assert deviation[0] <= 3.01
    assert classify(*pair, relations, tolerance=1.0)[0][0] == (system if deviation[0] <= 1.0 else -1)


def test_general_boundaries_have_no_name() -> None:
    identity = np.array([[1.0, 0.0, 0.0, 0.0]])
    half = np.radians(10.0)
    assert classify(np.array([[np.cos(half), 0.0, 0.0, np.sin(half)]]), identity, twins())[0][0] == -1


def test_equivalents_are_equivalent() -> None:
    for one in (*twins(), *variants()):
        forms = equivalents(one.rotation)
        np.testing.assert_allclose(disorientation(forms, np.array([1.0, 0, 0, 0])), one.angle, atol=1e-6)
