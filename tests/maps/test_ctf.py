"""Dialects of .ctf, one synthetic file each."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd

from .samples import CTF_HEADER, TITANIUM, assert_places, ctf_rows, square


def ctf_header(rows, cols, dx=0.5, dy=0.5):
    return CTF_HEADER.format(rows=rows, cols=cols, dx=dx, dy=dy)


def test_square(write):
    ebsd = load_ebsd(write("a.ctf", [ctf_header(3, 4), *ctf_rows(square(3, 4))]))
    assert (ebsd.shape, ebsd.step, ebsd.notes) == ((3, 4), (0.5, 0.5), ())
    assert_places(ebsd, square(3, 4))
    assert ebsd.phases == (TITANIUM,)
    assert list(ebsd.fields) == ["bands", "error", "mad", "bc", "bs"]
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.OXFORD, CrystalFrame.X_ALONG_A_STAR)
    assert ebsd.is_6mmm.all()


def test_commas_order_and_left_out_points(write):
    places = [place for place in square(4, 5) if place not in [(1, 1), (3, 0)]][::-1]
    text = "".join([ctf_header(4, 5), *(line + "\n" for line in ctf_rows(places))]).replace(".", ",")
    ebsd = load_ebsd(write("a.ctf", text))
    assert ebsd.step == (0.5, 0.5)
    assert_places(ebsd, places)
    assert [tuple(place) for place in np.argwhere(ebsd.phase_id == -1)] == [(1, 1), (3, 0)]


def test_phase_zero_is_not_indexed(write):
    lines = ctf_rows(square(1, 3))
    lines[1] = "0\t0.5\t0\t0\t3\t0\t0\t0\t0\t90\t100\r"
    ebsd = load_ebsd(write("a.ctf", [ctf_header(1, 3), *lines]))
    assert ebsd.phase_id[0].tolist() == [1, 0, 1]
    assert ebsd.fields["error"][0].tolist() == [0, 3, 0]


def test_columns_in_another_order_and_fewer(write):
    head = ctf_header(2, 2)
    head = head[: head.index("Phase\tX")] + "Euler1\tEuler2\tEuler3\tPhase\tX\tY\r\n"
    # the line of names begins with Phase in every file of the vendors
    with pytest.raises(InputError, match="column names"):
        load_ebsd(write("a.ctf", [head, "1 2 3 1 0 0"]))
    head = head.replace("Euler1\tEuler2\tEuler3\tPhase\tX\tY", "Phase\tY\tX\tEuler1\tEuler2\tEuler3")
    ebsd = load_ebsd(write("b.ctf", [head, "1 0 0 10 20 30", "1 0 0.5 10 20 30", "1 0.5 0 10 20 30"]))
    assert ebsd.phase_id.tolist() == [[1, 1], [1, -1]]
    assert dict(ebsd.fields) == {}


def test_points_filled_in_by_the_vendor_are_noted(write):
    lines = ctf_rows(square(2, 2))
    lines[3] = lines[3].replace("\t8\t0\t", "\t0\t3\t")
    ebsd = load_ebsd(write("a.ctf", [ctf_header(2, 2), *lines]))
    assert ebsd.phase_id[1, 1] == 1
    assert any("1 points have an orientation and an error code" in note for note in ebsd.notes)


def test_radians_and_acquisition_angles_are_suspected(write):
    lines = [f"1\t{c * 0.5}\t0\t8\t0\t1.2\t0.5\t{c / 10}\t0.6\t98\t120\r" for c in range(12)]
    head = ctf_header(1, 12).replace("AcqE1\t0", "AcqE1\t90")
    notes = load_ebsd(write("a.ctf", [head, *lines])).notes
    assert any("may be radians" in note for note in notes)
    assert any("AcqE1 is 90" in note for note in notes)


@pytest.mark.parametrize("by", ["cells", "column"])
def test_three_dimensions_are_refused(write, by):
    head, lines = ctf_header(2, 2), ctf_rows(square(2, 2))
    if by == "cells":
        head = head.replace("XStep", "ZCells\t3\r\nXStep")
    else:
        head = head.replace("X\tY\tBands", "X\tY\tZ\tBands")
        lines = ["\t".join([*line.split("\t")[:3], str(i // 2), *line.split("\t")[3:]]) for i, line in enumerate(lines)]
    with pytest.raises(InputError, match="three-dimensional"):
        load_ebsd(write("a.ctf", [head, *lines]))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("XCells\t2", "XCells\ttwo", "XCells is not a whole number"),
        ("\tEuler3", "", "columns are missing"),
        ("Euler1\t", "", "columns are missing"),
        ("2.95;2.95;4.686\t", "2.95;4.686\t", "a phase cannot be read"),
        ("Phases\t1", "Phases\t2", "a phase cannot be read"),
    ],
)
def test_malformed_headers(write, old, new, reason):
    with pytest.raises(InputError, match=reason) as caught:
        load_ebsd(write("a.ctf", [ctf_header(2, 2).replace(old, new), *ctf_rows(square(2, 2))]))
    assert "a.ctf" in str(caught.value)
    assert "line " in str(caught.value)


def test_a_hexagonal_grid_is_not_for_ctf(random_map, tmp_path):
    with pytest.raises(InputError, match="hexagonal grid"):
        save_ebsd(random_map.replace(grid="hexagonal"), tmp_path / "a.ctf")
    assert list(tmp_path.iterdir()) == []


def test_written_columns_are_oxfords(random_map, tmp_path):
    path = tmp_path / "a.ctf"
    save_ebsd(random_map, path, extra={"uncertainty": np.full((12, 17), 0.25)})
    raw = path.read_bytes()
    lines = raw.decode().split("\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == len(lines) - 1
    names = lines.index("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS\tuncertainty")
    assert lines[4:8] == ["XCells\t17", "YCells\t12", "XStep\t0.25", "YStep\t0.5"]
    rows = [line.split("\t") for line in lines[names + 1 : -1]]
    assert len(rows) == 12 * 17
    assert {len(row) for row in rows} == {12}
    errors = np.array([row[4] for row in rows]).reshape(12, 17)
    assert set(errors[random_map.indexed]) == {"0"}
    assert set(errors[~random_map.indexed]) == {"3"}


def test_a_map_written_in_strips_is_the_same_file(random_map, tmp_path, monkeypatch):
    from grainlight.maps.io.writers import ctf as ctf_writer

    written = []
    for points in (1 << 15, 17 * 5):
        monkeypatch.setattr(ctf_writer, "_AT_ONCE", points)
        save_ebsd(random_map, tmp_path / "a.ctf")
        written.append((tmp_path / "a.ctf").read_bytes())
    assert written[0] == written[1]


def with_elements(lines, cells):
    """Rows with two more columns, of what an EDS detector counted."""
    return [line.rstrip("\r") + f"\t{cells(i)}\r" for i, line in enumerate(lines)]


@pytest.mark.parametrize("first", ["\t", "3\t4"])
def test_empty_cells_have_no_value(write, first):
    head = ctf_header(3, 4).replace("BS\r", "BS\tTi K\tAl K\r")
    lines = with_elements(ctf_rows(square(3, 4)), lambda i: first if i == 0 else "\t5")
    ebsd = load_ebsd(write("a.ctf", [head, *lines]))
    assert_places(ebsd, square(3, 4))
    assert ebsd.fields["al k"].ravel()[1:].tolist() == [5.0] * 11
    assert ("ti k" in ebsd.fields) == (first != "\t")
    told = ["ti k has no values", "al k were set to 0"] if first == "\t" else ["ti k were set to 0"]
    assert all(any(text in note for note in ebsd.notes) for text in told)


def test_an_empty_cell_amid_a_row(write):
    lines = ctf_rows(square(3, 4))
    lines[5] = "\t".join("" if i == 8 else cell for i, cell in enumerate(lines[5].split("\t")))
    ebsd = load_ebsd(write("a.ctf", [ctf_header(3, 4), *lines]))
    assert ebsd.fields["mad"][1, 1] == 0
    assert (np.delete(ebsd.fields["mad"].ravel(), 5) > 0).all()
    assert (ebsd.fields["bs"] > 0).all()


@pytest.mark.parametrize("column", [0, 1, 6])
def test_an_empty_cell_that_is_needed(write, column):
    lines = ctf_rows(square(3, 4))
    lines[5] = "\t".join("" if i == column else cell for i, cell in enumerate(lines[5].split("\t")))
    head = ctf_header(3, 4)
    with pytest.raises(InputError, match=f"line {head.count(chr(10)) + 6}, column {column + 1}") as caught:
        load_ebsd(write("a.ctf", [head, *lines]))
    assert "an empty cell" in str(caught.value)


@pytest.mark.parametrize("separator", ["\t", " "])
def test_rows_without_the_last_columns(write, separator):
    lines = [separator.join(line.split()[:-2]) + "\r" for line in ctf_rows(square(3, 4))]
    ebsd = load_ebsd(write("a.ctf", [ctf_header(3, 4), *lines]))
    assert_places(ebsd, square(3, 4))
    assert list(ebsd.fields) == ["bands", "error", "mad"]
    assert any("9 values under 11 titles: no bc, bs" in note for note in ebsd.notes)


def test_a_row_is_never_compared_with_itself(write):
    head, lines = ctf_header(3, 4), ctf_rows(square(3, 4))
    line = head.count(chr(10)) + 1
    with pytest.raises(InputError, match=f"line {line}\\b") as caught:
        load_ebsd(write("a.ctf", [head, *("\t".join(row.split()[:6]) for row in lines)]))
    assert "as in line" not in str(caught.value)
    assert "euler2, euler3" in str(caught.value)
    with pytest.raises(InputError, match=f"line {line + 1}\\b") as caught:
        load_ebsd(write("a.ctf", [head, "\t".join(lines[0].split()[:-1]), *lines[1:]]))
    assert f"10 values, as in line {line}" in str(caught.value)


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("short", [(0, 7), (5, 6), (0, 3, 4), (2, 9)])
def test_rows_that_are_short_only_in_places(write, separator, short):
    """Whatever stands after the angles may be missing in several rows: its values are 0 there, and that is said."""
    lines = [separator.join(line.split()) + "\r" for line in ctf_rows(square(3, 4))]
    for at in short:
        lines[at] = separator.join(lines[at].split()[: 9 if at else 8]) + "\r"
    ebsd = load_ebsd(write("a.ctf", [ctf_header(3, 4), *lines]))
    assert_places(ebsd, square(3, 4))
    expected = np.array([0.0 if i in short else 98.0 for i in range(12)])
    np.testing.assert_array_equal(ebsd.fields["bc"].ravel(), expected)
    assert any("missing or not finite in column bc" in note for note in ebsd.notes)


def test_zeros_are_values(write):
    lines = [line.replace("\t98\t120", "\t98\t0") for line in ctf_rows(square(3, 4))]
    for at in (2, 5):
        lines[at] = lines[at].replace("\t98\t0", "\t98\t")
    ebsd = load_ebsd(write("a.ctf", [ctf_header(3, 4), *lines]))
    assert not ebsd.fields["bs"].any()
    assert ebsd.notes == ("Values that are missing or not finite in column bs were set to 0.",)


def test_short_rows_that_lack_what_is_needed_or_were_cut_off_are_refused(write):
    head, lines = ctf_header(3, 4), ctf_rows(square(3, 4))
    line = head.count(chr(10)) + 1
    broken = [*lines[:6], "\t".join(lines[6].split()[:7]), *lines[7:]]
    with pytest.raises(InputError, match=rf"line {line + 6}\b.*truncated"):
        load_ebsd(write("a.ctf", [head, *broken]))
    whole = "".join([head, *(f"{text}\n" for text in lines)])
    with pytest.raises(InputError, match=rf"line {line + 11}\b.*truncated"):
        load_ebsd(write("a.ctf", whole[:-8]))


@pytest.mark.parametrize(
    ("header", "grid", "told"),
    [
        ((50, 60), (4, 5), "4 x 5 places: read as a crop"),
        ((6, 9), (4, 5), "4 x 5 places: read as a crop"),
        ((4, 9), (4, 5), "on 4 rows x 5 columns, the header states 4 x 9: the points decide"),
        ((2, 3), (4, 5), "promises 6 points, the file has 20, on 4 rows x 5 columns"),
        ((5, 4), (4, 5), "x and y may be exchanged"),
        ((2, 10), (4, 5), "stand on 4 rows x 5 columns, the header states 2 x 10"),
        ((4, 5), (4, 5), None),
    ],
)
def test_header_and_positions_are_compared(write, header, grid, told):
    ebsd = load_ebsd(write("a.ctf", [ctf_header(*header), *ctf_rows(square(*grid))]))
    assert ebsd.shape == grid
    assert_places(ebsd, square(*grid))
    assert (len(ebsd.notes), all(told in note for note in ebsd.notes)) == (1, True) if told else ebsd.notes == ()


def test_points_that_run_along_y_are_said_where_the_counts_cannot_tell(write):
    places = [place[::-1] for place in square(4, 4)]
    ebsd = load_ebsd(write("a.ctf", [ctf_header(4, 4), *ctf_rows(places)]))
    assert_places(ebsd, places)
    assert "along y and not along x" in ebsd.notes[0]
