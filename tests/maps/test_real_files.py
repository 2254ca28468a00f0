"""Every real file at hand is read as what it is, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd

# file, grid, shape, step, Laue groups, indexed points
READ = [
    ("pymicro/Ti64-200x200.ang", "square", (200, 200), (0.4999, 0.4999), ["6/mmm"], 40000),
    ("pymicro/Ti_ebsd_demo_joao.h5", "square", (101, 101), (2.0, 2.0), ["6/mmm"], 10100),
    ("lightform/Sample.cpr", "square", (380, 380), (0.15, 0.15), ["6/mmm", "m-3m"], 120971),
    ("lightform/Sample.crc", "square", (380, 380), (0.15, 0.15), ["6/mmm", "m-3m"], 120971),
    ("defdap/testDataEBSD.cpr", "square", (243, 359), (0.12, 0.12), ["m-3m"], 87237),
    ("defdap/testDataEBSD.crc", "square", (243, 359), (0.12, 0.12), ["m-3m"], 87237),
    ("dream3d/Small_IN100_Slice1.dream3d", "square", (201, 189), (0.25, 0.25), ["m-3m"], 31063),
    ("ebsdlab/EBSD.osc", "hexagonal", (231, 104), (0.2, 0.173205), ["m-3m"], 20964),
    ("ebsdlib/EdaxAngOnly.h5", "square", (151, 186), (1.5, 1.5), ["m-3m"], 28086),
    ("kikuchipy/oxford_patterns_v1.h5oina", "square", (3, 3), (1.5, 1.5), [""], 9),
    ("kikuchipy/oxford_patterns_v2.h5oina", "square", (3, 3), (1.5, 1.5), [""], 9),
    ("orix_data/sdss_ferrite_austenite.ang", "square", (100, 117), (1.5, 1.5), ["m-3m", "m-3m"], 11700),
    ("ebsdlab/EBSD.ang", "hexagonal", (231, 104), (0.2, 0.173205), ["m-3m"], 20964),
    ("ebsdlib/Out_Of_Order.ang", "square", (201, 189), (0.25, 0.25), ["m-3m"], 31063),
    ("dream3d_data/GridMissing.ang", "square", (4, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/MissingHeader_1.ang", "square", (4, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/ShortFile.ang", "square", (3, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/Test_1.ang", "square", (4, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/Test_2.ang", "square", (4, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/Test_3.ang", "square", (4, 40), (0.25, 0.25), ["m-3m"], 0),
    ("dream3d_data/Test_European_1.ctf", "square", (5, 40), (0.5, 0.5), ["6/mmm"], 190),
    ("dream3d_data/Test_US_1.ctf", "square", (5, 40), (0.5, 0.5), ["6/mmm"], 190),
    ("dream3d_data/Test_US_2.ctf", "square", (5, 40), (0.5, 0.5), ["m-3m", "4/mmm", "-3m", "-3m", "m-3m"], 190),
    ("dream3d_data/ZeroXYCells.ctf", "square", (1, 2), (0.5, 0.5), ["6/mmm"], 1),
]
REFUSED = [
    ("dream3d_data/HexHeader.ang", "hexagonal grid"),
    ("dream3d_data/Test_HeaderCache-1.ang", "no scan points"),
    ("dream3d_data/Test_HeaderCache-2.ang", "no scan points"),
    ("dream3d_data/Corrupted_XCells.ctf", "promises far more points"),
    ("dream3d_data/ShortFile.ctf", "promises far more points"),
    ("dream3d_data/Test_European_2.ctf", "three-dimensional, and its points have no depth"),
    ("defdap/testOpticalEBSD.cpr", r"\.crc file that belongs to it is missing"),
    ("pymicro/Ti64-200x200_data.h5", "of a kind that is not read"),
    ("simplnx/6_5_h5ebsd_exemplar.h5ebsd", "three-dimensional"),
]


@pytest.mark.parametrize(("name", "grid", "shape", "step", "groups", "indexed"), READ)
def test_read(shared_data, name, grid, shape, step, groups, indexed):
    ebsd = load_ebsd(shared_data / name)
    assert (ebsd.grid, ebsd.shape) == (grid, shape)
    assert ebsd.step == pytest.approx(step, rel=1e-5)
    assert [phase.laue_group for phase in ebsd.phases] == groups
    assert np.count_nonzero(ebsd.indexed) == indexed
    np.testing.assert_allclose(np.linalg.norm(ebsd.quaternions, axis=-1), 1.0, atol=1e-12)
    assert ("No point is indexed." in ebsd.notes) == (indexed == 0)
    oxford = name.endswith((".ctf", ".cpr", ".crc", ".h5oina"))
    frame = SampleFrame.NONE if name.endswith(".dream3d") else SampleFrame.OXFORD if oxford else SampleFrame.EDAX2
    assert ebsd.sample_frame is frame
    assert ebsd.crystal_frame is (CrystalFrame.X_ALONG_A_STAR if oxford else CrystalFrame.X_ALONG_A)


@pytest.mark.parametrize(("name", "reason"), REFUSED)
def test_refused(shared_data, name, reason):
    with pytest.raises(InputError, match=reason):
        load_ebsd(shared_data / name)


def test_no_file_is_left_out_of_the_table(shared_data):
    if not shared_data.whole:
        pytest.skip("only files with a public home of their own are here")
    known = {entry[0] for entry in READ} | {entry[0] for entry in REFUSED}
    pictures = (".md", ".png", ".jpg")
    files = {path for path in shared_data.rglob("*") if path.suffix not in pictures}
    assert known == {path.relative_to(shared_data.folder).as_posix() for path in files}


def test_comma_decimals_say_the_same_as_points(shared_data):
    comma = load_ebsd(shared_data / "dream3d_data/Test_European_1.ctf")
    point = load_ebsd(shared_data / "dream3d_data/Test_US_1.ctf")
    np.testing.assert_array_equal(comma.quaternions, point.quaternions)
    np.testing.assert_array_equal(comma.phase_id, point.phase_id)
    np.testing.assert_array_equal(comma.x, point.x)


def test_short_file_says_what_is_missing(shared_data):
    ebsd = load_ebsd(shared_data / "dream3d_data/ShortFile.ang")
    assert np.count_nonzero(ebsd.present) == 88
    assert any("promises 160 points, the file has 88" in note for note in ebsd.notes)


def test_points_out_of_order_stand_by_their_positions(shared_data):
    path = shared_data / "ebsdlib/Out_Of_Order.ang"
    table = np.loadtxt(path)
    assert not (np.diff(table[:, 4]) >= 0).all()
    ebsd = load_ebsd(path)
    row, col = np.rint(table[:, 4] / 0.25).astype(int), np.rint(table[:, 3] / 0.25).astype(int)
    np.testing.assert_array_equal(ebsd.fields["sem"][row, col], table[:, 8])


def test_hexagonal_rows_are_shifted(shared_data):
    path = shared_data / "ebsdlab/EBSD.ang"
    ebsd = load_ebsd(path)
    table = np.loadtxt(path)
    written = np.column_stack([ebsd.x[ebsd.present] + ebsd.origin[0], ebsd.y[ebsd.present] + ebsd.origin[1]])
    # the file is in raster order, as is a boolean selection
    np.testing.assert_allclose(written, table[:, 3:5], atol=2e-4)
    assert ebsd.x[1, 0] == pytest.approx(0.1)


def test_the_survey_has_them_all(tmp_path, shared_data):
    from shutil import copy

    from grainlight.maps.io.survey import survey, table

    for name in ("simplnx/6_5_h5ebsd_exemplar.h5ebsd", "dream3d_data/Test_US_1.ctf", "dream3d_data/HexHeader.ang"):
        copy(shared_data / name, tmp_path)
    text = table(survey(tmp_path))
    assert "| HexHeader.ang | refused: the header says hexagonal grid" in text
    assert "6_5_h5ebsd_exemplar.h5ebsd, section 2 | read as h5ebsd (EDAX, section 2) | square | 201 x 189" in text
    assert "Zirc-alloy4 (6/mmm) 95.0 %" in text
    assert str(tmp_path) not in text
