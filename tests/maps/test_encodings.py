"""Text in other encodings than UTF-8: names in a phase column, files of two bytes a character, marks at the begin."""

from __future__ import annotations

import codecs
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd

from .samples import ang_header, ang_rows, assert_places, ctf_rows, square
from .test_channel5_osc import CPR, crc_bytes
from .test_ctf import ctf_header
from .test_text_columns import NUMBERS, table

NAMES = ["Titane \u00e9tuv\u00e9", "Zr\u2013Nb", "Mg (\u00c5ngstr\u00f6m)", "\u0422\u0438\u0442\u0430\u043d \u0430"]
MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE}


def ang(name: str, rows: int = 3, cols: int = 4) -> str:
    lines = [line.replace("  0  10  1.0", f"  {name}  10  1.0") for line in ang_rows(square(rows, cols))]
    return ang_header(rows, cols).replace("Titanium", name) + "\n".join(lines) + "\n"


def ctf(rows: int = 3, cols: int = 4) -> str:
    return "".join([ctf_header(rows, cols), *(f"{line}\n" for line in ctf_rows(square(rows, cols)))])


def writable(name: str, encoding: str) -> bool:
    try:
        name.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "encoding"),
    [(n, e) for n in NAMES for e in ("utf-8", "cp1252", "latin-1", "cp1251", "shift-jis", "gb18030") if writable(n, e)],
)
def test_names_in_the_phase_column(write, name, encoding):
    """In the encoding of the header, which need not be known."""
    ebsd = load_ebsd(write("a.ang", ang(name).encode(encoding)))
    assert (ebsd.phase_id == 1).all()
    assert_places(ebsd, square(3, 4))
    if encoding in ("utf-8", "cp1252", "latin-1"):
        assert ebsd.phases[0].name == name


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_names_in_letters_of_the_other_case(write, encoding):
    head = ang_header(3, 4).replace("Titanium", NAMES[0])
    body = ang(NAMES[0])[len(head) :]
    ebsd = load_ebsd(write("a.ang", (head + body.replace(NAMES[0], NAMES[0].upper())).encode(encoding)))
    assert (ebsd.phase_id == 1).all()


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-16-le", True), ("utf-16-be", True), ("utf-32-le", True), ("utf-16-le", False), ("utf-16-be", False)],
)
def test_two_bytes_a_character(write, encoding, mark):
    begin = MARKS[encoding] if mark else b""
    for name, text, columns in (
        ("a.ang", ang("Titan \u03b1"), None),
        ("a.ctf", ctf().replace("Titanium", "Titan \u03b1"), None),
        ("a.txt", table("\t", ","), NUMBERS),
    ):
        path = write(name, begin + text.encode(encoding))
        ebsd = load_ebsd(path, columns=columns)
        assert ebsd.path == path
        assert_places(ebsd, square(*ebsd.shape))
        if columns is None:
            assert ebsd.phases[0].name == "Titan \u03b1"
    assert not [entry for entry in os.listdir(tempfile.gettempdir()) if entry.startswith(".grainlight.")]


def test_a_fault_of_such_a_file_is_told_of_the_file_itself(write):
    path = write("wide.ctf", codecs.BOM_UTF16_LE + ctf().replace("Euler3", "Euler7").encode("utf-16-le"))
    with pytest.raises(InputError) as caught:
        load_ebsd(path)
    assert caught.value.file == str(path)
    assert "columns are missing" in str(caught.value)
    with pytest.raises(InputError, match="bytes that are no text"):
        load_ebsd(write("b.ctf", codecs.BOM_UTF16_LE + bytes(range(256)) * 8))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_projects(write, encoding):
    write("map.crc", crc_bytes(4, 5))
    text = CPR.format(rows=4, cols=5).replace("Titanium", "Titan \u2013 \u00e9")
    ebsd = load_ebsd(write("map.cpr", text.encode(encoding)))
    assert ebsd.phases[0].name == "Titan \u2013 \u00e9 cubic"
    assert ebsd.shape == (4, 5)


@pytest.mark.parametrize("kind", ["ang", "ctf"])
def test_a_mark_at_the_begin(write, kind):
    text = ang("Titanium") if kind == "ang" else ctf()
    ebsd = load_ebsd(write(f"a.{kind}", text.encode("utf-8-sig")))
    assert_places(ebsd, square(3, 4))
    assert ebsd.notes == ()


EVIL = ["\x1b[31mTi\x1b[0m", "=HYPERLINK(1)", "Ti\x9b2J", "\u202eiT", "Ti\x07"]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina", ".h5", ".dream3d", ".ome.tif"])
def test_control_characters_of_a_name_reach_no_file(write, tmp_path, name, ending):
    head = ang_header(3, 4).replace("Titanium", name)
    ebsd = load_ebsd(write("a.ang", [head, *ang_rows(square(3, 4))]))
    assert ebsd.phases[0].name.isprintable()
    assert ebsd.phases[0].name.replace("?", "") == "".join(one for one in name if one.isprintable())
    save_ebsd(ebsd, tmp_path / f"b{ending}")
    raw = (tmp_path / f"b{ending}").read_bytes()
    if ending in (".ang", ".ctf"):
        assert raw.decode("utf-8").replace("\r", "").replace("\n", "").replace("\t", "").isprintable()
    else:
        assert name.encode() not in raw or name.isprintable()


def test_control_characters_in_messages_and_titles(write):
    with pytest.raises(InputError) as caught:
        load_ebsd(write("a.ctf", ctf().replace("XCells\t4", "XCells\t\x1b]0;owned\x07")))
    assert "\x1b" not in str(caught.value)
    head = ctf().replace("BC\tBS", "B\x1b[2JC\tBS")
    ebsd = load_ebsd(write("b.ctf", head))
    assert all(field.isprintable() for field in ebsd.fields)
    assert np.ptp(ebsd.fields["bs"]) == 0
    assert Path(str(ebsd.path)).name == "b.ctf"
