"""Orientation colours: those of orix, invariant to symmetry and to the frames a map is written in."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.euler import multiply
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.report import colours
from grainlight.report.colours import NOT_INDEXED, OTHER_PHASE, ipf_colours, quaternion_colours

C_OUT = np.array([1.0, 0.0, 0.0, 0.0])
HALF = np.sqrt(0.5)


@pytest.fixture
def some():
    q = np.random.default_rng(4).standard_normal((500, 4))
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def test_corners_of_the_key():
    # c along Z; a along Z (turn about y); [10-10], 30 degrees from a, along Z
    a_out = np.array([HALF, 0.0, HALF, 0.0])
    thirty = np.array([np.cos(np.radians(15)), 0.0, 0.0, np.sin(np.radians(15))])
    found = quaternion_colours(np.stack([C_OUT, a_out, multiply(thirty, a_out)]))
    assert np.allclose(found, np.eye(3), atol=0.02)


@pytest.mark.parametrize("direction", ["X", "Y", "Z"])
def test_same_as_the_ipf_key_of_orix(some, direction):
    from orix.plot import IPFColorKeyTSL
    from orix.quaternion import Orientation
    from orix.quaternion.symmetry import D6h
    from orix.vector import Vector3d

    vector = {"X": Vector3d.xvector(), "Y": Vector3d.yvector(), "Z": Vector3d.zvector()}[direction]
    expected = IPFColorKeyTSL(D6h, direction=vector).orientation2color(Orientation(some, symmetry=D6h))
    assert np.allclose(quaternion_colours(some, direction), expected, atol=1e-6)


def test_symmetry_changes_no_colour(some):
    from grainlight.crystal.hexagonal import rotations

    for turn in rotations().numpy():
        assert np.allclose(quaternion_colours(multiply(turn, some)), quaternion_colours(some), atol=1e-4)


def test_turn_about_z_changes_no_ipf_z_colour(some):
    turn = np.array([np.cos(0.6), 0.0, 0.0, np.sin(0.6)])
    turned = multiply(some, turn)
    assert np.allclose(quaternion_colours(turned), quaternion_colours(some), atol=1e-4)
    assert not np.allclose(quaternion_colours(turned, "X"), quaternion_colours(some, "X"), atol=0.1)


@pytest.mark.parametrize("direction", ["X", "Y", "Z"])
def test_frames_of_the_map_do_not_matter(some, direction):
    ebsd = OrientationMap.from_quaternions(some.reshape(20, 25, 4), (1.0, 1.0), (Phase(1, "Ti", "6/mmm"),))
    expected = ipf_colours(ebsd, direction)
    for frame in SampleFrame:
        other = ebsd.in_frame(frame).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
        assert np.allclose(ipf_colours(other, direction), expected, atol=1e-4)


def test_other_phases_and_holes():
    q = np.tile(C_OUT, (2, 2, 1))
    phase_id = np.array([[1, 2], [0, -1]], dtype=np.int16)
    phases = (Phase(1, "Ti", "6/mmm"), Phase(2, "beta", "m-3m"))
    found = ipf_colours(OrientationMap.from_quaternions(q, (1.0, 1.0), phases, phase_id=phase_id))
    assert np.allclose(found[0, 0], [1, 0, 0], atol=0.02)
    assert np.allclose(found[0, 1], OTHER_PHASE)
    assert np.allclose(found[1], NOT_INDEXED)


def test_chunks_join(some, monkeypatch):
    whole = quaternion_colours(some)
    monkeypatch.setattr(colours, "_CHUNK", 37)
    assert np.array_equal(quaternion_colours(some), whole)
