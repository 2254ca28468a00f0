"""The vendors' frames: the tables of the physics notes, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.euler import (
    bunge_from_quaternion,
    c_axis,
    matrix_from_quaternion,
    quaternion_from_bunge,
    rotation_angle,
)
from grainlight.crystal.frames import CrystalFrame, SampleFrame, change_crystal_frame

# Euler angles in degrees, frame, c in frame S, beta and azimuth in degrees after the headless flip
EULER_TABLE = [
    ((0, 90, 0), "oxford", (0, -1, 0), 90, 270),
    ((0, 90, 0), "edax1", (-1, 0, 0), 90, 180),
    ((0, 90, 0), "edax2", (1, 0, 0), 90, 0),
    ((90, 90, 17), "oxford", (1, 0, 0), 90, 0),
    ((90, 90, 17), "edax1", (0, -1, 0), 90, 270),
    ((90, 90, 17), "edax2", (0, 1, 0), 90, 90),
    ((30, 45, 60), "oxford", (0.353553, -0.612372, 0.707107), 45, 300),
    ((30, 45, 60), "edax1", (-0.612372, -0.353553, 0.707107), 45, 210),
    ((30, 45, 60), "edax2", (0.612372, 0.353553, 0.707107), 45, 30),
    ((200, 120, 10), "oxford", (-0.296198, 0.813798, -0.5), 60, 290),
    ((200, 120, 10), "edax1", (0.813798, 0.296198, -0.5), 60, 200),
    ((200, 120, 10), "edax2", (-0.813798, -0.296198, -0.5), 60, 20),
    ((345.6, 78.9, 12.3), "oxford", (-0.244038, -0.950464, 0.192522), 78.9, 255.6),
    ((345.6, 78.9, 12.3), "edax1", (-0.950464, 0.244038, 0.192522), 78.9, 165.6),
    ((345.6, 78.9, 12.3), "edax2", (0.950464, -0.244038, 0.192522), 78.9, 345.6),
]


@pytest.mark.parametrize(("euler", "frame", "expected", "beta", "azimuth"), EULER_TABLE)
def test_c_axis_in_frame_s(euler, frame, expected, beta, azimuth):
    axis = c_axis(SampleFrame(frame).to_frame_s(quaternion_from_bunge(np.radians(euler))))
    np.testing.assert_allclose(axis, expected, atol=1e-6)
    headless = -axis if axis[2] < -1e-12 else axis
    assert np.degrees(np.arccos(headless[2])) == pytest.approx(beta, abs=1e-6)
    assert (np.degrees(np.arctan2(headless[1], headless[0])) - azimuth + 180) % 360 == pytest.approx(180, abs=1e-6)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("oxford", lambda a, b, c: (a, b, c)),
        ("edax1", lambda a, b, c: (b, -a, c)),
        ("edax2", lambda a, b, c: (-b, a, c)),
        ("edax3", lambda a, b, c: (a, b, c)),
        ("edax4", lambda a, b, c: (-a, -b, c)),
        ("none", lambda a, b, c: (a, -b, -c)),
        ("S", lambda a, b, c: (a, b, c)),
    ],
)
def test_vectors_of_each_frame(frame, expected):
    vector = np.array([0.2, -0.5, 0.7])
    matrix = matrix_from_quaternion(SampleFrame(frame).to_s)
    np.testing.assert_allclose(matrix @ vector, expected(*vector), atol=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("frame", SampleFrame)
def test_there_and_back(frame):
    quaternion = quaternion_from_bunge(np.random.default_rng(1).uniform(0, 3, (100, 3)))
    back = frame.from_frame_s(frame.to_frame_s(quaternion))
    assert rotation_angle(back, quaternion).max() < 1e-10


def test_crystal_frames_differ_by_30_degrees_of_phi2():
    euler = np.array([0.4, 0.9, 1.3])
    quaternion = quaternion_from_bunge(euler)
    turned = change_crystal_frame(quaternion, CrystalFrame.X_ALONG_A, CrystalFrame.X_ALONG_A_STAR)
    np.testing.assert_allclose(bunge_from_quaternion(turned), [0.4, 0.9, 1.3 + np.pi / 6], atol=1e-12)
    np.testing.assert_allclose(c_axis(turned), c_axis(quaternion), atol=1e-15)
    back = change_crystal_frame(turned, CrystalFrame.X_ALONG_A_STAR, CrystalFrame.X_ALONG_A)
    assert rotation_angle(back, quaternion) < 1e-10


def test_the_a_axis_stays_where_it_is_in_the_sample():
    quaternion = quaternion_from_bunge([0.4, 0.9, 1.3])
    a_axis = matrix_from_quaternion(quaternion)[0]
    turned = matrix_from_quaternion(
        change_crystal_frame(quaternion, CrystalFrame.X_ALONG_A, CrystalFrame.X_ALONG_A_STAR)
    )
    # with X along a*, a lies 30 degrees clockwise of X
    np.testing.assert_allclose(np.cos(np.pi / 6) * turned[0] - np.sin(np.pi / 6) * turned[1], a_axis, atol=1e-14)
