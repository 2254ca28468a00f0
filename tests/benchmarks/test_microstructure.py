"""Statistics of maps whose grains are known, and their comparison with sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import realism
from benchmarks.microstructure import BINS, TITLES, Microstructure, describe
from grainlight.errors import InputError
from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

TITANIUM = Phase(1, "Titanium", "6/mmm")


def of_angles(degrees, phase_id=None):
    """A map whose crystals are tilted about x."""
    half = np.radians(np.asarray(degrees, dtype=float)) / 2
    q = np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], axis=-1)
    return OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM, Phase(2, "beta", "m-3m")), phase_id=phase_id)


def stripes(width, angle):
    return np.broadcast_to((np.arange(24) // width % 2) * angle, (24, 24))


@pytest.fixture(scope="module")
def made():
    return realism.families(each=2, size=49)


def test_stripes_have_known_sizes_shapes_and_boundaries():
    found = describe(of_angles(stripes(6, 32.0)))
    assert found.grain_size == pytest.approx(np.sqrt(4 / np.pi * 6 * 24))
    assert found.size_spread == pytest.approx(0.0)
    assert found.aspect == pytest.approx(4.0)
    # 3 boundaries of 24 pairs
    assert found.boundary == pytest.approx(3 * 24 / (2 * 24 * 23))
    assert found.low_angle == 0.0
    assert max(found.neighbour_tail, found.grain_spread) < 0.05
    assert found.disorientations[np.searchsorted(BINS, 32.0) - 1] == 1.0
    assert sum(found.disorientations) == pytest.approx(1.0)


def test_low_angles():
    assert describe(of_angles(stripes(6, 10.0))).low_angle == 1.0


def test_a_gradient_spreads_grains_but_has_no_boundary():
    found = describe(of_angles(np.broadcast_to(0.5 * np.arange(24), (24, 24))))
    assert found.boundary == 0.0
    assert found.grain_size == pytest.approx(np.sqrt(4 / np.pi) * 24)
    # half the steps are of half a degree, half along the gradient's contours
    assert found.neighbour_tail == pytest.approx(0.5, abs=0.01)
    assert found.grain_spread == pytest.approx(0.5 * np.sqrt((24**2 - 1) / 12), rel=0.02)
    assert np.isnan(found.low_angle)


def test_other_phases_do_not_count():
    phase_id = np.where(stripes(6, 1.0) > 0, 2, 1).astype(np.int16)
    found = describe(of_angles(stripes(6, 30.0), phase_id))
    assert found.boundary == 0.0
    assert found.aspect == pytest.approx(4.0)


def test_families_are_drawn_alike_and_differ(made):
    again = realism.families(each=2, size=49)
    assert repr(again) == repr(made)
    spread = {family: np.mean([one.neighbour_spread for one in many]) for family, many in made.items()}
    # noise of 0.3 degrees and more shows between neighbours
    assert min(spread.values()) > 0.3


def test_beyond_names_map_and_statistic(made):
    inside = made["equiaxed"][0]
    sections = {"family": [replace(inside, boundary=inside.boundary * f) for f in np.linspace(0.5, 2.0, 61)]}
    assert realism.outside({"in": inside}, sections) == []
    lines = realism.outside({"out": replace(inside, boundary=0.99)}, sections)
    assert len(lines) == 1
    assert lines[0].startswith(f"out: {TITLES['boundary']} is 0.99")
    lines = realism.outside({"edge": replace(inside, boundary=inside.boundary * 1.99)}, sections)
    assert "1.6 % of them reach it" in lines[0]


def test_likeness_of_a_section_is_that_of_its_twin(made):
    one = made["colony"][1]
    (line,) = realism.likeness({"twin": one}, made)
    assert line.startswith("twin: the nearest section (colony) is 0.00")
    assert realism.likeness({}, made) == []


def test_figure_and_table(made, tmp_path):
    one: Microstructure = made["twinned"][0]
    realism.draw({"map": one}, made, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    lines = realism.markdown({"map": one}, made).splitlines()
    assert len(lines) == 2 + len(made) + 1
    assert len({line.count("|") for line in lines}) == 1


def test_files_have_names_and_must_say_enough(tmp_path):
    save_ebsd(of_angles(stripes(6, 30.0)), tmp_path / "a.ang")
    assert list(realism.real([f"metal={tmp_path / 'a.ang'}", str(tmp_path / "a.ang")])) == ["metal", "a"]
    save_ebsd(of_angles(stripes(6, 30.0)[:4]), tmp_path / "b.ang")
    with pytest.raises(InputError, match="too little"):
        realism.real([str(tmp_path / "b.ang")])


def test_real_titanium_has_grains(shared_data):
    found = realism.real([str(shared_data / "pymicro/Ti64-200x200.ang")])["Ti64-200x200"]
    # 359 grains in its own grain map; 9 % of the pairs over 10 degrees
    assert 10 < found.grain_size < 25
    assert 0.09 < found.boundary < 0.16
    assert 0.5 < found.neighbour_spread < 0.9
