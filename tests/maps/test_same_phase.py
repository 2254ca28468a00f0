"""A phase that is listed twice is one."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.same_phase import is_same, with_each_phase_once


def phase(number: int, name: str, a: float = 2.95, c: float = 4.686, group: str = "6/mmm") -> Phase:
    return Phase(number, name, group, a, a, c, 90.0, 90.0, 120.0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (phase(1, "Titanium"), phase(2, "Titanium"), True),
        (phase(1, "Titanium"), phase(2, " TITANIUM "), True),
        (phase(1, "Titanium", 0, 0), phase(2, "Titanium"), True),
        (phase(1, "Titanium (Alpha)", 2.95, 4.68), phase(2, "Ti-Hex"), True),
        (phase(1, "Titanium"), phase(2, "Titanium", 3.0, 4.686), False),
        (phase(1, "Titanium"), phase(2, "Titanium", group="m-3m"), False),
        (phase(1, "Ti alpha"), phase(2, "Ti martensite"), False),
        (phase(1, "Titanium"), phase(2, "Zirconium", 3.232, 5.147), False),
        (Phase(1, "Copper", "m-3m", 3.61, 3.61, 3.61), Phase(2, "Austenite", "m-3m", 3.60, 3.60, 3.60), False),
    ],
)
def test_what_is_the_same(one, other, same) -> None:
    assert is_same(one, other) is is_same(other, one) is same


def twice() -> OrientationMap:
    q = np.tile([1.0, 0.0, 0.0, 0.0], (6, 9, 1))
    number = np.repeat([[1, 2, 3]], 3, axis=1).repeat(6, axis=0).astype(np.int16)
    number[0, 0] = 0
    phases = (phase(1, "Titanium"), Phase(2, "Beta", "m-3m", 3.3, 3.3, 3.3), phase(3, "titanium"))
    return OrientationMap.from_quaternions(q, (1.0, 1.0), phases, phase_id=number)


def test_points_go_to_the_first() -> None:
    ebsd = with_each_phase_once(twice())
    assert [one.id for one in ebsd.phases] == [1, 2]
    assert ebsd.phase_id[1].tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 1]
    assert ebsd.phase_id[0, 0] == 0
    assert ebsd.notes == ("Phases 1 and 3 are the same (titanium) and are taken as one.",)
    assert with_each_phase_once(ebsd) is ebsd


@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina", ".h5"])
def test_files_are_read_so(tmp_path, ending) -> None:
    save_ebsd(twice(), tmp_path / f"map{ending}")
    ebsd = load_ebsd(tmp_path / f"map{ending}")
    assert [one.laue_group for one in ebsd.phases] == ["6/mmm", "m-3m"]
    assert (ebsd.phase_id == ebsd.phases[0].id).sum() == 2 * 18 - 1
    assert any("taken as one" in note for note in ebsd.notes)
