"""What a file says twice is compared, in every reader: cell and symmetry, counts and places, numbers of phases."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from grainlight.maps.io import load_ebsd
from grainlight.maps.lattice import doubts, laue_of_space_group
from grainlight.maps.phase import Phase

from . import vendor_hdf5
from .samples import ANG_HEADER, CTF_HEADER, ang_rows, ctf_rows, square
from .test_channel5_osc import CPR, crc_bytes

HEXAGONAL, CUBIC = (2.95, 2.95, 4.686, 90.0, 90.0, 120.0), (3.32, 3.32, 3.32, 90.0, 90.0, 90.0)


@pytest.mark.parametrize(
    ("group", "lattice", "fits"),
    [
        ("6/mmm", HEXAGONAL, True),
        ("6/mmm", CUBIC, False),
        ("m-3m", HEXAGONAL, False),
        ("m-3m", CUBIC, True),
        ("m-3", (3.32, 3.4, 3.32, 90.0, 90.0, 90.0), False),
        ("-3m", HEXAGONAL, True),
        ("-3m", (4.7, 4.7, 4.7, 57.2, 57.2, 57.2), True),  # rhombohedral axes
        ("-3m", (*CUBIC[:5], 100.0), False),
        ("4/mmm", (5.83, 5.83, 3.18, 90.0, 90.0, 90.0), True),
        ("4/mmm", (5.83, 5.4, 3.18, 90.0, 90.0, 90.0), False),
        ("mmm", (5.83, 5.4, 3.18, 90.0, 90.0, 90.0), True),
        ("2/m", (5.83, 5.4, 3.18, 90.0, 102.0, 90.0), True),
        ("2/m", (5.83, 5.4, 3.18, 80.0, 102.0, 90.0), False),
        ("-1", (5.83, 5.4, 3.18, 80.0, 102.0, 91.0), True),
        ("6/mmm", (0.0, 0.0, 0.0, 90.0, 90.0, 90.0), True),  # not known
        ("", CUBIC, True),
    ],
)
def test_cells_and_laue_groups(group, lattice, fits):
    told = doubts(Phase(1, "x", group, *lattice))
    assert (told == []) is fits
    assert fits or (f"no cell of Laue group {group}" in told[0] and "The stated Laue group was taken" in told[0])


def test_space_groups():
    groups = [laue_of_space_group(number) for number in range(231)]
    assert groups[194] == "6/mmm"
    assert groups[225] == groups[229] == "m-3m"
    assert (groups[0], groups[1], groups[2], groups[3], groups[176], groups[177]) == (
        "",
        "-1",
        "-1",
        "2/m",
        "6/m",
        "6/mmm",
    )
    assert [groups.count(group) for group in ("4/m", "-3", "-3m", "m-3")] == [14, 6, 19, 12]
    told = doubts(Phase(1, "x", "6/mmm", *HEXAGONAL, space_group=229))
    assert len(told) == 1
    assert "space group 229 is of Laue group m-3m, 6/mmm is stated" in told[0]


@pytest.mark.parametrize(
    ("name", "a", "c", "told"),
    [
        ("Titanium", 2.95, 4.686, ""),
        ("Ti-Hex", 2.954, 4.729, ""),
        ("Titanium", 2.95, 5.3, "c/a is 1.797, that of titanium is 1.588"),
        ("Mg", 3.21, 4.9, "that of magnesium is 1.624"),
        ("Zircaloy-4", 0.3231, 0.5148, "looks like nanometres"),
        ("Zr", 2.95, 4.7, "a is 2.95 A; that of zirconium"),
        ("Ti2AlC", 3.05, 13.6, ""),
        ("Titanium hydride", 4.4, 4.1, ""),
        ("omega-Ti", 4.6, 2.82, ""),
        ("WC", 2.9, 2.84, ""),
    ],
)
def test_the_lattice_of_a_named_metal(name, a, c, told):
    found = doubts(Phase(1, name, "6/mmm", a, a, c, 90.0, 90.0, 120.0))
    assert (told in found[0] and len(found) == 1) if told else found == []


def _put(file: h5py.File, place: str, value: object) -> None:
    if place in file:
        del file[place]
    file[place] = value


def file_with_cubic_cell(kind: str, folder: Path) -> Path:
    """A file whose phase is 6/mmm in a cubic cell, and, where there is room, of a cubic space group."""
    path = folder / f"a.{kind}"
    if kind == "ang":
        head = ANG_HEADER.format(grid="SqrGrid", dx=0.5, dy=0.5, odd=5, even=5, rows=4)
        head = head.replace("2.950 2.950 4.686  90.000  90.000 120.000", "3.3 3.3 3.3 90 90 90")
        path.write_text(head + "\n".join(ang_rows(square(4, 5))))
    elif kind == "ctf":
        head = CTF_HEADER.format(cols=5, rows=4, dx=0.5, dy=0.5).replace(
            "2.95;2.95;4.686\t90;90;120", "3.3;3.3;3.3\t90;90;90"
        )
        path.write_text(head.replace("\t9\t0\t", "\t9\t229\t") + "\n".join(ctf_rows(square(4, 5))))
    elif kind == "cpr":
        text = CPR.format(rows=4, cols=5)
        path.with_suffix(".crc").write_bytes(crc_bytes(4, 5))
        path.write_text(
            text.replace("LaueGroup=11", "b=3.192\nc=3.192\nalpha=90\nbeta=90\ngamma=90\nLaueGroup=9\nSpaceGroup=229")
        )
    elif kind == "h5":
        with h5py.File(vendor_hdf5.edax(path), "r+") as file:
            for name, value in zip(("a", "b", "c", "alpha", "beta", "gamma"), CUBIC, strict=True):
                _put(file, f"Scan 1/EBSD/Header/Phase/1/Lattice Constant {name}", np.array([value]))
    elif kind == "h5oina":
        with h5py.File(vendor_hdf5.h5oina(path), "r+") as file:
            _put(file, "1/EBSD/Header/Phases/1/Lattice Dimensions", np.full((1, 3), 3.3))
            _put(file, "1/EBSD/Header/Phases/1/Lattice Angles", np.full((1, 3), np.pi / 2))
            _put(file, "1/EBSD/Header/Phases/1/Space Group", np.int32(229))
    elif kind == "dream3d":
        with h5py.File(vendor_hdf5.dream3d(path), "r+") as file:
            _put(file, "DataContainers/Volume/Ensemble/LatticeConstants", np.array([[0.0] * 6, CUBIC]))
    elif kind == "h5ebsd":
        with h5py.File(vendor_hdf5.h5ebsd(path, "TSL"), "r+") as file:
            _put(file, "3/Header/Phases/1/LatticeConstants", np.array(CUBIC))
    return path


@pytest.mark.parametrize("kind", ["ang", "ctf", "cpr", "h5", "h5oina", "dream3d", "h5ebsd"])
def test_every_reader_says_so(tmp_path, kind):
    path = file_with_cubic_cell(kind, tmp_path)
    ebsd = load_ebsd(path, section=3 if kind == "h5ebsd" else None)
    assert any("no cell of Laue group 6/mmm" in note for note in ebsd.notes), ebsd.notes
    with_space = kind in ("ctf", "cpr", "h5oina")
    assert any("space group 229" in note for note in ebsd.notes) is with_space
    assert any(phase.laue_group == "6/mmm" for phase in ebsd.phases)


def test_the_space_group_stands_in_for_a_laue_number_that_is_none(tmp_path):
    path = file_with_cubic_cell("ctf", tmp_path)
    path.write_text(path.read_text().replace("\t9\t229\t", "\t0\t229\t"))
    assert load_ebsd(path).phases[0].laue_group == "m-3m"


@pytest.mark.parametrize(
    ("code", "name", "group", "told"),
    [
        (62, "Hexagonal (D6h) [6/mmm]", "6/mmm", ""),
        (62, "Cubic (Oh) [m3m]", "6/mmm", "The code was taken"),
        (99, "Hexagonal (D6h) [6/mmm]", "6/mmm", ""),
        (99, "Nonsense", "", "is not known"),
    ],
)
def test_symmetry_code_and_point_group_of_edax(tmp_path, code, name, group, told):
    with h5py.File(vendor_hdf5.edax(tmp_path / "a.h5"), "r+") as file:
        _put(file, "Scan 1/EBSD/Header/Phase/1/Symmetry", np.array([code], ">i4"))
        _put(file, "Scan 1/EBSD/Header/Phase/1/Point Group", name)
    ebsd = load_ebsd(tmp_path / "a.h5")
    assert ebsd.phases[0].laue_group == group
    assert any(told in note for note in ebsd.notes) if told else ebsd.notes == ()


COUNTS = {
    "h5": [f"Scan 1/EBSD/{name}" for name in ("Header/nRows", "Header/nColumns", "Data/X Position", "Data/Y Position")],
    "h5oina": ("1/EBSD/Header/Y Cells", "1/EBSD/Header/X Cells", "1/EBSD/Data/X", "1/EBSD/Data/Y"),
    "h5ebsd": ("3/Header/NROWS", "3/Header/NCOLS_ODD", "3/Data/X Position", "3/Data/Y Position"),
}


def of_counts(kind: str, folder: Path, rows: int, cols: int, exchanged: bool = False) -> tuple[str, ...]:
    """The notes on a file of 4 x 5 points whose header says otherwise, or whose x and y are exchanged."""
    makers = {"h5": vendor_hdf5.edax, "h5oina": vendor_hdf5.h5oina, "h5ebsd": lambda p: vendor_hdf5.h5ebsd(p, "TSL")}
    path = makers[kind](folder / f"a.{kind}")
    places = COUNTS[kind]
    x, y = np.meshgrid(np.arange(5) * 0.5, np.arange(4) * 0.5)
    with h5py.File(path, "r+") as file:
        for place, value in zip(places[:2], (rows, cols), strict=True):
            _put(file, place, np.array([value], np.int32))
        if kind == "h5ebsd":
            _put(file, "3/Header/NCOLS_EVEN", np.array([cols], np.int32))
        for place, axis in zip(places[2:], (y, x) if exchanged else (x, y), strict=True):
            _put(file, place, axis.ravel().astype(np.float32))
    ebsd = load_ebsd(path, section=3 if kind == "h5ebsd" else None)
    assert ebsd.shape == ((5, 4) if exchanged else (4, 5))
    return ebsd.notes


@pytest.mark.parametrize("kind", COUNTS)
def test_counts_and_places(tmp_path, kind):
    def about_places(notes: tuple[str, ...]) -> list[str]:
        return [note for note in notes if "symmetry" not in note]

    assert about_places(of_counts(kind, tmp_path, 4, 5)) == []
    assert "read as a crop" in of_counts(kind, tmp_path, 40, 50)[0]
    assert "may be exchanged" in of_counts(kind, tmp_path, 4, 5, exchanged=True)[0]
    assert "the header states 2 x 10: the points decide" in of_counts(kind, tmp_path, 2, 10)[0]
    assert "promises 16 points, the file has 20" in of_counts(kind, tmp_path, 4, 4)[0]


def edax_phases(
    folder: Path, ids: tuple[int, ...], column: list[int], ci: list[float] | None = None, maker: str = "h5"
):
    """Names of the phases of 20 points whose numbers begin with these, and the notes."""
    folder.mkdir(exist_ok=True)
    path = vendor_hdf5.edax(folder / "a.h5") if maker == "h5" else vendor_hdf5.h5ebsd(folder / "a.h5ebsd", "TSL")
    data, header = ("Scan 1/EBSD/Data", "Scan 1/EBSD/Header/Phase") if maker == "h5" else ("3/Data", "3/Header/Phases")
    with h5py.File(path, "r+") as file:
        del file[header]
        for number in ids:
            file[f"{header}/{number}/MaterialName"] = f"phase of {number}"
            file[f"{header}/{number}/Symmetry"] = np.array([62 if number == ids[0] else 43], np.int32)
        numbers = np.resize(column, 20).astype(np.int32)
        _put(file, f"{data}/{'Phase' if maker == 'h5' else 'PhaseData'}", numbers)
        if ci is not None:
            _put(file, f"{data}/CI", np.resize(ci, 20).astype(np.float32))
        if maker != "h5" and ci is not None:
            _put(file, f"{data}/Confidence Index", np.resize(ci, 20).astype(np.float32))
    ebsd = load_ebsd(path, section=None if maker == "h5" else 3)
    names = {phase.id: phase.name for phase in ebsd.phases} | {0: None}
    return [names[n] for n in ebsd.phase_id.ravel()[: len(column)].tolist()], ebsd.notes


A, B, C = (f"phase of {n}" for n in (1, 2, 3))


@pytest.mark.parametrize("maker", ["h5", "h5ebsd"])
@pytest.mark.parametrize(
    ("ids", "column", "ci", "expected", "told"),
    [
        ((1,), [0, 0], [0.5, -1], [A, None], ""),
        ((1,), [1, -1], None, [A, None], "Points of phase -1"),
        ((1,), [1, 0], [0.5, -1], [A, None], ""),
        ((1,), [1, 0], None, [A, None], "have an orientation, yet"),
        ((1, 2), [1, 2], None, [A, B], ""),
        ((1, 2), [0, 1, -1], None, [A, B, None], "numbered from 0"),
        ((1, 2), [0, 1, 2], [-1, 0.5, 0.5], [None, A, B], ""),
        ((1, 2, 3), [1, 3], None, [A, C], ""),
        ((1, 2, 3), [0, 1, 3], [-1, 0.5, 0.5], [None, A, C], ""),
        ((0, 1), [0, 1], None, ["phase of 0", A], "so does the header"),
        ((0, 1), [1, 1], None, [A, A], ""),
        ((0, 1), [-1, 1, 0], None, [None, A, "phase of 0"], "Points of phase -1"),
        ((2,), [0, 0], None, [B, B], ""),
    ],
)
def test_numbers_of_phases_in_edax_files(tmp_path, maker, ids, column, ci, expected, told):
    found, notes = edax_phases(tmp_path, ids, column, ci, maker)
    assert found == expected
    assert any(told in note for note in notes) if told else not any("phase 0" in note.lower() for note in notes)


def test_oxford_phases_that_are_absent_or_below_zero(tmp_path):
    """A phase between others that no point has, and phase -1 in a .ctf."""
    head = CTF_HEADER.format(cols=5, rows=4, dx=0.5, dy=0.5)
    more = "3.3;3.3;3.3\t90;90;90\tbeta\t11\t229\r\n4.9;4.9;5.4\t90;90;120\tquartz\t7\t0\r\n"
    head = head.replace("Phases\t1", "Phases\t3").replace("Phase\tX", more + "Phase\tX")
    lines = ctf_rows(square(4, 5))
    lines[1], lines[2], lines[3] = (
        "\t".join([n, *lines[i].split("\t")[1:]]) for i, n in ((1, "3"), (2, "-1"), (3, "0"))
    )
    path = tmp_path / "a.ctf"
    path.write_text(head + "\n".join(lines))
    ebsd = load_ebsd(path)
    assert ebsd.phase_id[0].tolist() == [1, 3, 0, 0, 1]
    assert [phase.name for phase in ebsd.phases] == ["Titanium", "beta", "quartz"]
