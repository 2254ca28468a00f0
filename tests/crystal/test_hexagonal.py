"""Disorientation under 622: orix as the judge, symmetry, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grainlight.crystal import quaternion
from grainlight.crystal.hexagonal import disorientation_angle, rotations

finite = st.floats(-1.0, 1.0, allow_nan=False, width=32)
quaternions = st.tuples(finite, finite, finite, finite).filter(lambda q: sum(x * x for x in q) > 0.01)


def unit(values: tuple[float, ...]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(values, dtype=torch.float64), dim=-1)


def pairs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(11)
    p = quaternion.random((count,), generator, dtype=torch.float64)
    q = quaternion.random((count,), generator, dtype=torch.float64)
    # A third of the pairs is close together, a third of those next to a symmetry-equivalent.
    third = count // 3
    small = quaternion.from_rotation_vector(0.02 * torch.randn(third, 3, generator=generator, dtype=torch.float64))
    symmetry = rotations()[torch.randint(12, (third,), generator=generator)]
    q[:third] = quaternion.multiply(symmetry, quaternion.multiply(small, p[:third]))
    return p, q


def test_disorientation_is_that_of_orix() -> None:
    orix = pytest.importorskip("orix.quaternion")
    symmetry = pytest.importorskip("orix.quaternion.symmetry")
    p, q = pairs(12_000)
    first, second = (orix.Orientation(x.numpy(), symmetry=symmetry.D6h) for x in (p, q))
    expected = np.rad2deg(first.angle_with(second))
    ours = torch.rad2deg(disorientation_angle(p, q)).numpy()
    assert np.abs(ours - expected).max() < 1e-4


def test_brute_force_over_both_sides_agrees() -> None:
    p, q = pairs(300)
    s = rotations()
    left = quaternion.multiply(s[:, None, None], p[None, None])
    right = quaternion.multiply(s[None, :, None], q[None, None])
    w = (left * right).sum(-1).abs().amax((0, 1)).clamp(max=1)
    torch.testing.assert_close(disorientation_angle(p, q), 2 * torch.acos(w), atol=1e-6, rtol=0)


def test_rotations_are_a_group() -> None:
    s = rotations()
    products = quaternion.multiply(s[:, None], s[None]).reshape(-1, 4)
    matches = ((products @ s.T).abs() > 1 - 1e-12).sum(-1)
    assert torch.equal(matches, torch.ones_like(matches))


@given(quaternions, quaternions, st.integers(0, 11), st.integers(0, 11))
def test_symmetry_order_and_sign_do_not_matter(p_: tuple, q_: tuple, i: int, j: int) -> None:
    p, q, s = unit(p_), unit(q_), rotations()
    angle = disorientation_angle(p, q)
    assert 0 <= float(angle) <= math.radians(93.85)
    for other in (
        disorientation_angle(q, p),
        disorientation_angle(quaternion.multiply(s[i], p), -quaternion.multiply(s[j], q)),
    ):
        assert float(other - angle) == pytest.approx(0, abs=1e-9)


@given(quaternions, st.floats(-12, -1), st.integers(0, 11))
def test_small_angles_keep_their_digits(p_: tuple, power: float, i: int) -> None:
    p, angle = unit(p_), 10.0**power
    turned = quaternion.multiply(
        quaternion.from_rotation_vector(torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64) * angle), p
    )
    found = float(disorientation_angle(quaternion.multiply(rotations()[i], turned), p))
    assert found == pytest.approx(angle, rel=1e-6, abs=1e-15)


def test_single_precision_sees_no_angle_between_equals() -> None:
    q = quaternion.random((5000,), torch.Generator().manual_seed(1))
    assert torch.rad2deg(disorientation_angle(q, q)).max() < 1e-4
