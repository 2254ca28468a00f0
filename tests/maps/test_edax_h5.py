"""EDAX OIM HDF5: positions, frames, points that were never measured, several scans."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd

from .samples import assert_places, square
from .vendor_hdf5 import edax


def test_grid_phase_frames(tmp_path):
    ebsd = load_ebsd(edax(tmp_path / "a.h5"))
    assert (ebsd.shape, ebsd.grid, ebsd.step) == ((4, 5), "square", (0.5, 0.5))
    assert [(p.id, p.name, p.laue_group) for p in ebsd.phases] == [(1, "Titanium (Alpha)", "6/mmm")]
    assert ebsd.phases[0].c == pytest.approx(4.686)
    assert ebsd.crystal_frame is CrystalFrame.X_ALONG_A
    assert set(ebsd.fields) == {"ci", "iq", "valid"}
    assert_places(ebsd, square(4, 5))


# X and Y of the sample on the image, as the drawings show that OIM stores beside the number
@pytest.mark.parametrize(
    ("system", "x", "y"),
    [(1, (0, -1, 0), (1, 0, 0)), (2, (0, 1, 0), (-1, 0, 0)), (3, (-1, 0, 0), (0, -1, 0)), (4, (1, 0, 0), (0, 1, 0))],
)
def test_the_file_names_its_sample_frame(tmp_path, system, x, y):
    from grainlight.crystal.euler import conjugate, multiply

    frame = load_ebsd(edax(tmp_path / "a.h5", system=system)).sample_frame
    for axis, drawn in ((x, [0.0, 1, 0, 0]), (y, [0.0, 0, 1, 0])):
        in_s = multiply(multiply(frame.to_s, drawn), conjugate(frame.to_s))
        np.testing.assert_allclose(in_s[1:], axis, atol=1e-12)


def test_the_user_overrules_the_frame(tmp_path):
    ebsd = load_ebsd(edax(tmp_path / "a.h5"), frame="edax3", crystal_frame="a*")
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.EDAX3, CrystalFrame.X_ALONG_A_STAR)


def test_points_never_measured_keep_their_row(tmp_path):
    path = edax(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        data = file["Scan 1/EBSD/Data"]
        for name, value in (
            ("X Position", -1111111),
            ("Y Position", -1111111),
            ("Valid", 2),
            ("CI", -1),
            ("Phase", -1),
        ):
            data[name][15:] = value
        for name in ("Phi1", "Phi", "Phi2"):
            data[name][15:] = 4 * np.pi
        data["Valid"][3] = 1
        data["CI"][4] = -1
    ebsd = load_ebsd(path)
    assert ebsd.shape == (4, 5)
    assert (ebsd.phase_id[3] == -1).all()
    assert ebsd.phase_id[0].tolist() == [1, 1, 1, 0, 0]
    assert any("5 of 20 points of the scan were not measured" in note for note in ebsd.notes)
    assert_places(ebsd, [place for place in square(3, 5) if place not in ((0, 3), (0, 4))])


def test_order_is_not_trusted_against_positions(tmp_path):
    path = edax(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        data = file["Scan 1/EBSD/Data"]
        for name in ("Phi1", "Phi", "Phi2", "X Position", "Y Position"):
            data[name][...] = data[name][()][::-1]
        data["X Position"][:5] = -1111111
    ebsd = load_ebsd(path)
    assert ebsd.shape == (3, 5)
    assert_places(ebsd, square(3, 5))


def test_several_scans_ask_for_a_name(tmp_path):
    path = edax(tmp_path / "a.h5", scans=("Before", "After heating"))
    with pytest.raises(InputError, match=r"2 scans\n.*'After heating', 'Before'(.|\n)*--scan"):
        load_ebsd(path)
    assert "scan Before" in load_ebsd(path, scan="before").source
    with pytest.raises(InputError, match="no scan 'During'"):
        load_ebsd(path, scan="During")


def test_titanium_that_oim_wrote(shared_data):
    ebsd = load_ebsd(shared_data / "pymicro/Ti_ebsd_demo_joao.h5")
    assert (ebsd.shape, ebsd.grid, ebsd.step) == ((101, 101), "square", (2.0, 2.0))
    assert [(p.name, p.laue_group) for p in ebsd.phases] == [("Titanium (Alpha)", "6/mmm")]
    assert (ebsd.phase_id[100] == -1).all()
    assert (ebsd.phase_id[:100] == 1).all()
    assert ebsd.sample_frame is SampleFrame.EDAX2


def test_nickel_that_oim_wrote(shared_data):
    ebsd = load_ebsd(shared_data / "ebsdlib/EdaxAngOnly.h5")
    assert (ebsd.shape, ebsd.step) == ((151, 186), (1.5, 1.5))
    assert [(p.name, p.laue_group) for p in ebsd.phases] == [("Nickel", "m-3m")]
    assert ebsd.indexed.all()


def test_phases_numbered_from_zero(tmp_path):
    """Groups Phase/0 and Phase/1, points -1 not indexed."""
    path = edax(tmp_path / "a.h5", rows=1, cols=5)
    with h5py.File(path, "r+") as file:
        ebsd = file["Scan 1/EBSD"]
        ebsd["Header/Phase"].move("1", "0")
        other = ebsd["Header/Phase"].create_group("1")
        other["MaterialName"], other["Symmetry"] = "beta", np.int32(131)
        ebsd["Data/Phase"][...] = [0, 1, -1, 0, 1]
    found = load_ebsd(path)
    assert [(p.id, p.laue_group) for p in found.phases] == [(1, "6/mmm"), (2, "m-3m")]
    assert found.phase_id[0].tolist() == [1, 2, 0, 1, 2]
    assert any("so does the header" in note for note in found.notes)
