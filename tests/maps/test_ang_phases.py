"""Phases of .ang files: how they are numbered or named, their symmetry, and which points are not indexed."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd

from .samples import ang_header, ang_rows, square

TWO_PHASES = "# Phase 2\n# MaterialName Ti beta\n# Symmetry 43\n# LatticeConstants 3.3 3.3 3.3 90 90 90\n"


def phases_of(write, tails, two=False):
    head = ang_header(1, len(tails)) + (TWO_PHASES if two else "")
    lines = [ang_rows([(0, c)], tail=tail)[0] for c, tail in enumerate(tails)]
    ebsd = load_ebsd(write("a.ang", [head, *lines]))
    return ebsd.phase_id[0].tolist(), ebsd


@pytest.mark.parametrize(
    ("tails", "two", "expected"),
    [
        (["90 0.5 0", "90 0.2 0"], False, [1, 1]),  # EDAX, one phase
        (["90 0.5 1", "90 0.2 1"], False, [1, 1]),  # pymicro, EMsoft
        (["90 0.5 0", "90 -1 0"], False, [1, 0]),  # CI
        (["90 0.5 1", "90 0.2 0"], False, [1, 0]),  # one phase, numbered from 1
        (["90 0.5 1", "90 0.2 2", "90 0 0"], True, [1, 2, 0]),
        (["90 0.5 0", "90 0.2 1", "90 0.7 0"], True, [1, 2, 1]),  # numbered from 0
        (["90 -1 0", "90 0.2 1", "90 -1 0"], True, [0, 1, 0]),  # only phase 1 there, others not indexed
    ],
)
def test_phase_numbers(write, tails, two, expected):
    assert phases_of(write, tails, two)[0] == expected


BLANK = "0 0 0"


def phases_numbered(write, ids, points):
    """Phase numbers of a row of points (phase, CI, angles or None) below a header with phases of these numbers."""
    codes = {"alpha": "62", "beta": "43"}
    blocks = "".join(
        f"# Phase {number}\n# MaterialName {name}\n# Symmetry {codes[name]}\n" for name, number in ids.items()
    )
    lines = [
        f"{angles or '0.1 0.2 0.3'} {place * 0.5} 0 100 {ci} {phase}"
        for place, (phase, ci, angles) in enumerate(points)
    ]
    ebsd = load_ebsd(write("a.ang", [blocks, *lines]))
    names = {phase.id: phase.name for phase in ebsd.phases} | {0: None}
    return [names[number] for number in ebsd.phase_id[0].tolist()], ebsd.notes


@pytest.mark.parametrize(
    ("ids", "points", "expected", "reason"),
    [
        ({"alpha": 1}, [(0, 0.8, None), (-1, 0, BLANK), (0, 0, None)], ["alpha", None, "alpha"], "phase -1"),
        ({"alpha": 1}, [(1, 0.8, None), (-1, 0.8, None)], ["alpha", None], "phase -1"),
        ({"alpha": 0}, [(0, 0.8, None), (-1, 0, BLANK)], ["alpha", None], "phase -1"),
        ({"alpha": 1}, [(0, 0.8, None), (0, 0, BLANK)], ["alpha", None], ""),
        # no CI in the file: an orientation of three zeros is one
        ({"alpha": 1}, [(0, 0, None), (0, 0, BLANK)], ["alpha", "alpha"], ""),
        # beta never indexed
        ({"beta": 2, "alpha": 1}, [(1, 0.8, None), (0, 0, BLANK)], ["alpha", None], "Phase 0 was read as not indexed"),
        ({"beta": 1, "alpha": 2}, [(1, 0, None), (0, 0, BLANK)], ["beta", None], "Phase 0 was read as not indexed"),
        ({"beta": 2, "alpha": 1}, [(1, 0.8, None), (-1, 0, BLANK)], ["alpha", None], "phase -1"),
        # the header numbers from 0
        ({"beta": 1, "alpha": 0}, [(0, 0.8, None), (1, 0.8, None), (-1, 0, BLANK)], ["alpha", "beta", None], "header"),
        ({"beta": 1, "alpha": 0}, [(1, 0.8, None), (-1, 0, BLANK)], ["beta", None], "header"),
        ({"beta": 1, "alpha": 0}, [(0, 0, BLANK), (1, 0.8, None), (0, 0, BLANK)], [None, "beta", None], "header"),
        # but not the data
        ({"beta": 1, "alpha": 0}, [(1, 0.8, None), (2, 0.8, None), (0, 0, BLANK)], ["alpha", "beta", None], "from 1"),
        # the header does not, the data do
        ({"beta": 2, "alpha": 1}, [(0, 0.8, None), (1, 0.8, None), (-1, 0, BLANK)], ["alpha", "beta", None], "have -1"),
        ({"beta": 2, "alpha": 1}, [(0, 0.8, None), (1, 0.8, None)], ["alpha", "beta"], "most points of phase 0"),
    ],
)
def test_numbering_of_phases(write, ids, points, expected, reason):
    found, notes = phases_numbered(write, ids, points)
    assert found == expected
    assert reason in " ".join(notes)


@pytest.mark.parametrize(
    ("symmetry", "group"),
    [
        ("62", "6/mmm"),
        ("126", "6/mmm"),
        ("62 hexagonal", "6/mmm"),
        ("6 / mmm", "6/mmm"),
        ("Hexagonal (D6h) [6/mmm]", "6/mmm"),
        ("-3m1", "-3m"),
        ("999", ""),
    ],
)
def test_symmetry_of_the_header(write, symmetry, group):
    head = ang_header(2, 2).replace("# Symmetry              62", f"# Symmetry              {symmetry}")
    ebsd = load_ebsd(write("a.ang", [head, *ang_rows(square(2, 2))]))
    assert ebsd.phases[0].laue_group == group
    assert [note.startswith(f"Symmetry '{symmetry}' of phase 1") for note in ebsd.notes] == ([] if group else [True])


@pytest.mark.parametrize("ids", [(1, 2), (0, 1)])
def test_names_in_the_column_of_phases(write, ids):
    head = ang_header(1, 4).replace("# Phase 1", f"# Phase {ids[0]}")
    head += TWO_PHASES.replace("# Phase 2", f"# Phase {ids[1]}")
    tails = ["90 0.5 Titanium 10", "90 0.5 Ti beta 11", "90 0 notIndexed 12", '90 0.5 "TITANIUM" 13']
    for order in (tails, tails[1:] + tails[:1]):
        lines = [ang_rows([(0, c)], tail=tail)[0] for c, tail in enumerate(order)]
        ebsd = load_ebsd(write("a.ang", [head, *lines]))
        names = {phase.id: phase.name for phase in ebsd.phases} | {0: "notIndexed"}
        assert [names[i].lower() in order[c].lower() for c, i in enumerate(ebsd.phase_id[0].tolist())] == [True] * 4
        assert np.count_nonzero(ebsd.phase_id == 0) == 1
        assert ebsd.fields["sem"][0].tolist() == [float(tail[-2:]) for tail in order]


@pytest.mark.parametrize("name", ["Zircon", "Titanium gamma"])
def test_a_name_that_the_header_does_not_have(write, name):
    lines = [ang_rows([(0, c)], tail=f"90 0.5 {p} 10")[0] for c, p in enumerate(["Titanium", name])]
    with pytest.raises(InputError, match="a name of a phase is not one of the header") as caught:
        load_ebsd(write("a.ang", [ang_header(1, 2), *lines]))
    assert "line 20, column 8 (phase)" in str(caught.value)
    assert repr(name) in str(caught.value)
    assert "'titanium'" in str(caught.value)


def test_a_phase_that_the_header_does_not_name(write):
    numbers, ebsd = phases_of(write, ["90 0.5 1", "90 0.2 3"])
    assert numbers == [1, 3]
    assert not ebsd.phases[1].is_6mmm
    assert any("Phase 3 is in the data" in note for note in ebsd.notes)
