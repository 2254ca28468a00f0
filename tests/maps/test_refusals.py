"""Bad files are refused with the file, the place, what was found and what was expected; nothing is left behind."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd

from .samples import ang_header, ang_rows, ctf_rows, square
from .test_ctf import ctf_header


def refused(path, reason, **options) -> str:
    with pytest.raises(InputError, match=reason) as caught:
        load_ebsd(path, **options)
    return str(caught.value)


def test_missing_folder_empty(tmp_path, write):
    assert "nothing.ang" in refused(tmp_path / "nothing.ang", "does not exist")
    refused(tmp_path, "folder")
    refused(write("a.ang", b""), "empty")
    refused(write("b.ctf", b"\n \n\n"), "empty")


@pytest.mark.parametrize("name", ["a.ang", "a.ctf", "a.txt"])
@pytest.mark.parametrize(
    "content",
    [
        b"\x89HDF\r\n\x1a\n" + bytes(5000),
        b"II*\0" + bytes(range(256)) * 20,
        b"Dear colleague,\nplease find the map attached.\n",
        b"x" * 200_000,
        b"1 2 3 4 5 6 7 8 9 10\n" * 20,
        b"\xff\xfe" + "# Phase 1\n# MaterialName Titan\n".encode("utf-16-le"),
    ],
)
def test_not_an_ebsd_file(write, name, content):
    message = refused(
        write(name, content), "no scan points|not an .ang|not a text file|column names is missing|HDF5 file is damaged"
    )
    assert name in message


@pytest.mark.parametrize("kind", ["ang", "ctf"])
@pytest.mark.parametrize(("cut", "reason"), [(1, "truncated"), (-1, "too long")])
def test_a_row_of_another_length_is_named(write, kind, cut, reason):
    lines = ang_rows(square(5, 4)) if kind == "ang" else ctf_rows(square(5, 4))
    head = ang_header(5, 4) if kind == "ang" else ctf_header(5, 4)
    words = lines[13].split()
    columns = len(words)
    lines[13] = "\t".join(words[:-1] if cut > 0 else [*words, "7"])
    message = refused(write(f"a.{kind}", [head, *lines]), reason)
    assert f"line {head.count(chr(10)) + 14}" in message
    assert re.search(rf"found: +{columns - cut} values", message)
    assert re.search(rf"expected: {columns} values", message)


def test_a_file_cut_in_its_last_row(write):
    text = "".join([ang_header(5, 4), *(line + "\n" for line in ang_rows(square(5, 4)))])
    assert "line 38" in refused(write("a.ang", text[:-20]), "truncated")


def test_every_cut_is_read_or_refused(write):
    text = "".join([ang_header(3, 3), *(line + "\n" for line in ang_rows(square(3, 3)))])
    outcomes = set()
    for length in range(0, len(text), 7):
        try:
            ebsd = load_ebsd(write("a.ang", text[:length]))
            # a cut within the last number or after a whole row
            assert (ebsd.present.sum() < 9 and any("promises" in note for note in ebsd.notes)) or length > len(text) - 7
            outcomes.add("read")
        except InputError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("kind", ["ang", "ctf"])
@pytest.mark.parametrize("token", ["nan", "NaN", "inf", "-1e999"])
def test_nan_is_named_by_line_and_column(write, kind, token):
    lines = ang_rows(square(3, 4)) if kind == "ang" else ctf_rows(square(3, 4))
    head = ang_header(3, 4) if kind == "ang" else ctf_header(3, 4)
    column = 1 if kind == "ang" else 6
    words = lines[5].split()
    words[column] = token
    lines[5] = "\t".join(words)
    lines.insert(2, "# a remark" if kind == "ang" else "")
    message = refused(write(f"a.{kind}", [head, *lines]), "not finite")
    assert f"line {head.count(chr(10)) + 7}, column {column + 1}" in message


def test_nan_in_a_side_column_is_set_to_zero_and_noted(write):
    lines = ang_rows(square(2, 2))
    lines[1] = lines[1].replace("100.0", "nan")
    ebsd = load_ebsd(write("a.ang", [ang_header(2, 2), *lines]))
    assert ebsd.fields["iq"][0, 1] == 0
    assert any("column iq" in note for note in ebsd.notes)


def test_a_word_among_the_numbers(write):
    lines = ang_rows(square(2, 2))
    lines[2] = lines[2].replace("100.0", "many")
    assert "line 21, column 6" in refused(write("a.ang", [ang_header(2, 2), *lines]), "not a number")


def test_hexagonal_header_with_a_square_body(write):
    path = write("a.ang", [ang_header(4, 4, grid="HexGrid"), *ang_rows(square(4, 4))])
    assert "SqrGrid" in refused(path, "hexagonal grid")


@pytest.mark.parametrize("count", [10**5, 10**9, 10**25])
def test_absurd_promises_cost_no_memory(write, count):
    refused(write("a.ang", [ang_header(count, count), *ang_rows(square(2, 2))]), "promises far more points")
    refused(write("a.ctf", [ctf_header(count, count), *ctf_rows(square(2, 2))]), "promises far more points")


@pytest.mark.parametrize("far", ["4e6", "1e12", "1e300"])
def test_absurd_positions_cost_no_memory(write, far):
    lines = ang_rows(square(2, 2))
    words = lines[3].split()
    words[3] = far
    refused(write("a.ang", [ang_header(2, 2), *lines[:3], " ".join(words)]), "far")


def test_points_on_no_grid(write):
    rng = np.random.default_rng(0)
    lines = [f"0.1 0.2 0.3 {x:.5f} {y:.5f} 100 0.5 0" for x, y in rng.uniform(0, 20, (400, 2))]
    refused(write("a.ang", [ang_header(20, 20, dx=1.0, dy=1.0), *lines]), "no regular grid")


def test_points_on_one_another(write):
    refused(write("a.ang", [ang_header(2, 4), *ang_rows([(0, 0), (0, 1)] * 4)]), "fall on one another")


def test_angles_in_the_wrong_unit(write):
    lines = [f"{10 * c} 20 30 {c} 0 100 0.5 0" for c in range(30)]
    refused(write("a.ang", [ang_header(1, 30, dx=1.0), *lines]), "no radians")


def test_too_few_columns(write):
    refused(write("a.ang", [ang_header(1, 2), "0.1 0.2 0.3 0 0 1 1", "0.1 0.2 0.3 0.5 0 1 1"]), "too few columns")


def test_nothing_indexed_is_only_noted(write):
    ebsd = load_ebsd(write("a.ang", [ang_header(2, 2), *ang_rows(square(2, 2), tail="0 -1 0")]))
    assert not ebsd.indexed.any()
    assert ebsd.notes == ("No point is indexed.",)


@pytest.mark.parametrize("option", [{"frame": "edax9"}, {"crystal_frame": "b"}])
def test_unknown_frames(write, option):
    assert "expected" in refused(write("a.ang", [ang_header(2, 2), *ang_rows(square(2, 2))]), "unknown", **option)


def test_content_decides_over_the_name(write):
    ebsd = load_ebsd(write("a.ang", [ctf_header(2, 2), *ctf_rows(square(2, 2))]))
    assert ebsd.source.startswith("ctf")
    assert ebsd.notes == ("The name ends in .ang, the content is ctf.",)
    assert load_ebsd(write("a.txt", [ang_header(2, 2), *ang_rows(square(2, 2))])).shape == (2, 2)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_closed_folder(random_map, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written"):
        save_ebsd(random_map, closed / "a.ang")


def test_outputs_that_cannot_be(random_map, tmp_path):
    for path, reason in [
        (tmp_path / "none" / "a.ang", "does not exist"),
        (tmp_path / "a.osc", "unknown"),
        (tmp_path / "a", "unknown"),
    ]:
        with pytest.raises(InputError, match=reason):
            save_ebsd(random_map, path)
    for extra in (np.zeros(3), np.full((12, 17), np.nan)):
        with pytest.raises(InputError, match="extra column"):
            save_ebsd(random_map, tmp_path / "a.ang", extra={"x": extra})
    (tmp_path / "b.ang").mkdir()
    with pytest.raises(InputError, match="folder"):
        save_ebsd(random_map, tmp_path / "b.ang")
    assert [path.name for path in tmp_path.iterdir()] == ["b.ang"]


def test_a_failed_write_keeps_the_old_file(random_map, tmp_path):
    path = tmp_path / "a.ang"
    path.write_text("old")
    bad = random_map.replace(fields={"iq": np.full((12, 17), 1e300)})
    with pytest.raises(InputError, match="column"):
        save_ebsd(bad, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ang"]
    save_ebsd(random_map, path)
    assert load_ebsd(path).shape == (12, 17)
