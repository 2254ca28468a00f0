"""Grains of a volume are what connected faces say, and of one section what the grains of a section say."""

from __future__ import annotations

import csv
import dataclasses
import io

import numpy as np
import pytest
from drawn_volumes import synthetic_volume, volume_of
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.crystal.euler import multiply, quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, change_crystal_frame
from grainlight.crystal.symmetry import disorientation, rotations
from grainlight.grains.grain_map import find_grains
from grainlight.grains.segment import in_reading_order
from grainlight.grains.table import grain_table
from grainlight.maps.phase import TITANIUM, Phase
from grainlight.volume.grains.grain_volume import find_volume_grains
from grainlight.volume.grains.table import contact_table, volume_figure_table, volume_grain_table
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume


@pytest.fixture
def volume() -> Volume:
    return synthetic_volume()[0]


def crystals(count: int, seed: int = 0) -> np.ndarray:
    """Orientations (count, 4) far from one another."""
    random, found = np.random.default_rng(seed), np.zeros((0, 4))
    while len(found) < count:
        one = random.normal(size=4)
        one /= np.linalg.norm(one)
        if not len(found) or disorientation(one[None], found).min() > 12:
            found = np.vstack([found, one])
    return found


def painted(labels: np.ndarray, **changes) -> Volume:
    return volume_of(crystals(int(labels.max()) + 1)[labels].astype(np.float32), **changes)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def over_faces(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Connected voxels of one label by the definition: union-find over every face."""
    parent = np.arange(labels.size).reshape(labels.shape)
    flat = parent.reshape(-1).copy()

    def root(i: int) -> int:
        while flat[i] != i:
            i = flat[i]
        return i

    for axis in range(3):
        cut = [slice(None)] * 3
        other = list(cut)
        cut[axis], other[axis] = slice(None, -1), slice(1, None)
        one, two = tuple(cut), tuple(other)
        same = (labels[one] == labels[two]) & known[one] & known[two]
        for i, j in zip(parent[one][same], parent[two][same], strict=True):
            flat[root(j)] = root(i)
    found = np.array([root(i) for i in range(labels.size)]).reshape(labels.shape)
    return in_reading_order(np.where(known, found + 1, 0))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
def test_labels_are_connected_over_faces(seed: int, deep: int, rows: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (deep, rows, columns))
    known = random.random(labels.shape) < 0.8
    volume = painted(labels, phase_id=known.astype(np.int16))
    found = find_volume_grains(volume, minimum_voxels=1)
    np.testing.assert_array_equal(found.labels, over_faces(labels, known))
    assert found.grains.voxels.sum() == known.sum()


def test_one_section_has_the_grains_of_a_section() -> None:
    whole, _ = synthetic_volume(seed=5, sections=3, shape=(40, 36), family="twinned")
    random = np.random.default_rng(1)
    q = np.array(whole.quaternions[1:2])
    wrong = random.random(q.shape[:3]) < 0.05
    q[wrong] = crystals(int(wrong.sum()) % 7 + 3)[random.integers(0, 3, int(wrong.sum()))]
    volume = volume_of(q)
    for least in (1, 5):
        found = find_volume_grains(volume, minimum_voxels=least)
        flat = find_grains(volume_section(volume, 0), minimum_pixels=least)
        np.testing.assert_array_equal(found.labels[0], flat.labels)
        np.testing.assert_array_equal(found.grains.voxels, flat.grains.pixels)
        np.testing.assert_array_equal(found.grains.neighbours, flat.grains.neighbours)
        assert disorientation(found.grains.orientation, flat.grains.orientation).max() < 1e-3
        np.testing.assert_allclose(found.grains.gos, flat.grains.gos, atol=1e-4)
        np.testing.assert_allclose(found.grains.volume, flat.grains.area * volume.step, rtol=1e-12)
        one, two = lines(volume_grain_table(found)), lines(grain_table(flat))
        for name in ("id", "phase", "neighbours", "sample_frame", "crystal_frame"):
            assert [line[name] for line in one] == [line[name] for line in two], name
        for name in ("x_um", "y_um", "Phi_deg"):
            numbers = [[float(line[name]) for line in table] for table in (one, two)]
            np.testing.assert_allclose(*numbers, atol=1e-3)


def test_labels_do_not_depend_on_which_end_is_first() -> None:
    volume, _ = synthetic_volume(seed=8, sections=7)
    found = find_volume_grains(volume)
    turned = dataclasses.replace(
        volume,
        z=-volume.z[::-1],
        **{
            name: getattr(volume, name)[::-1]
            for name in ("quaternions", "phase_id", "uncertainty", "other_grain", "boundary", "source", "light")
        },
    )
    other = find_volume_grains(turned)
    np.testing.assert_array_equal(in_reading_order(other.labels[::-1]), found.labels)
    np.testing.assert_allclose(np.sort(other.grains.volume), np.sort(found.grains.volume))


def test_uneven_heights_make_sections_thick() -> None:
    labels = np.zeros((4, 3, 3), int)
    labels[2:] = 1
    volume = painted(labels, z=np.array([0.0, 1.0, 4.0, 5.0]))
    np.testing.assert_allclose(volume.thickness, [1.0, 2.0, 2.0, 1.0])
    found = find_volume_grains(volume, minimum_voxels=1)
    area = 9 * volume.step**2
    np.testing.assert_allclose(found.grains.volume, [3 * area, 3 * area])
    np.testing.assert_allclose(np.pi / 6 * found.grains.diameter**3, found.grains.volume)
    np.testing.assert_allclose(found.grains.z, [2 / 3, (4 * 2 + 5) / 3])
    (contact,) = lines(contact_table(found))
    assert contact["faces"] == "9"
    assert float(contact["area_um2"]) == pytest.approx(area)
    apart = float(disorientation(*crystals(2)))
    assert float(contact["across_deg"]) == pytest.approx(apart, abs=1e-3)
    assert float(contact["means_deg"]) == pytest.approx(apart, abs=1e-3)


def test_faces_inside_a_section_are_as_high_as_it_is_thick() -> None:
    labels = np.zeros((3, 4, 5), int)
    labels[:, :, 2:] = 1
    volume = painted(labels, z=np.array([0.0, 1.0, 5.0]))
    found = find_volume_grains(volume, minimum_voxels=1)
    area = 4 * volume.step * volume.thickness.sum()
    np.testing.assert_allclose(found.contacts.area, [area])
    assert found.figures["boundary_density"] == pytest.approx(area / (20 * volume.step**2 * volume.thickness.sum()))


def test_mean_orientation_knows_symmetry() -> None:
    labels = np.zeros((3, 4, 4), int)
    labels[:, 2:] = 1
    random = np.random.default_rng(0)
    group = rotations("6/mmm")
    q = multiply(group[random.integers(0, 12, labels.shape)], crystals(2)[labels])
    found = find_volume_grains(volume_of(q.astype(np.float32)))
    assert disorientation(found.grains.orientation, crystals(2)).max() < 1e-4
    assert found.grains.gos.max() < 1e-3


@pytest.mark.parametrize("frame", list(CrystalFrame))
def test_table_is_in_the_frames_of_the_volume(frame: CrystalFrame) -> None:
    labels = np.zeros((2, 4, 4), int)
    labels[:, 2:] = 1
    q = change_crystal_frame(crystals(2)[labels], CrystalFrame.X_ALONG_A, frame).astype(np.float32)
    table = lines(volume_grain_table(find_volume_grains(volume_of(q, crystal_frame=frame))))
    assert [line["crystal_frame"] for line in table] == [frame.value] * 2
    written = quaternion_from_bunge(
        np.radians([[float(line[name]) for name in ("phi1_deg", "Phi_deg", "phi2_deg")] for line in table])
    )
    assert disorientation(written, q[0, [0, 2], 0]).max() < 1e-2


def test_border_is_where_nothing_lies_outside() -> None:
    labels = np.ones((7, 7, 7), int)
    labels[2:5, 2:5, 2:5] = 0
    inside = find_volume_grains(painted(labels))
    edge = dict(zip((line := inside.grains).id.tolist(), line.on_edge.tolist(), strict=True))
    assert edge[int(inside.labels[3, 3, 3])] is False
    assert edge[int(inside.labels[0, 0, 0])] is True
    assert inside.figures["interior_grains"] == 1
    # the same grain where the volume ends beside it, along each axis
    for axis in range(3):
        known = np.ones(labels.shape, np.int16)
        known[tuple(slice(5, None) if i == axis else slice(None) for i in range(3))] = 0
        cut = find_volume_grains(painted(labels, phase_id=known))
        assert cut.grains.on_edge[cut.labels[3, 3, 3] - 1]
    # but not beside a hole
    known = np.ones(labels.shape, np.int16)
    known[3, 3, 3] = 0
    whole = find_volume_grains(painted(labels, phase_id=known))
    assert not whole.grains.on_edge[whole.labels[2, 2, 2] - 1]
    assert whole.labels[3, 3, 3] == 0


def test_phases_are_apart() -> None:
    beta = Phase(4, "beta", "m-3m", 3.3, 3.3, 3.3)
    phase = np.ones((3, 4, 4), np.int16)
    phase[2] = 4
    found = find_volume_grains(painted(np.zeros(phase.shape, int), phase_id=phase, phases=(TITANIUM, beta)))
    assert found.grains.phase.tolist() == [1, 4]
    (contact,) = lines(contact_table(found))
    assert (contact["across_deg"], contact["means_deg"]) == ("", "")
    assert lines(volume_grain_table(found))[1]["crystal_frame"] == ""


def test_small_grains_join_and_leave_the_mean_alone() -> None:
    labels = np.zeros((5, 6, 6), int)
    labels[2, 3, 3] = 1
    found = find_volume_grains(painted(labels), minimum_voxels=2)
    assert len(found.grains) == 1
    assert found.grains.voxels.tolist() == [180]
    assert disorientation(found.grains.orientation[0], crystals(2)[0]) < 1e-4
    alone = np.zeros(labels.shape, np.int16)
    alone[2, 3, 3] = 1
    assert len(find_volume_grains(painted(labels, phase_id=alone), minimum_voxels=2).grains) == 0


def test_smallest_grain_is_what_a_point_stands_for(volume: Volume) -> None:
    assert find_volume_grains(volume).minimum_voxels == 5
    record = {"settings": {"scale": 4}}
    assert find_volume_grains(dataclasses.replace(volume, record=record)).minimum_voxels == 16


def test_mean_uncertainty_is_of_what_is_bounded(volume: Volume) -> None:
    found = find_volume_grains(volume, minimum_voxels=1)
    for number in (1, 3):
        mean = np.nanmean(volume.uncertainty[found.labels == number])
        assert found.grains.uncertainty[number - 1] == pytest.approx(mean, rel=1e-5)


def test_figures_stand_in_their_table(volume: Volume) -> None:
    found = find_volume_grains(volume)
    table = {line["figure"]: line for line in lines(volume_figure_table(found))}
    assert list(table) == list(found.figures)
    assert int(table["grains"]["value"]) == len(found.grains)


class OnDisk:
    """An array that only gives one section at a time."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape = array, array.shape

    def __getitem__(self, k: int) -> np.ndarray:
        assert isinstance(k, int)
        return self.array[k]


def test_sections_are_asked_for_one_by_one(volume: Volume) -> None:
    layers = ("quaternions", "phase_id", "uncertainty", "other_grain", "boundary", "source", "light")
    lazy = dataclasses.replace(volume, **{name: OnDisk(getattr(volume, name)) for name in layers})
    one, two = find_volume_grains(lazy), find_volume_grains(volume)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert volume_grain_table(one) == volume_grain_table(two)
