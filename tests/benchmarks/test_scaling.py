"""The curve of error against computing: its dials, points and figure."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scaling
from benchmarks.scaling import Dial, Point, curve, dials, markdown, sections
from grainlight.errors import InputError
from grainlight.evaluation.figures import NAMES, Figures
from grainlight.evaluation.methods import QUALITIES, Answer
from grainlight.evaluation.reference_map import FIRST_SEED, FIRST_TUNING_SEED, section_seed
from grainlight.evaluation.scenario import MAIN, Scenario


@pytest.fixture
def answered(monkeypatch):
    """A restoration that gives the truth back, and the settings that it was asked for."""
    asked = []

    def restoration(quality="balanced", *, steps=None, samples=None, visits=None, **_):
        asked.append((quality, steps, samples, visits))
        return lambda task: Answer(task.truth)

    monkeypatch.setattr(scaling, "restoration", restoration)
    return asked


def test_dials_hold_every_preset_once_and_rise():
    found = dials([(1, 1), (2, 1)], (0, 10))
    assert {dial.preset for dial in found} == {None, *QUALITIES}
    assert len({(dial.steps, dial.samples, dial.visits) for dial in found}) == len(found) == 6
    costs = [(dial.visits, dial.steps * dial.samples) for dial in found]
    assert costs == sorted(costs)


def test_sections_are_not_those_of_the_evaluation():
    assert FIRST_TUNING_SEED != FIRST_SEED
    evaluated = {section_seed(f, number) for f in range(20) for number in range(8)}
    assert not evaluated & {section_seed(f, number, FIRST_TUNING_SEED) for f in range(20) for number in range(8)}
    assert len({subject.name for subject in sections(2, size=17)}) == 12


def test_curve_measures_every_dial_on_every_scenario(answered):
    grid = [Dial(1, 2, 5), Dial(2, 1, 0, "fast")]
    points = curve(sections(size=33)[:2], grid, scenarios=(Scenario(2, None), Scenario(4, None)))
    assert [(point.scenario.scale, point.dial) for point in points] == [(s, d) for s in (2, 4) for d in grid]
    assert answered == [("balanced", 1, 2, 5), ("fast", None, None, None)] * 2
    assert all(point.figures.edge_f1 == 1.0 and point.seconds >= 0 for point in points)


def test_table_and_figure(tmp_path):
    rng = np.random.default_rng(0)
    points = [
        Point(dial, scenario, Figures(**dict.fromkeys(NAMES, rng.uniform(0.1, 0.9))), 1.0 + k, 2.0 + k)
        for scenario in MAIN
        for k, dial in enumerate(dials([(1, 1), (2, 1)], (0, 10)))
    ]
    lines = markdown(points).splitlines()
    assert len(lines) == 2 + len(points)
    assert len({line.count("|") for line in lines}) == 1
    assert sum("best" in line for line in lines) == 2
    scaling.draw(points, tmp_path / "curve.png", "caption")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(InputError, match="no weights"):
        curve([], [], weights=tmp_path / "none.safetensors")
