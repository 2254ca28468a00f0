"""What an orientation map keeps true whatever frame it is looked at in."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from grainlight.crystal.euler import bunge_from_quaternion, rotation_angle
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import LAUE_GROUPS, Phase, laue_from_name, laue_from_oxford

from .samples import TITANIUM


@pytest.mark.parametrize("frame", SampleFrame)
def test_c_axes_do_not_depend_on_the_frame(random_map, frame):
    np.testing.assert_allclose(random_map.in_frame(frame).c_axes(), random_map.c_axes(), atol=1e-12)
    back = random_map.in_frame(frame).in_frame(random_map.sample_frame)
    assert rotation_angle(back.quaternions, random_map.quaternions).max() < 1e-6
    assert (random_map.c_axes()[~random_map.indexed] == [0, 0, 1]).all()


def test_only_hexagonal_phases_have_two_crystal_frames(random_map):
    turned = random_map.in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
    change = bunge_from_quaternion(turned.quaternions)[..., 2] - bunge_from_quaternion(random_map.quaternions)[..., 2]
    degrees = np.mod(np.degrees(change), 360.0)
    np.testing.assert_allclose(degrees[random_map.phase_id == 1], 30.0, atol=1e-6)
    np.testing.assert_array_equal(
        turned.quaternions[random_map.phase_id != 1], random_map.quaternions[random_map.phase_id != 1]
    )
    np.testing.assert_allclose(turned.c_axes(), random_map.c_axes(), atol=1e-12)


def test_points_that_are_not_indexed_stay_the_identity(random_map):
    for frame in SampleFrame:
        for crystal in CrystalFrame:
            other = random_map.in_frame(frame).in_crystal_frame(crystal)
            assert (other.quaternions[~other.indexed] == [1, 0, 0, 0]).all()


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_every_nth_point(random_map, n):
    coarse = random_map.every(n)
    np.testing.assert_array_equal(coarse.quaternions, random_map.quaternions[::n, ::n])
    np.testing.assert_array_equal(coarse.fields["iq"], random_map.fields["iq"][::n, ::n])
    assert coarse.step == (0.25 * n, 0.5 * n)
    assert coarse.x[0, -1] == pytest.approx((coarse.shape[1] - 1) * coarse.step[0])
    with pytest.raises(ValueError, match="starts at 1"):
        random_map.every(0)


def test_the_upper_left_part(random_map):
    rows = random_map.shape[0]
    part = random_map.cropped(rows - 1, 2)
    assert part.shape == (rows - 1, 2)
    for name in ("quaternions", "phase_id", "x", "y"):
        np.testing.assert_array_equal(getattr(part, name), getattr(random_map, name)[:-1, :2])
    assert all(part.fields[name].shape == part.shape for name in random_map.fields)
    assert (part.step, part.grid, part.origin) == (random_map.step, random_map.grid, random_map.origin)


def test_to_orix(random_map):
    xmap = random_map.in_crystal_frame(CrystalFrame.X_ALONG_A_STAR).to_orix()
    assert xmap.shape == random_map.shape
    assert (xmap.dx, xmap.dy) == pytest.approx(random_map.step)
    np.testing.assert_array_equal(xmap.is_indexed.reshape(random_map.shape), random_map.indexed)
    assert [xmap.phases[i].point_group.name for i in (1, 2)] == ["6/mmm", "m-3m"]
    assert xmap.phases[1].structure.lattice.abcABG() == pytest.approx(TITANIUM.lattice)
    # X along a, as orix assumes
    assert rotation_angle(xmap.rotations.data, random_map.quaternions.reshape(-1, 4)).max() < 1e-6
    np.testing.assert_array_equal(xmap.prop["iq"].reshape(random_map.shape), random_map.fields["iq"])


def test_to_orix_masks_cells_without_a_scan_point(random_map):
    phase_id = random_map.phase_id.copy()
    phase_id[3, 4] = -1
    xmap = random_map.replace(phase_id=phase_id).to_orix()
    assert xmap.size == phase_id.size - 1


def test_shapes_must_agree(random_map):
    with pytest.raises(ValueError, match="quaternions of shape"):
        random_map.replace(quaternions=random_map.quaternions[:5])
    with pytest.raises(ValueError, match="ci of shape"):
        random_map.replace(fields={"ci": np.zeros(3)})


def test_maps_are_frozen_and_travel_between_processes(random_map):
    with pytest.raises(AttributeError):
        random_map.step = (1.0, 1.0)
    with pytest.raises(TypeError):
        random_map.fields["ci"] = 0
    copy = pickle.loads(pickle.dumps(random_map))
    assert isinstance(copy, OrientationMap)
    np.testing.assert_array_equal(copy.quaternions, random_map.quaternions)
    np.testing.assert_array_equal(copy.fields["ci"], random_map.fields["ci"])
    assert copy.phases == random_map.phases


@pytest.mark.parametrize("group", LAUE_GROUPS)
def test_vendors_codes_come_back(group):
    phase = Phase(1, "x", group)
    assert laue_from_name(phase.edax_code) == group
    assert laue_from_oxford(phase.oxford_number) == group
    assert phase.is_6mmm == phase.is_hexagonal == (group == "6/mmm")


def test_codes_named_by_the_vendors():
    assert [laue_from_name(code) for code in ("62", "6", "43", "622", "m3m", "nonsense")] == [
        "6/mmm",
        "6/m",
        "m-3m",
        "6/mmm",
        "m-3m",
        "",
    ]
    assert (laue_from_oxford(9), laue_from_oxford(11), laue_from_oxford(0), laue_from_oxford(12)) == (
        "6/mmm",
        "m-3m",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("names", "group"),
    [
        ("62 126 6/mmm 622 D6h 6/m2/m2/m -6m2", "6/mmm"),
        ("43 131 m-3m m3m 432 Oh 4/m-32/m", "m-3m"),
        ("32 -3m -3m1 3m1 321 D3d", "-3m"),
        ("42 4/mmm -4m2 D4h", "4/mmm"),
        ("22 mmm mm2 D2h", "mmm"),
        ("-31m 999", ""),
    ],
)
def test_spellings_of_a_point_group(names, group):
    assert {laue_from_name(name) for name in names.split()} == {group}
