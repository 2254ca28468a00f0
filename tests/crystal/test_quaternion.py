"""Quaternion conventions, with orix as the judge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from grainlight.crystal import quaternion


def some(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return quaternion.random((count,), generator, dtype=torch.float64)


def test_product_inverse_and_matrix_are_those_of_orix() -> None:
    orix = pytest.importorskip("orix.quaternion")
    p, q = some(200, 1), some(200, 2)
    ours = quaternion.multiply(p, q).numpy()
    theirs = (orix.Rotation(p.numpy()) * orix.Rotation(q.numpy())).data
    assert np.abs(np.abs((ours * theirs).sum(-1)) - 1).max() < 1e-12
    inverse = (~orix.Rotation(p.numpy())).data
    assert np.abs(np.abs((quaternion.conjugate(p).numpy() * inverse).sum(-1)) - 1).max() < 1e-12
    rows = torch.stack(quaternion.crystal_axes(q), -2).numpy()
    assert np.abs(rows - orix.Rotation(q.numpy()).to_matrix()).max() < 1e-12


def test_product_is_first_the_right_one() -> None:
    p, q = some(50, 3), some(50, 4)
    g_p, g_q = (torch.stack(quaternion.crystal_axes(x), -2) for x in (p, q))
    g = torch.stack(quaternion.crystal_axes(quaternion.multiply(p, q)), -2)
    torch.testing.assert_close(g, g_p @ g_q)


def test_axes_are_a_right_handed_frame() -> None:
    a, b, c = quaternion.crystal_axes(some(50))
    torch.testing.assert_close(torch.linalg.cross(c, a), b)
    torch.testing.assert_close(torch.linalg.cross(a, b), c)


@pytest.mark.parametrize("axis", range(3))
def test_matrix_round_trip_at_half_turns_too(axis: int) -> None:
    half_turn = torch.zeros(1, 4, dtype=torch.float64)
    half_turn[0, 1 + axis] = 1.0
    q = torch.cat((half_turn, some(100, 5)))
    a, b, c = quaternion.crystal_axes(q)
    for back in (quaternion.from_axes(a, c), quaternion.from_matrix(torch.stack((a, b, c), -2))):
        torch.testing.assert_close((back * q).sum(-1).abs(), torch.ones(len(q), dtype=torch.float64))


def test_rotation_vector_has_its_angle_and_no_fault_at_zero() -> None:
    v = torch.tensor([[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0], [0.3, -0.2, 0.5], [0.0, 0.0, math.pi]], dtype=torch.float64)
    q = quaternion.from_rotation_vector(v)
    torch.testing.assert_close(q.norm(dim=-1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(2 * torch.atan2(q[:, 1:].norm(dim=-1), q[:, 0]), v.norm(dim=-1))
    # Passive: sample axes seen from a crystal turned by +90 degrees about z; the a-axis then points along y.
    quarter = quaternion.from_rotation_vector(torch.tensor([0.0, 0.0, -math.pi / 2], dtype=torch.float64))
    torch.testing.assert_close(
        quaternion.crystal_axes(quarter)[0], torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), atol=1e-12, rtol=0
    )


def test_random_is_uniform_and_seeded() -> None:
    q = some(40_000, 6)
    # Second moments of a uniform distribution on the sphere in four dimensions.
    assert ((q.T @ q) / len(q) - torch.eye(4) / 4).abs().max() < 0.01
    assert torch.equal(q, some(40_000, 6))
