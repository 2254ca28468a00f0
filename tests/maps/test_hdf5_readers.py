"""h5oina, h5ebsd, dream3d, orix HDF5: places, frames, phases, several scans and sections."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.io.writers.dream3d import cell_arrays, image_grid
from grainlight.maps.io.writers.dream3d_image import write_image

from .samples import assert_places, square
from .vendor_hdf5 import dream3d, h5ebsd, h5oina, layout_8


def test_h5oina(tmp_path):
    ebsd = load_ebsd(h5oina(tmp_path / "a.h5oina"))
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.OXFORD, CrystalFrame.X_ALONG_A_STAR)
    assert [(p.id, p.name, p.laue_group) for p in ebsd.phases] == [(1, "Ti-Hex", "6/mmm")]
    assert ebsd.phases[0].lattice == pytest.approx((2.954, 2.954, 4.729, 90, 90, 120), abs=1e-3)
    assert float(ebsd.fields["mad"][0, 0]) == pytest.approx(0.5)  # degrees, as in a .ctf
    assert ebsd.fields["bc"][2, 3] == 99
    assert_places(ebsd, square(4, 5))


def test_h5oina_points_outside_the_area_are_absent(tmp_path):
    path = h5oina(tmp_path / "a.h5oina")
    with h5py.File(path, "r+") as file:
        data = file["1/EBSD/Data"]
        data["Euler"][:3], data["Phase"][:3] = np.nan, 0
        data["Phase"][3] = 0
    ebsd = load_ebsd(path)
    assert ebsd.phase_id[0].tolist() == [-1, -1, -1, 0, 1]


def test_h5oina_in_degrees_is_refused(tmp_path):
    path = h5oina(tmp_path / "a.h5oina")
    with h5py.File(path, "r+") as file:
        file["1/EBSD/Data/Euler"][...] = np.degrees(file["1/EBSD/Data/Euler"][...])
    with pytest.raises(InputError, match="no radians"):
        load_ebsd(path)


def test_h5oina_acquisitions_by_name(tmp_path):
    path = h5oina(tmp_path / "a.h5oina", slices=("1", "2"))
    with pytest.raises(InputError, match="2 scans"):
        load_ebsd(path)
    assert_places(load_ebsd(path, scan="2"), square(4, 5))


@pytest.mark.parametrize(
    ("maker", "frame", "crystal"),
    [
        ("TSL", SampleFrame.EDAX2, CrystalFrame.X_ALONG_A),
        ("HKL", SampleFrame.OXFORD, CrystalFrame.X_ALONG_A_STAR),
    ],
)
def test_h5ebsd_slices(tmp_path, maker, frame, crystal):
    path = h5ebsd(tmp_path / "a.h5ebsd", maker)
    with pytest.raises(InputError, match=r"three-dimensional(.|\n)*2 sections, 3 to 4"):
        load_ebsd(path)
    ebsd = load_ebsd(path, section=4)
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (frame, crystal)
    assert [phase.laue_group for phase in ebsd.phases] == ["6/mmm"]
    assert_places(ebsd, square(4, 5))


def test_dream3d_sections(tmp_path):
    path = dream3d(tmp_path / "a.dream3d", depth=3)
    with pytest.raises(InputError, match=r"3 sections, 0 to 2"):
        load_ebsd(path)
    with pytest.raises(InputError, match="no section 3"):
        load_ebsd(path, section=3)
    ebsd = load_ebsd(path, section=1)
    assert [(p.name, p.laue_group) for p in ebsd.phases] == [("Titanium", "6/mmm")]
    first = load_ebsd(dream3d(tmp_path / "b.dream3d"))
    np.testing.assert_array_equal(ebsd.quaternions[:3], first.quaternions[1:])
    assert_places(first, square(4, 5))


@pytest.mark.parametrize("depth", [1, 3])
def test_dream3d_of_layout_8_says_what_layout_7_says(tmp_path, depth):
    older = dream3d(tmp_path / "a.dream3d", depth=depth)
    newer = layout_8(older, tmp_path / "b.dream3d")
    section = depth - 1 if depth > 1 else None
    here, there = load_ebsd(older, section=section), load_ebsd(newer, section=section)
    np.testing.assert_array_equal(there.quaternions, here.quaternions)
    assert (there.phases, there.step, there.origin) == (here.phases, here.step, here.origin)
    assert there.source.startswith("dream3d 8 (Scans/Volume")
    if depth > 1:
        with pytest.raises(InputError, match=r"3 sections, 0 to 2"):
            load_ebsd(newer)


def test_geometries_of_layout_8_are_chosen_by_their_paths(tmp_path):
    path = layout_8(dream3d(tmp_path / "a.dream3d"), tmp_path / "b.dream3d")
    with h5py.File(path, "r+") as file:
        file.copy("DataStructure/Scans/Volume", "DataStructure/Other")
    with pytest.raises(InputError, match=r"2 scans(.|\n)*'Other', 'Scans/Volume'"):
        load_ebsd(path)
    assert load_ebsd(path, scan="Scans/Volume").shape == (4, 5)


def test_a_group_of_layout_8_that_holds_itself_is_left(tmp_path):
    path = layout_8(dream3d(tmp_path / "a.dream3d"), tmp_path / "b.dream3d")
    with h5py.File(path, "r+") as file:
        group = file["DataStructure"].create_group("Loop")
        for k in range(20):
            group[f"again{k}"] = group
    assert load_ebsd(path, scan="Scans/Volume").shape == (4, 5)


def test_a_broken_geometry_of_layout_8_is_refused(tmp_path):
    path = layout_8(dream3d(tmp_path / "a.dream3d"), tmp_path / "b.dream3d")
    with h5py.File(path, "r+") as file:
        file["DataStructure/Scans/Volume"].attrs["_SPACING"] = np.array([0.5, 0.0, 1.0], np.float32)
    with pytest.raises(InputError, match="the geometry is no grid of cells"):
        load_ebsd(path)
    with h5py.File(path, "r+") as file:
        file["DataStructure/Scans/Volume"].attrs["_DIMENSIONS"] = np.array([5, 4], np.uint64)
    with pytest.raises(InputError, match="the geometry is no grid of cells"):
        load_ebsd(path)


def test_a_map_written_in_layout_8_comes_back(tmp_path, random_map):
    path = tmp_path / "a.dream3d"
    with h5py.File(path, "w") as stream:
        write_image(stream, "8.0", image_grid(random_map), cell_arrays(random_map, {}), random_map.phases)
    there = load_ebsd(path, crystal_frame=random_map.crystal_frame)
    here = random_map.in_frame(there.sample_frame)
    np.testing.assert_array_equal(there.phase_id > 0, here.phase_id > 0)
    same = np.abs((there.quaternions * here.quaternions).sum(-1))[here.indexed]
    assert np.degrees(2 * np.arccos(np.clip(same, -1, 1))).max() < 1e-2


def test_dream3d_is_the_ang_seen_from_behind(shared_data):
    """DREAM.3D's recommended turns and our frames are the same physics: one scan, read from both files."""
    from grainlight.crystal.euler import multiply

    there = load_ebsd(shared_data / "dream3d/Small_IN100_Slice1.dream3d")
    here = load_ebsd(shared_data / "ebsdlib/Out_Of_Order.ang")
    np.testing.assert_array_equal(there.phase_id[:, ::-1], here.phase_id)
    behind = there.sample_frame.to_frame_s(there.quaternions)[:, ::-1]
    front = multiply(behind, np.array([0.0, 0.0, 1.0, 0.0]))
    same = np.abs((front * here.sample_frame.to_frame_s(here.quaternions)).sum(axis=-1))[here.indexed]
    assert np.degrees(2 * np.arccos(np.clip(same, -1, 1))).max() < 1e-3


def test_h5ebsd_is_the_ang(shared_data):
    here = load_ebsd(shared_data / "ebsdlib/Out_Of_Order.ang")
    there = load_ebsd(shared_data / "simplnx/6_5_h5ebsd_exemplar.h5ebsd", section=1)
    np.testing.assert_array_equal(there.phase_id, here.phase_id)
    np.testing.assert_allclose(there.quaternions, here.quaternions, atol=1e-6)
    assert there.sample_frame is here.sample_frame


@pytest.mark.parametrize("ids", [(0, 1), (1, 3)])
def test_orix_numbers_its_phases_from_anywhere(tmp_path, ids):
    from orix.crystal_map import CrystalMap, Phase, PhaseList
    from orix.io import save
    from orix.quaternion import Rotation

    from .vendor_hdf5 import angles, positions

    x, y = positions(4, 5)
    phase_id = np.full(20, ids[0])
    phase_id[4], phase_id[7] = -1, ids[1]
    phases = PhaseList([Phase("Ti", point_group="6/mmm"), Phase("beta", point_group="m-3m")], ids=list(ids))
    rotations = Rotation.from_euler(angles(4, 5))
    keep = np.ones(20, dtype=bool)
    keep[19] = False
    prop = {"ci": np.linspace(0, 1, 20)}
    crystal_map = CrystalMap(rotations, phase_id, x, y, phase_list=phases, prop=prop, scan_unit="um", is_in_data=keep)
    save(str(tmp_path / "a.h5"), crystal_map)
    ebsd = load_ebsd(tmp_path / "a.h5")
    assert ebsd.crystal_frame is CrystalFrame.X_ALONG_A
    names = {phase.id: (phase.name, phase.laue_group) for phase in ebsd.phases}
    assert names[ebsd.phase_id[0, 0]] == ("Ti", "6/mmm")
    assert names[ebsd.phase_id[1, 2]] == ("beta", "m-3m")
    assert (ebsd.phase_id[0, 4], ebsd.phase_id[3, 4]) == (0, -1)
    np.testing.assert_allclose(ebsd.fields["ci"][:3].ravel(), prop["ci"][:15])
    assert_places(ebsd, [place for place in square(4, 5) if place not in ((0, 4), (3, 4))])
