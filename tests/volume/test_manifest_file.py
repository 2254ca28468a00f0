"""The manifest of a volume: what is read of it, what is refused and where, what is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grainlight.errors import InputError
from grainlight.volume.inputs.manifest_file import angles_cell, load_manifest, load_with_faults, save_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """EBSD files a.ang to e.ang, stacks s0.tif to s5.tif, angles of section 12 in a folder and beside it."""
    for name in "abcde":
        (tmp_path / f"{name}.ang").write_text("# no header")
    for k in range(6):
        (tmp_path / f"s{k}.tif").write_bytes(b"")
    (tmp_path / "s012").mkdir()
    for angle in (0, 15, 105, 90):
        (tmp_path / f"s012_{angle}deg.tif").write_bytes(b"")
        (tmp_path / "s012" / f"{angle}.tif").write_bytes(b"")
    return tmp_path


def written(folder: Path, text: str, name: str = "volume.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str):
    return load_manifest(written(folder, text))


def refusal(folder: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(folder, text)
    return caught.value


def test_sections_rise_and_paths_start_at_the_manifest(folder: Path) -> None:
    found = load(folder, "z,ebsd,light,exclude\n0,a.ang,s0.tif,\n1.5,,s1.tif,\n3,b.ang,,scratched\n")
    assert [s.z for s in found.sections] == [0, 1.5, 3]
    assert [s.row for s in found.sections] == [1, 2, 3]
    assert found.sections[0].ebsd == folder / "a.ang"
    assert found.sections[1].ebsd is None
    assert found.sections[1].light == (folder / "s1.tif",)
    assert [s.z for s in found.used] == [0, 1.5]
    assert found.notes == ()


def test_optional_columns_in_any_order_and_own_ones(folder: Path) -> None:
    found = load(
        folder,
        'Origin,Slice,operator,light,step,angles,EBSD,z\n"1,-2.5",3,me,s0.tif,0.13,"0,45,90",a.ang,0\n,,,s1.tif,,0:180:10,,2\n',
    )
    first, second = found.sections
    assert (first.origin, first.ebsd_slice, first.step, first.angles) == ((1, -2.5), 3, 0.13, (0, 45, 90))
    assert second.angles == tuple(float(a) for a in range(0, 180, 10))
    assert (second.origin, second.ebsd_slice, second.step) == (None, None, None)
    assert found.notes == ("Column operator of the manifest is not used.",)


def test_semicolons_bring_decimal_commas(folder: Path) -> None:
    path = folder / "volume.csv"
    path.write_bytes(
        "z;ebsd;light;exclude;origin\n0,5;a.ang;s0.tif;;1,5 2\n# grün\n2;;s1.tif;für später;\n".encode("cp1252")
    )
    found = load_manifest(path)
    assert found.sections[0].z == 0.5
    assert found.sections[0].origin == (1.5, 2)
    assert found.sections[1].exclude == "für später"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_of_spreadsheets(folder: Path, encoding: str) -> None:
    path = folder / "volume.csv"
    path.write_text("z\tebsd\tlight\n0\ta.ang\ts0.tif\n", encoding=encoding)
    assert load_manifest(path).sections[0].light == (folder / "s0.tif",)


@pytest.mark.parametrize("cell", ["s012_*deg.tif", "s012", "s012_*.tif", "s0?2/*.tif", "s012\\"])
def test_images_come_in_the_order_of_their_angles(folder: Path, cell: str) -> None:
    (section,) = load(folder, f"z,ebsd,light\n0,a.ang,{cell}\n").sections
    assert [file.stem.removeprefix("s012_").removesuffix("deg") for file in section.light] == ["0", "15", "90", "105"]
    assert section.angles is None


def test_a_folder_for_each_angle(tmp_path: Path) -> None:
    (tmp_path / "a.ang").write_text("")
    for angle in (0, 5, 100):
        (tmp_path / f"{angle}deg").mkdir()
        for k in (1, 2):
            (tmp_path / f"{angle}deg" / f"slice_{k}.tif").write_bytes(b"")
    found = load(tmp_path, "z,ebsd,light\n0,a.ang,*deg/slice_1.tif\n1,,*deg/slice_2.tif\n")
    assert [file.parent.name for file in found.sections[1].light] == ["0deg", "5deg", "100deg"]
    again = load_manifest(save_manifest(found, tmp_path / "again.csv"))
    assert again.sections == found.sections


def test_rows_out_of_order_are_sorted_and_named(folder: Path) -> None:
    found = load(folder, "z,ebsd,light\n0,a.ang,s0.tif\n4,,s1.tif\n1,,s2.tif\n5,,s3.tif\n6,,s4.tif\n")
    assert [s.row for s in found.sections] == [1, 3, 2, 4, 5]
    assert "row 2, z 4 um" in found.notes[0] or "row 3, z 1 um" in found.notes[0]
    assert "taken by rising z" in found.notes[0]


def test_a_manifest_upside_down(folder: Path) -> None:
    found = load(folder, "z,ebsd,light\n2,a.ang,s2.tif\n1,,s1.tif\n0,,s0.tif\n")
    assert [s.row for s in found.sections] == [3, 2, 1]
    assert any("from the highest section to the lowest" in note for note in found.notes)


def test_names_that_do_not_follow_z_are_named(folder: Path) -> None:
    rows = "".join(f"{z},{'a.ang' * (z == 0)},s{k}.tif\n" for z, k in enumerate((0, 1, 3, 2, 4, 5)))
    (note,) = load(folder, f"z,ebsd,light\n{rows}").notes
    assert "s3.tif" in note
    assert "s2.tif" in note
    assert "rows 3 and 4" in note


def test_gaps_are_said_with_the_reason_that_is_known(folder: Path) -> None:
    text = "z,ebsd,light,exclude\n0,a.ang,s0.tif,\n1,,s1.tif,\n2,,s2.tif,stained\n3,,s3.tif,\n4,,s4.tif,\n8,,s5.tif,\n"
    first, second = load(folder, text).notes
    assert "row 3 is left out: stained" in first
    assert "2 times the median spacing of 1 um" in first
    assert "Between z 4 and 8 um (rows 5 and 6)" in second
    assert "is a section missing?" in second


def test_a_gap_of_exactly_the_limit_is_none(folder: Path) -> None:
    text = "z,ebsd,light\n0,a.ang,s0.tif\n1,,s1.tif\n2,,s2.tif\n3.5,,s3.tif\n"
    assert load(folder, text).notes == ()


def test_the_same_files_twice_are_said(folder: Path) -> None:
    notes = load(folder, "z,ebsd,light\n0,a.ang,s0.tif\n1,a.ang,s0.tif\n").notes
    assert [note for note in notes if "same EBSD" in note]
    assert [note for note in notes if "same light" in note]


def test_two_sections_at_one_height_are_refused_with_both_rows(folder: Path) -> None:
    error = refusal(folder, "z,ebsd,light\n1,a.ang,s0.tif\n# again\n2,,s2.tif\n1.0,,s1.tif\n")
    assert error.place == "rows 1 and 3 (lines 2 and 5), column z"
    # one that is left out may have been taken again
    again = load(folder, "z,ebsd,light,exclude\n1,a.ang,s0.tif,\n1,,s1.tif,taken again\n2,,s2.tif,\n")
    assert len(again.used) == 2


BAD_ROWS = [
    ("abc,a.ang,s0.tif,,,,,", "z", "no number"),
    (",a.ang,s0.tif,,,,,", "z", "no number"),
    ("12 um,a.ang,s0.tif,,,,,", "z", "no number"),
    ("inf,a.ang,s0.tif,,,,,", "z", "no number"),
    ("0,f.ang,s0.tif,,,,,", "ebsd", "does not exist"),
    ("0,s012,s0.tif,,,,,", "ebsd", "folder"),
    ("0,s1.tif,s0.tif,,,,,", "ebsd", "image"),
    ("0,a.ang,s9.tif,,,,,", "light", "do not exist"),
    ("0,a.ang,t*.tif,,,,,", "light", "no image has a name"),
    ("0,a.ang,b.ang,,,,,", "light", "no image"),
    ("0,,,,,,,", "light", "neither"),
    ("0,a.ang,s0.tif,,0:10:-1,,,", "angles", "angles cannot be read"),
    ("0,a.ang,s0.tif,,soon,,,", "angles", "angles cannot be read"),
    ('0,a.ang,s012_*deg.tif,,"0,15,90,106",,,', "angles", "contradict"),
    ("0,a.ang,s0.tif,,,0,,", "step", "no length"),
    ("0,a.ang,s0.tif,,,fine,,", "step", "no length"),
    ("0,a.ang,s0.tif,,,,5,", "origin", "no place"),
    ("0,a.ang,s0.tif,,,,,first", "slice", "no number"),
    ("0,,s0.tif,,,,,3", "slice", "no EBSD file"),
]


@pytest.mark.parametrize(("row", "column", "problem"), BAD_ROWS)
def test_a_bad_cell_is_refused_with_its_place(folder: Path, row: str, column: str, problem: str) -> None:
    text = f"z,ebsd,light,exclude,angles,step,origin,slice\n9,b.ang,s1.tif,,,,,\n{row}\n"
    error = refusal(folder, text)
    assert problem in error.problem
    assert error.place == f"row 2 (line 3), column {column}"
    assert error.file == str(folder / "volume.csv")
    assert error.found
    assert error.expected
    # and not where the section is left out, but for its height
    left_out = row.replace(",,", ",,", 1).split(",")
    if column in ("ebsd", "light"):
        left_out[3] = "spoiled"
        load(folder, f"z,ebsd,light,exclude,angles,step,origin,slice\n9,b.ang,s1.tif,,,,,\n{','.join(left_out)}\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("# nothing\n\n", "empty"),
        ("z,ebsd,light\n", "no section"),
        ("z,ebsd,light\n,,\n", "no section"),
        ("height,ebsd,light\n0,a.ang,s0.tif\n", "no column z"),
        ("0,a.ang,s0.tif\n", "no column z"),
        ("z,ebsd,light,exlude\n0,a.ang,s0.tif,bad\n", "not known"),
        ("z,ebsd,light,z\n0,a.ang,s0.tif,0\n", "two columns"),
        ("z,ebsd,light,angles\n0,a.ang,s0.tif,0,45,90\n", "more cells"),
        ("z,ebsd,light\n0,,s0.tif\n", "no section has EBSD"),
    ],
)
def test_a_table_that_is_no_manifest_is_refused(folder: Path, text: str, problem: str) -> None:
    assert problem in refusal(folder, text).problem


def test_files_that_are_no_text(folder: Path) -> None:
    (folder / "volume.csv").write_bytes(b"PK\x03\x04\0\0")
    with pytest.raises(InputError, match=r"no text(.|\n)*save the table as CSV"):
        load_manifest(folder / "volume.csv")
    with pytest.raises(InputError, match="does not exist"):
        load_manifest(folder / "none.csv")
    with pytest.raises(InputError, match="folder"):
        load_manifest(folder)


def test_all_faults_at_once(folder: Path) -> None:
    text = "z,ebsd,light\n0,f.ang,s0.tif\nx,,s1.tif\n2,g.ang,s9.tif\n3,,s3.tif\n3,,s4.tif\n"
    manifest, faults = load_with_faults(written(folder, text))
    assert len(faults) == 5
    assert [s.row for s in manifest.sections] == [1, 3, 4, 5]


def test_what_is_written_reads_the_same(folder: Path) -> None:
    text = (
        'z,ebsd,light,exclude,angles,step,origin,slice\n0.1,a.ang,s012_*deg.tif,,"0,15,90,105",0.13,"1,2.5",\n'
        "1,b.ang,s012,,,,,4\n2,,s2.tif,so so,0:180:10,,,\n"
    )
    found = load(folder, text)
    (folder / "other").mkdir()
    for path in (folder / "again.csv", folder / "other" / "again.csv"):
        save_manifest(found, path)
        assert load_manifest(path).sections == found.sections
    assert "../a.ang" in path.read_text()
    assert (folder / "again.csv").read_text().splitlines()[1].startswith("0.1,a.ang,s012_*deg.tif,,")


def test_images_that_no_pattern_names_are_refused(folder: Path) -> None:
    found = load(folder, "z,ebsd,light\n0,a.ang,s012_*deg.tif\n")
    (folder / "s012_20deg.tif").write_bytes(b"")
    with pytest.raises(InputError, match="no folder and no pattern"):
        save_manifest(found, folder / "again.csv")
    assert not (folder / "again.csv").exists()


def test_a_folder_of_many_sections_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ang").write_text("")
    for k in range(12):
        for angle in (0, 45, 90):
            (tmp_path / f"s{k}_{angle}deg.tif").write_bytes(b"")
    (tmp_path / "._s1_0deg.tif").write_bytes(b"")
    rows = "".join(f"{k},{'a.ang' * (k == 0)},*s{k}_*deg.tif\n" for k in range(12))
    asked = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": asked.append(path) or listdir(path))
    found = load(tmp_path, f"z,ebsd,light\n{rows}")
    assert asked == [tmp_path]
    assert {len(s.light) for s in found.sections} == {3}
    save_manifest(found, tmp_path / "again.csv")
    assert asked == [tmp_path, tmp_path]


@pytest.mark.parametrize(
    ("angles", "cell"),
    [
        (tuple(float(a) for a in range(0, 180, 10)), "0:180:10"),
        (tuple(float(a) for a in range(0, 181, 15)), "0:195:15"),
        ((0.0, 22.5, 45.0), "0:67.5:22.5"),
        ((0.0, 45.0, 135.0), "0,45,135"),
        ((90.0, 45.0, 0.0), "90:-45:-45"),
        ((30.0,), "30"),
    ],
)
def test_angles_as_a_cell(angles: tuple[float, ...], cell: str) -> None:
    assert angles_cell(angles) == cell
