"""Groups are groups; disorientations do not see symmetry; the rest of the project agrees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.crystal.euler import multiply
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.crystal.symmetry import disorientation, nearest_equivalent, rotations
from grainlight.maps.phase import LAUE_GROUPS

ORDERS = {"-1": 1, "2/m": 2, "mmm": 4, "4/m": 4, "4/mmm": 8, "-3": 3, "-3m": 6, "6/m": 6, "6/mmm": 12}
ORDERS |= {"m-3": 12, "m-3m": 24}


def drawn(count: int, seed: int) -> np.ndarray:
    q = np.random.default_rng(seed).normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_group_is_closed_and_of_the_right_order(group: str) -> None:
    members = rotations(group)
    assert len(members) == ORDERS[group]
    products = multiply(members[:, None], members[None]).reshape(-1, 4)
    np.testing.assert_allclose(np.abs(products @ members.T).max(axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_symmetry_does_not_show(group: str) -> None:
    p, q, members = drawn(50, 1), drawn(50, 2), rotations(group)
    angle = disorientation(p, q, group)
    other = disorientation(multiply(members[-1], p), multiply(members[len(members) // 2], q), group)
    np.testing.assert_allclose(angle, other, atol=1e-6)
    np.testing.assert_allclose(angle, disorientation(q, p, group), atol=1e-6)


def test_hexagonal_agrees_with_crystal() -> None:
    p, q = drawn(500, 3), drawn(500, 4)
    expected = np.degrees(disorientation_angle(torch.from_numpy(p), torch.from_numpy(q)).numpy())
    np.testing.assert_allclose(disorientation(p, q), expected, atol=1e-9)


@pytest.mark.parametrize("group", ["m-3m", "-3m", "4/mmm", "mmm"])
def test_agrees_with_orix(group: str) -> None:
    from orix.quaternion import Orientation, symmetry

    known = {"m-3m": symmetry.Oh, "-3m": symmetry.D3d, "4/mmm": symmetry.D4h, "mmm": symmetry.D2h}[group]
    p, q = drawn(60, 5), drawn(60, 6)
    expected = Orientation(p, symmetry=known).angle_with(Orientation(q, symmetry=known), degrees=True)
    np.testing.assert_allclose(disorientation(p, q, group), expected, atol=1e-4)


def test_small_angles_keep_their_digits() -> None:
    p = drawn(20, 7)
    turn = np.array([1.0, 1e-7, 0.0, 0.0])
    np.testing.assert_allclose(disorientation(multiply(turn, p), p), np.degrees(2e-7), rtol=1e-5)


def test_nearest_equivalent_is_equivalent_and_nearest() -> None:
    p, q = drawn(100, 8), drawn(100, 9)
    near = nearest_equivalent(p, q)
    np.testing.assert_allclose(disorientation(near, p), 0.0, atol=1e-5)
    plain = np.degrees(2 * np.arccos(np.minimum((near * q).sum(1), 1.0)))
    np.testing.assert_allclose(plain, disorientation(p, q), atol=1e-5)
