"""Tables of text whose columns the user names."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap

from .samples import assert_places, euler_at, square

NUMBERS = "phase=2,x=3,y=4,phi1=5,Phi=6,phi2=7,bc=8,angles=degrees,symmetry=6/mmm"
TITLES = "phase=phase,x=x,y=y,phi1=phi1,Phi=Phi,phi2=phi2,bc=bc,angles=degrees,symmetry1=622"


def table(separator: str, decimal: str = ".", header: str = "") -> str:
    lines = [header] if header else []
    for count, (r, c) in enumerate(square(4, 5)):
        cells = [str(count), "1", f"{c * 0.5}", f"{r * 0.5}"]
        cells += [f"{angle:.5f}" for angle in np.degrees(euler_at(r, c))] + ["77"]
        lines.append(separator.join(cells).replace(".", decimal))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("separator", "decimal"), [("\t", "."), ("\t", ","), (";", ","), (",", "."), ("  ", ".")])
@pytest.mark.parametrize("columns", [NUMBERS, TITLES])
def test_separators_and_decimals(write, separator, decimal, columns):
    header = separator.join(["% id", "phase", "x", "y", '"phi1"', "Phi", "phi2", "BC"])
    ebsd = load_ebsd(write("a.txt", table(separator, decimal, header)), columns=columns)
    assert (ebsd.shape, ebsd.step) == ((4, 5), (0.5, 0.5))
    assert [phase.laue_group for phase in ebsd.phases] == ["6/mmm"]
    # MTEX's rule: the Euler angles refer to the axes of the map
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.NONE, CrystalFrame.X_ALONG_A_STAR)
    assert (ebsd.fields["bc"] == 77).all()
    assert_places(ebsd, square(4, 5))


def test_words_and_not_indexed_points(write):
    text = "Ti;1;0;0;10;20;30\nnone;0;0.5;0;nan;nan;nan\nTi;1;0;0.5;11;20;30\nTi;1;0.5;0.5;11;20;30\n"
    ebsd = load_ebsd(write("a.csv", text), columns="phase=2,x=3,y=4,phi1=5,phi=6,phi2=7,angles=deg")
    assert ebsd.phase_id.tolist() == [[1, 0], [1, 1]]
    assert any("symmetry" in note for note in ebsd.notes)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("phi1=1", "no column for phi, phi2, x, y"),
        (NUMBERS.replace(",angles=degrees", ""), "angles=degrees or"),
        (NUMBERS.replace("6/mmm", "hexagonal"), "symmetry 'hexagonal'"),
        (NUMBERS.replace("x=3", "x=0"), "counted from 1"),
        (NUMBERS + ",oops", "'oops'"),
        (NUMBERS.replace("phi2=7", "phi2=70"), "not in the file"),
        (NUMBERS.replace("x=3", "x=east"), "not in the file"),
    ],
)
def test_lists_that_cannot_be_meant(write, columns, reason):
    with pytest.raises(InputError, match=reason):
        load_ebsd(write("a.txt", table("\t")), columns=columns)


def test_degrees_called_radians_are_refused(write):
    with pytest.raises(InputError, match="no radians"):
        load_ebsd(write("a.txt", table("\t")), columns=NUMBERS.replace("degrees", "radians"))


def test_a_bad_row_is_named(write):
    with pytest.raises(InputError, match="row cannot be read"):
        load_ebsd(write("a.txt", table("\t") + "20\t1\tx\n"), columns=NUMBERS)


def numbered(write, phase: list, angles: np.ndarray | None = None, more: str = "", **others) -> OrientationMap:
    """A table of 6 x 5 points whose phase column is this."""
    given = np.random.default_rng(2).uniform(5, 85, (30, 3)) if angles is None else angles
    rows = [
        f"{a} {b} {c} {p} {i % 5} {i // 5} " + " ".join(str(v[i]) for v in others.values())
        for i, ((a, b, c), p) in enumerate(zip(given, phase, strict=True))
    ]
    titles = "".join(f",{name}={7 + i}" for i, name in enumerate(others))
    columns = f"phi1=1,Phi=2,phi2=3,phase=4,x=5,y=6,angles=degrees{titles}{more}"
    return load_ebsd(write("table.txt", rows), columns=columns)


@pytest.mark.parametrize("empty", [[], [-1], ["nan", -1]])
def test_phase_zero_alone_is_the_phase(write, empty) -> None:
    phase = [*empty, *[0] * (30 - len(empty))]
    ebsd = numbered(write, phase, more=",symmetry0=6/mmm")
    assert ebsd.indexed.sum() == 30 - len(empty)
    assert [(p.id, p.name, p.laue_group) for p in ebsd.phases] == [(1, "phase 0", "6/mmm")]
    assert any("phase 0 was taken for the first phase" in note for note in ebsd.notes)


def test_phase_zero_without_solutions_is_not_indexed(write) -> None:
    angles = np.random.default_rng(2).uniform(5, 85, (30, 3))
    angles[:4] = 0
    angles[4:6] = 720
    ci = np.full(30, 0.5)
    ci[6:9] = -1
    assert numbered(write, [0] * 30, angles, ci=ci).indexed.sum() == 21
    assert not numbered(write, [0] * 30, np.zeros((30, 3))).indexed.any()
    ebsd = numbered(write, [0] * 6 + [1] * 24, angles)
    assert ebsd.indexed.sum() == 24
    assert not any("phase 0" in note for note in ebsd.notes)


def test_phases_from_zero_beside_minus_one(write) -> None:
    ebsd = numbered(write, [-1] * 3 + [0] * 17 + [1] * 10, more=",symmetry0=6/mmm,symmetry1=m-3m")
    assert [(p.id, p.name, p.laue_group) for p in ebsd.phases] == [(1, "phase 0", "6/mmm"), (2, "phase 1", "m-3m")]
    assert np.bincount(ebsd.phase_id.ravel()).tolist() == [3, 17, 10]


def test_phase_zero_with_orientations_beside_others_is_said(write) -> None:
    ebsd = numbered(write, [0] * 10 + [1] * 20)
    assert ebsd.indexed.sum() == 20
    assert any("10 points of phase 0 have orientations of their own" in note for note in ebsd.notes)


@pytest.mark.parametrize(("separator", "decimal"), [("\t", ","), (";", "."), (",", ".")])
@pytest.mark.parametrize("nothing", ["", "NaN", "n/a", " "])
@pytest.mark.parametrize("first", [0, 3])
def test_empty_cells_have_no_value(write, separator, decimal, nothing, first) -> None:
    """Of a point without angles nothing is indexed, without a phase too; other cells become 0. So in the first row."""
    rows = [line.split(separator) for line in table(separator, decimal).splitlines()]
    rows[first][4:7] = [nothing] * 3
    rows[first + 2][1] = nothing
    rows[first + 4][7] = nothing
    ebsd = load_ebsd(write("a.txt", "\n".join(map(separator.join, rows)) + "\n"), columns=NUMBERS)
    assert ebsd.shape == (4, 5)
    assert np.flatnonzero(ebsd.phase_id.ravel() == 0).tolist() == [first, first + 2]
    assert ebsd.fields["bc"].ravel()[first + 4] == 0
    assert any("not finite in bc" in note for note in ebsd.notes)
    assert_places(ebsd, [place for i, place in enumerate(square(4, 5)) if i not in (first, first + 2)])


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_rows_short_of_their_last_cells(write, separator) -> None:
    rows = table(separator).splitlines()
    for at in (0, 7):
        rows[at] = separator.join(rows[at].split(separator)[:7])
    ebsd = load_ebsd(write("a.txt", "\n".join(rows)), columns=NUMBERS)
    assert ebsd.indexed.all()
    assert ebsd.fields["bc"].ravel()[[0, 6, 7]].tolist() == [0, 77, 0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("20;1;;1.5;1;2;3;4", "point 21, from line 1 on"),
        ("20;1;0,5;many;1;2;3;4", "line 21, column 4"),
        ("Ende der Datei", "line 21, column 2|point 21"),
    ],
)
def test_cells_that_must_be_there_are_named(write, row, told) -> None:
    with pytest.raises(InputError, match=told) as caught:
        load_ebsd(write("a.txt", table(";", ",") + row), columns=NUMBERS)
    assert "could not convert" not in str(caught.value)


def test_numbers_beyond_single_precision_are_its_largest(write) -> None:
    text = table(";").replace(";77", ";1e300", 1)
    assert load_ebsd(write("a.txt", text), columns=NUMBERS).fields["bc"][0, 0] == pytest.approx(3e38)
