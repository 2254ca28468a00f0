"""Bunge angles and quaternions in numpy, with orix as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orix.quaternion import Orientation, Rotation

from grainlight.crystal.euler import (
    bunge_from_quaternion,
    c_axis,
    conjugate,
    matrix_from_quaternion,
    multiply,
    quaternion_from_bunge,
    rotate,
    rotation_angle,
)

ANGLES = np.random.default_rng(5).uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (2000, 3))


def same_up_to_sign(left, right):
    return np.abs(np.abs(np.sum(left * right, axis=-1)) - 1).max()


@pytest.mark.parametrize("oracle", [Rotation, Orientation])
def test_quaternions_are_those_of_orix(oracle):
    assert same_up_to_sign(quaternion_from_bunge(ANGLES), oracle.from_euler(ANGLES).data) < 1e-14


def test_matrices_and_products_are_those_of_orix():
    left, right = quaternion_from_bunge(ANGLES[:1000]), quaternion_from_bunge(ANGLES[1000:])
    np.testing.assert_allclose(matrix_from_quaternion(left), Rotation(left).to_matrix(), atol=1e-14)
    assert same_up_to_sign(multiply(left, right), (Rotation(left) * Rotation(right)).data) < 1e-14
    np.testing.assert_allclose(
        matrix_from_quaternion(multiply(left, right)),
        matrix_from_quaternion(left) @ matrix_from_quaternion(right),
        atol=1e-14,
    )


def test_bunge_angles_are_those_of_the_matrix_definition():
    def about(axis, angle):
        c, s, one, nil = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
        rows = {"z": [[c, s, nil], [-s, c, nil], [nil, nil, one]], "x": [[one, nil, nil], [nil, c, s], [nil, -s, c]]}
        return np.moveaxis(np.array(rows[axis]), -1, 0)

    g = about("z", ANGLES[:, 2]) @ about("x", ANGLES[:, 1]) @ about("z", ANGLES[:, 0])
    np.testing.assert_allclose(matrix_from_quaternion(quaternion_from_bunge(ANGLES)), g, atol=1e-14)


def test_angles_come_back():
    np.testing.assert_allclose(bunge_from_quaternion(quaternion_from_bunge(ANGLES)), ANGLES, atol=1e-7)


@pytest.mark.parametrize("tilt", [0.0, np.pi])
@given(phi1=st.floats(-20, 20), phi2=st.floats(-20, 20))
def test_degenerate_tilts_keep_the_rotation(tilt, phi1, phi2):
    quaternion = quaternion_from_bunge([phi1, tilt, phi2])
    euler = bunge_from_quaternion(quaternion)
    assert rotation_angle(quaternion_from_bunge(euler), quaternion) < 1e-6
    assert euler[2] == pytest.approx(0.0, abs=1e-12)
    assert (euler >= 0).all()
    assert (euler < 2 * np.pi).all()


def test_conjugate_is_the_inverse_and_rotation_keeps_lengths():
    quaternion = quaternion_from_bunge(ANGLES)
    identity = multiply(quaternion, conjugate(quaternion))
    np.testing.assert_allclose(identity, np.broadcast_to([1.0, 0, 0, 0], identity.shape), atol=1e-14)
    vector = np.random.default_rng(6).normal(size=(2000, 3))
    turned = rotate(quaternion, vector)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(vector, axis=-1))
    np.testing.assert_allclose(rotate(conjugate(quaternion), turned), vector, atol=1e-13)


def test_c_axis_is_the_third_row():
    np.testing.assert_allclose(c_axis(quaternion_from_bunge(np.radians([90, 90, 17]))), [1, 0, 0], atol=1e-15)
    quaternion = quaternion_from_bunge(ANGLES)
    np.testing.assert_allclose(c_axis(quaternion), matrix_from_quaternion(quaternion)[:, 2])
    # the c-axis in the sample is what becomes (0, 0, 1) in the crystal
    np.testing.assert_allclose(rotate(quaternion, c_axis(quaternion)), np.tile([0.0, 0, 1], (2000, 1)), atol=1e-14)


def test_rotation_angle_of_a_turn():
    start = quaternion_from_bunge(ANGLES[0])
    turned = quaternion_from_bunge(ANGLES[0] + np.radians([0, 0, 12.5]))
    assert rotation_angle(start, turned) == pytest.approx(12.5, abs=1e-10)
    assert rotation_angle(start, -start) == pytest.approx(0.0, abs=1e-10)
