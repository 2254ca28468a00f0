"""Dialects of .ang, one synthetic file each, and what is written."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from grainlight.crystal.euler import rotation_angle
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd

from .samples import ang_header, ang_rows, assert_places, square


def test_square(write):
    ebsd = load_ebsd(write("a.ang", [ang_header(3, 4), *ang_rows(square(3, 4))]))
    assert (ebsd.shape, ebsd.grid, ebsd.step, ebsd.notes) == ((3, 4), "square", (0.5, 0.5), ())
    assert_places(ebsd, square(3, 4))
    np.testing.assert_allclose(ebsd.x[2], [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(ebsd.y[:, 1], [0, 0.5, 1])
    assert list(ebsd.fields) == ["iq", "ci", "sem", "fit"]
    assert ebsd.fields["ci"][1, 2] == np.float32(0.5)
    assert ebsd.source == "ang (EDAX)"
    assert ebsd.is_6mmm.all()
    assert ebsd.hexagonal.all()


@pytest.mark.parametrize("order", ["column-major", "shuffled", "reversed"])
def test_order_does_not_matter(write, order):
    places = square(5, 4)
    if order == "column-major":
        places = sorted(places, key=lambda place: (place[1], place[0]))
    elif order == "shuffled":
        places = [places[i] for i in np.random.default_rng(0).permutation(len(places))]
    else:
        places = places[::-1]
    ebsd = load_ebsd(write("a.ang", [ang_header(5, 4), *ang_rows(places)]))
    assert ebsd.shape == (5, 4)
    assert_places(ebsd, square(5, 4))


def test_left_out_points(write):
    places = [place for place in square(5, 5) if place not in [(0, 0), (2, 3), (4, 4)]]
    ebsd = load_ebsd(write("a.ang", [ang_header(5, 5), *ang_rows(places)]))
    assert_places(ebsd, places)
    assert [tuple(place) for place in np.argwhere(ebsd.phase_id == -1)] == [(0, 0), (2, 3), (4, 4)]
    np.testing.assert_array_equal(ebsd.quaternions[0, 0], [1, 0, 0, 0])
    assert any("3 of 25 places" in note for note in ebsd.notes)


def test_origin_of_a_crop_is_kept(write):
    places = [(r + 4, c + 7) for r, c in square(3, 3)]
    ebsd = load_ebsd(write("a.ang", [ang_header(3, 3), *ang_rows(places)]))
    assert ebsd.origin == pytest.approx((3.5, 2.0))
    assert ebsd.x[0, 0] == ebsd.y[0, 0] == 0.0


@pytest.mark.parametrize("longer", ["first", "second", "neither"])
@pytest.mark.parametrize("header", [True, False])
def test_hexagonal(write, longer, header):
    odd, even = {"first": (5, 4), "second": (4, 5), "neither": (5, 5)}[longer]
    places = [(r, c) for r in range(6) for c in range(odd if r % 2 == 0 else even)]
    shift = -0.25 if longer == "second" else 0.25
    head = ang_header(6, odd, even, dy=0.433, grid="HexGrid")
    if not header:
        head = "".join(line for line in head.splitlines(True) if not any(k in line for k in ("GRID", "STEP", "N")))
    lines = ang_rows(places, dy=0.433, shift=shift)
    ebsd = load_ebsd(write("a.ang", [head, *lines]))
    assert (ebsd.grid, ebsd.shape) == ("hexagonal", (6, 5))
    assert ebsd.x[1, 0] == pytest.approx(shift)
    assert ebsd.step == pytest.approx((0.5, 0.433), rel=1e-4)
    assert_places(ebsd, places)
    assert np.count_nonzero(ebsd.present) == len(places)


def test_commas_long_header_and_lines_without_hash(write):
    head = ang_header(3, 4).splitlines(True)
    extra = [f"# hklFamilies   \t {i}  0  0 1 0.000000 1\n" for i in range(1500)]
    text = "".join(head[:8] + extra + head[8:] + ang_rows_text(3, 4))
    commas = text.replace(".", ",")
    bare = "".join(line.lstrip("# ") if line.startswith("#") else line for line in text.splitlines(True))
    for name, content in (("a.ang", text), ("b.ang", commas), ("c.ang", bare)):
        ebsd = load_ebsd(write(name, content))
        assert ebsd.notes == ()
        assert ebsd.phases[0].lattice == (2.95, 2.95, 4.686, 90, 90, 120)
        assert_places(ebsd, square(3, 4))


def ang_rows_text(rows, cols):
    return [line + "\n" for line in ang_rows(square(rows, cols))]


@pytest.mark.parametrize("columns", range(8, 15))
def test_eight_to_fourteen_columns(write, columns):
    tail = ["100.0", "0.5", "0", "10", "1.0", "11", "12", "13", "14"][: columns - 5]
    ebsd = load_ebsd(write("a.ang", [ang_header(2, 2), *ang_rows(square(2, 2), tail=" ".join(tail))]))
    assert len(ebsd.fields) == columns - 6
    if columns == 14:
        assert list(ebsd.fields)[4:] == ["column_11", "column_12", "column_13", "column_14"]
        assert ebsd.fields["column_12"][0, 0] == 12


def test_column_names_of_the_header_are_used(write):
    head = ang_header(2, 2) + "# COLUMN_HEADERS: phi1, PHI, phi2, x, y, IQ, CI, Phase index, SEM, Fit, PRIAS Top\n"
    ebsd = load_ebsd(write("a.ang", [head, *ang_rows(square(2, 2), tail="100 0.5 0 10 1 77")]))
    assert list(ebsd.fields) == ["iq", "ci", "sem", "fit", "prias_top"]


def test_four_pi_is_not_indexed(write):
    lines = ang_rows(square(1, 3), tail="90 0.0 0")
    for place, angles in ((0, "12.56637 12.56637 12.56637"), (2, "0.00000 12.56637 12.56637")):
        lines[place] = angles + "  " + "  ".join(lines[place].split()[3:])
    ebsd = load_ebsd(write("a.ang", [ang_header(1, 3), *lines]))
    assert ebsd.phase_id[0].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(ebsd.quaternions[0, 0], [1, 0, 0, 0])


@pytest.mark.parametrize("stated", [0.25, 1.0, 0.3, -1.0, 0.0])
def test_points_overrule_a_wrong_step(write, stated):
    ebsd = load_ebsd(write("a.ang", [ang_header(4, 4, dx=stated, dy=stated), *ang_rows(square(4, 4))]))
    assert ebsd.step == pytest.approx((0.5, 0.5))
    assert_places(ebsd, square(4, 4))
    assert any("XSTEP" in note for note in ebsd.notes)


def test_a_row_more_promised_than_there_is(write):
    ebsd = load_ebsd(write("a.ang", [ang_header(4, 3), *ang_rows(square(3, 3))]))
    assert ebsd.shape == (3, 3)
    assert ebsd.notes == ("The header promises 12 points, the file has 9.",)


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_a_crop_with_the_header_of_the_whole_map(write, grid):
    """Fewer than one in twenty of the promised points, but a full rectangle: read where it stands, and said."""
    hexagonal = grid == "hexagonal"
    places = [(r + 20, c + 10) for r, c in square(8, 7)]
    head = ang_header(100, 90, 89, dy=0.433, grid="HexGrid") if hexagonal else ang_header(100, 90, dy=0.433)
    ebsd = load_ebsd(write("a.ang", [head, *ang_rows(places, dy=0.433, shift=0.25 if hexagonal else 0)]))
    assert (ebsd.shape, ebsd.grid, ebsd.present.all()) == ((8, 7), grid, True)
    assert ebsd.origin == pytest.approx((5.0, 20 * 0.433))
    assert len(ebsd.notes) == 1
    assert "8 x 7 places: read as a crop" in ebsd.notes[0]


def test_a_cut_file_is_no_crop(write):
    """Rows of full length, or a rectangle with holes: refused, with both ways on."""
    head = ang_header(100, 7)
    holes = [place for place in square(9, 8) if place != (4, 4)]
    for text in ([head, *ang_rows(square(3, 7))], [ang_header(100, 90), *ang_rows(holes)]):
        with pytest.raises(InputError, match="promises far more") as caught:
            load_ebsd(write("a.ang", text))
        assert "NROWS" in str(caught.value)
        assert "correct the numbers of rows and columns" in str(caught.value)


@pytest.mark.parametrize("exchanged", [False, True])
def test_exchanged_columns_of_x_and_y_are_said(write, exchanged):
    places = square(3, 5)
    lines = ang_rows([place[::-1] for place in places] if exchanged else places)
    ebsd = load_ebsd(write("a.ang", [ang_header(3, 5), *lines]))
    assert ebsd.shape == ((5, 3) if exchanged else (3, 5))
    assert ["x and y may be exchanged" in note for note in ebsd.notes] == [True] * exchanged


def test_frames_can_be_overruled(write):
    path = write("a.ang", [ang_header(2, 2), *ang_rows(square(2, 2))])
    default, first = load_ebsd(path), load_ebsd(path, frame="edax1", crystal_frame="a*")
    assert default.sample_frame is SampleFrame.EDAX2
    assert first.crystal_frame is CrystalFrame.X_ALONG_A_STAR
    # settings 1 and 2 differ by half a turn about the normal
    np.testing.assert_allclose(first.c_axes(), default.c_axes() * [-1, -1, 1], atol=1e-12)


def physical(ebsd):
    return ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)


def assert_same(one, other):
    one, other = physical(one), physical(other)
    np.testing.assert_array_equal(one.indexed, other.indexed)
    np.testing.assert_array_equal(one.phase_id[one.indexed], other.phase_id[one.indexed])
    np.testing.assert_allclose(one.x, other.x, atol=1e-4)
    np.testing.assert_allclose(one.y, other.y, atol=1e-4)
    assert rotation_angle(one.quaternions, other.quaternions).max() < 1e-3
    for a, b in zip(one.phases, other.phases, strict=True):
        assert (a.name, a.laue_group) == (b.name, b.laue_group)
        assert a.lattice == pytest.approx(b.lattice, abs=1e-3)


@pytest.mark.parametrize("frame", SampleFrame)
@pytest.mark.parametrize("crystal", CrystalFrame)
@pytest.mark.parametrize("suffix", [".ang", ".ctf"])
def test_round_trip(random_map, tmp_path, frame, crystal, suffix):
    start = random_map.replace(sample_frame=frame, crystal_frame=crystal)
    save_ebsd(start, tmp_path / f"a{suffix}")
    back = load_ebsd(tmp_path / f"a{suffix}")
    assert_same(start, back)
    assert back.notes == ()


@pytest.mark.parametrize("chain", [(".ang", ".ctf", ".ang"), (".ctf", ".ang", ".ctf")])
def test_one_vendor_to_the_other(random_map, tmp_path, chain):
    ebsd = random_map
    for i, suffix in enumerate(chain):
        path = tmp_path / f"{i}{suffix}"
        save_ebsd(ebsd, path)
        ebsd = load_ebsd(path)
    # three roundings to the digits of a file
    assert rotation_angle(physical(ebsd).quaternions, physical(random_map).quaternions).max() < 2e-3


@pytest.mark.parametrize("name", ["dream3d_data/Test_US_1.ctf", "pymicro/Ti64-200x200.ang", "ebsdlib/Out_Of_Order.ang"])
def test_real_files_as_ang(shared_data, tmp_path, name):
    start = load_ebsd(shared_data / name)
    save_ebsd(start, tmp_path / "a.ang")
    assert_same(start, load_ebsd(tmp_path / "a.ang"))


@pytest.mark.parametrize("longer", ["first", "second"])
def test_hexagonal_grid_round_trip(write, tmp_path, longer):
    odd, even, shift = (5, 4, 0.25) if longer == "first" else (4, 5, -0.25)
    places = [(r, c) for r in range(6) for c in range(odd if r % 2 == 0 else even)]
    lines = ang_rows(places, dy=0.433, shift=shift)
    start = load_ebsd(write("a.ang", [ang_header(6, odd, even, dy=0.433, grid="HexGrid"), *lines]))
    save_ebsd(start, tmp_path / "b.ang")
    back = load_ebsd(tmp_path / "b.ang")
    assert (back.grid, back.shape, back.notes) == ("hexagonal", (6, 5), ())
    np.testing.assert_array_equal(back.phase_id, start.phase_id)
    np.testing.assert_allclose(back.x, start.x, atol=1e-6)
    assert_places(back, places)


def test_extra_columns_come_back(random_map, tmp_path):
    uncertainty = np.linspace(0, 5, 12 * 17).reshape(12, 17)
    save_ebsd(random_map, tmp_path / "a.ang", extra={"uncertainty deg": uncertainty, "source": uncertainty > 2})
    back = load_ebsd(tmp_path / "a.ang")
    np.testing.assert_allclose(back.fields["uncertainty_deg"], uncertainty, atol=1e-5)
    np.testing.assert_array_equal(back.fields["source"], uncertainty > 2)
    indexed = random_map.indexed
    np.testing.assert_allclose(back.fields["iq"], random_map.fields["iq"], atol=0.051)
    np.testing.assert_allclose(back.fields["ci"][indexed], random_map.fields["ci"][indexed], atol=5.1e-4)
    assert (back.fields["ci"][~indexed] == -1).all()


@pytest.mark.parametrize("suffix", [".ang", ".ctf"])
@pytest.mark.parametrize("extra", [False, True])
def test_orix_reads_what_is_written(random_map, tmp_path, suffix, extra):
    from orix.io import load

    path = tmp_path / f"a{suffix}"
    more = {"uncertainty": np.full((12, 17), 1.5)} if extra else None
    save_ebsd(random_map, path, extra=more)
    with contextlib.redirect_stdout(io.StringIO()):  # orix prints the names that it makes up
        xmap = load(str(path))
    assert xmap.shape == (12, 17)
    assert (xmap.dx, xmap.dy) == pytest.approx((0.25, 0.5))
    np.testing.assert_array_equal(xmap.is_indexed.reshape(12, 17), random_map.indexed)
    assert {xmap.phases[i].point_group.laue.name for i in (1, 2)} == {"6/mmm", "m-3m"}
    crystal = CrystalFrame.X_ALONG_A if suffix == ".ang" else CrystalFrame.X_ALONG_A_STAR
    frame = SampleFrame.EDAX1 if suffix == ".ang" else SampleFrame.OXFORD
    expected = random_map.in_frame(frame).in_crystal_frame(crystal)
    got = xmap.rotations.data.reshape(12, 17, 4)
    assert rotation_angle(got, expected.quaternions)[random_map.indexed].max() < 1e-3


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_a_map_written_in_strips_is_the_same_file(random_map, tmp_path, monkeypatch, grid):
    from grainlight.maps.io.writers import ang as ang_writer

    if grid == "hexagonal":
        phase_id = random_map.phase_id.copy()
        phase_id[1::2, -1] = -1
        shift = 0.125 * (np.arange(12) % 2)[:, None]
        random_map = random_map.replace(grid=grid, phase_id=phase_id, x=random_map.x + shift, origin=(-3.0, 2.0))
    written = []
    for points in (1 << 15, 17 * 3):
        monkeypatch.setattr(ang_writer, "_AT_ONCE", points)
        save_ebsd(random_map, tmp_path / "a.ang", extra={"more": random_map.fields["iq"]})
        written.append((tmp_path / "a.ang").read_bytes())
    assert written[0] == written[1]
