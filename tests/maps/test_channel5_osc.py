"""The binary formats: .cpr/.crc and .osc."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.io.readers.osc import MARK

from .samples import assert_places, euler_at, square

CPR = """\
[Job]\r
GridDistX=0.5\r
GridDistY=0.5\r
xCells={cols}\r
yCells={rows}\r
[Fields]\r
Count=4\r
Field1=7\r
Field2=3\r
Field3=4\r
Field4=5\r
[Phases]\r
Count=2\r
[Phase1]\r
StructureName=Titanium cubic\r
a=3.192\r
LaueGroup=11\r
[Phase2]\r
StructureName=Ti-Hex\r
a=2.954\r
b=2.954\r
c=4.729\r
alpha=90\r
beta=90\r
gamma=120\r
LaueGroup=9\r
"""
RECORD = np.dtype([("phase", "u1"), ("bc", "u1"), ("a", "<f4"), ("b", "<f4"), ("c", "<f4")])


def crc_bytes(rows: int, cols: int) -> bytes:
    table = np.zeros(rows * cols, RECORD)
    table["phase"], table["bc"] = 2, np.arange(rows * cols) % 256
    for name, column in zip("abc", np.array([euler_at(r, c) for r, c in square(rows, cols)]).T, strict=True):
        table[name] = column
    table["phase"][3] = 0
    return table.tobytes()


@pytest.mark.parametrize("name", ["map.cpr", "map.crc"])
@pytest.mark.parametrize("ending", [".cpr", ".CPR"])
def test_cpr_and_crc_by_either_name(write, name, ending):
    write("map" + ending, CPR.format(rows=4, cols=5))
    write("map.crc", crc_bytes(4, 5))
    if name == "map.cpr":
        name = "map" + ending
    ebsd = load_ebsd(write("map.crc", crc_bytes(4, 5)).with_name(name))
    assert (ebsd.shape, ebsd.step) == ((4, 5), (0.5, 0.5))
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.OXFORD, CrystalFrame.X_ALONG_A_STAR)
    assert [(p.id, p.laue_group) for p in ebsd.phases] == [(1, "m-3m"), (2, "6/mmm")]
    assert ebsd.phase_id[0].tolist() == [2, 2, 2, 0, 2]
    assert ebsd.fields["bc"][1, 0] == 5
    assert_places(ebsd, [place for place in square(4, 5) if place != (0, 3)])


def test_cpr_alone_is_refused(write):
    with pytest.raises(InputError, match=r"\.crc file that belongs to it is missing"):
        load_ebsd(write("map.cpr", CPR.format(rows=4, cols=5)))


@pytest.mark.parametrize(
    ("rows", "cols", "reason"),
    [(4, 4, "disagree"), (31623, 31623, "promises far more"), (0, 5, "promises no points"), (10**9, 10**9, "far more")],
)
def test_cpr_that_fits_not_its_crc(write, rows, cols, reason):
    write("map.crc", crc_bytes(4, 5))
    with pytest.raises(InputError, match=reason):
        load_ebsd(write("map.cpr", CPR.format(rows=rows, cols=cols)))


def test_crc_that_ends_early(write):
    write("map.crc", crc_bytes(3, 5))
    ebsd = load_ebsd(write("map.cpr", CPR.format(rows=4, cols=5)))
    assert ebsd.shape == (3, 5)
    assert any("promises 20 points" in note for note in ebsd.notes)
    write("map.crc", crc_bytes(3, 5)[:-1])
    with pytest.raises(InputError, match="disagree"):
        load_ebsd(write("map.cpr", CPR.format(rows=4, cols=5)))


def test_titanium_of_aztec(shared_data):
    ebsd = load_ebsd(shared_data / "lightform/Sample.cpr")
    assert (ebsd.shape, ebsd.step) == ((380, 380), (0.15, 0.15))
    shares = {phase.name: ebsd.of_phases([phase]).mean() for phase in ebsd.phases}
    assert shares == pytest.approx({"Ti-Hex": 0.3823, "Titanium cubic": 0.4554}, abs=1e-4)
    assert [phase.laue_group for phase in ebsd.phases] == ["6/mmm", "m-3m"]
    same = load_ebsd(shared_data / "lightform/Sample.crc")
    np.testing.assert_array_equal(same.quaternions, ebsd.quaternions)


def osc_bytes(rows: int, cols: int, columns: int = 10, count: bool = False, points: int | None = None) -> bytes:
    name = b"Titanium".ljust(256)
    lattice = np.array([2.95, 2.95, 4.68, 90, 90, 120], "<f4").tobytes()
    table = np.zeros((rows * cols, columns), "<f4")
    table[:, :3] = [euler_at(r, c) for r, c in square(rows, cols)]
    table[:, 3:5] = [(c * 0.5, r * 0.5) for r, c in square(rows, cols)]
    head = np.array([0, 1, 0, 0, cols, rows, rows * cols if points is None else points, 4], "<u4").tobytes()
    parts = [head.ljust(100, b"\0"), MARK, b"\1\0\0\0", bytes(8), name, (62).to_bytes(4, "little"), lattice, bytes(40)]
    parts += [MARK, b"\2\0\0\0", table.nbytes.to_bytes(4, "little") if count else b""]
    return b"".join([*parts, np.array([0.5, 0.5], "<f4").tobytes(), table.tobytes()])


@pytest.mark.parametrize("columns", [8, 10, 14])
@pytest.mark.parametrize("count", [False, True])
def test_osc(write, columns, count):
    ebsd = load_ebsd(write("a.osc", osc_bytes(4, 5, columns, count)))
    assert (ebsd.shape, ebsd.step) == ((4, 5), (0.5, 0.5))
    assert [(p.name, p.laue_group, round(p.c, 2)) for p in ebsd.phases] == [("Titanium", "6/mmm", 4.68)]
    assert (ebsd.sample_frame, ebsd.crystal_frame) == (SampleFrame.EDAX2, CrystalFrame.X_ALONG_A)
    assert_places(ebsd, square(4, 5))


def test_osc_of_another_layout(write):
    good = osc_bytes(4, 5)
    for content in (good.replace(MARK + b"\2", bytes(5)), good[:-40], good[:40], osc_bytes(4, 5, points=10**9), b""):
        with pytest.raises(InputError, match=r"layout|promises far more|empty"):
            load_ebsd(write("a.osc", content))


def test_osc_is_the_ang(shared_data):
    osc, ang = (load_ebsd(shared_data / f"ebsdlab/EBSD.{ending}") for ending in ("osc", "ang"))
    assert (osc.grid, osc.shape, osc.step) == ("hexagonal", ang.shape, pytest.approx(ang.step, rel=1e-5))
    np.testing.assert_array_equal(osc.phase_id, ang.phase_id)
    np.testing.assert_allclose(osc.quaternions, ang.quaternions, atol=1e-5)
    np.testing.assert_allclose(osc.x, ang.x, atol=1e-5)
    # the files differ where the .ang gives a point that is not indexed a CI of 0 and the .osc one of -1
    np.testing.assert_allclose(osc.fields["ci"][osc.indexed], ang.fields["ci"][ang.indexed], atol=1e-3)
