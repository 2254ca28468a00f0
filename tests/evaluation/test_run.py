"""Cases: what is planned, what runs on them, and what a row says."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.evaluation import run as runner
from grainlight.evaluation.methods import BASELINES, BLIND, GUIDED, QUALITIES, Answer
from grainlight.evaluation.run import CLEAN_COPY, FULL, count, ours, run
from grainlight.evaluation.scenario import MAIN, SCENARIOS, Scenario
from grainlight.evaluation.subject import SECTIONS, SYNTHETIC, Subject, section_seed, validation_section
from grainlight.evaluation.suite import Case, map_cases, synthetic_cases
from grainlight.synth.families import FAMILIES


@pytest.fixture(scope="module")
def cases():
    return synthetic_cases(size=17)


@pytest.fixture(scope="module")
def field(section):
    return Subject("map", "map", section.cropped(49, 49))


@pytest.fixture
def perfect(monkeypatch):
    """A restoration that knows the truth, in place of the network; collects the tasks that it was given."""
    given = []

    def restoration(quality, **_):
        def method(task):
            given.append((quality, task))
            rows, cols = task.measured.shape
            light = task.clean_light
            return Answer(task.truth, light, np.full((rows, cols), 1.0), np.zeros((rows, cols)))

        return method

    monkeypatch.setattr(runner, "restoration", restoration)
    return given


def test_names_tell_scenarios_apart():
    distinct = set(SCENARIOS)
    assert len({(scenario.name, scenario.light) for scenario in distinct}) == len(distinct)


def test_every_scenario_meets_every_family_and_every_section_is_used(cases):
    for scenario in SCENARIOS:
        families = {case.subject.name.split()[0] for case in cases if case.scenario == scenario}
        assert families == set(FAMILIES)
    used = [case.subject.name for case in cases]
    assert set(used) == {f"{family} {number}" for family in FAMILIES for number in range(SECTIONS)}
    assert min(used.count(name) for name in used) >= 2
    assert len({(case.subject.name, case.scenario) for case in cases}) == len(cases)


def test_all_qualities_run_on_the_main_scenarios(cases):
    for scenario in MAIN:
        every = [case for case in cases if case.scenario == scenario and case.qualities == QUALITIES]
        assert {case.subject.name.split()[0] for case in every} == set(FAMILIES)
        assert all(case.reference == "balanced" for case in every)


def test_training_cannot_draw_the_sections():
    """The generator of torch knows 32 bits of a seed, and training takes seeds from 0 to 2^31."""
    seeds = {section_seed(f, number) % 2**32 for f in range(len(FAMILIES)) for number in range(SECTIONS)}
    assert len(seeds) == len(FAMILIES) * SECTIONS
    assert min(seeds) > 2**31


def test_sections_are_fixed_and_differ():
    one, same, other = (validation_section("twinned", number, 33).full.quaternions for number in (2, 2, 3))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_quick_is_a_share_of_the_whole(cases):
    quick = synthetic_cases(quick=True, size=17)
    whole = {(case.subject.name, case.scenario, case.seed) for case in cases}
    assert {(case.subject.name, case.scenario, case.seed) for case in quick} < whole
    assert {case.scenario for case in quick} == set(SCENARIOS)
    assert count(quick) < 0.2 * count(cases)


def test_one_quality_or_none(cases):
    fast, none = (synthetic_cases(quick=True, quality=quality, size=17) for quality in ("fast", "none"))
    assert all(case.qualities == ("fast",) for case in fast)
    assert {case.reference for case in fast} == {"fast", None}
    assert all(not case.qualities and not case.reference for case in none)


def test_small_maps_skip_what_they_cannot_do(section):
    cases = map_cases([Subject("map", "map", section.cropped(33, 33))])
    assert {case.scenario.scale for case in cases} == {1, 2, 4}
    assert not any(case.scenario.scattered for case in cases)
    assert [case.seed for case in cases if case.scenario == MAIN[0]] == [0, 1]


def test_full_reference_and_clean_copy_see_the_same_field(field, perfect):
    case = Case(field, Scenario(4), 5, ("fast",), "balanced")
    rows = run([case])
    assert [row.method for row in rows] == [*BASELINES, *CLEAN_COPY.values(), ours("fast"), FULL]
    assert [quality for quality, _ in perfect] == ["fast", "balanced"]
    coarse, whole = (task for _, task in perfect)
    assert whole.measured.all()
    assert np.array_equal(whole.truth, coarse.truth)
    assert np.array_equal(whole.stack.images, coarse.stack.images)
    by = {row.method: row.figures for row in rows}
    assert by[FULL].edge_f1 == by[ours("fast")].edge_f1 == 1.0
    assert all(by[CLEAN_COPY[name]].edge_f1 > by[name].edge_f1 for name in GUIDED)
    assert by[ours("fast")].light_after == 0.0 < by["nearest"].light_before
    assert np.isnan(by["nearest"].light_after)
    assert by[ours("fast")].coverage == 1.0


def test_without_light_only_blind_methods_run(field, perfect):
    rows = run([Case(field, Scenario(8, None), 0)])
    assert [row.method for row in rows] == [*BLIND, ours("balanced")]
    assert all(row.light == "none" for row in rows)
    assert np.isnan(rows[0].figures.light_before)


def test_progress_counts_answers(field, perfect):
    class Count:
        total = done = 0

        def begin(self, stage, total):
            self.total = total

        def advance(self, units=1):
            self.done += units

    seen = Count()
    cases = [Case(field, Scenario(4, "clean"), 0, (), None)]
    rows = run(cases, progress=seen)
    assert seen.done == seen.total == len(rows) == count(cases)


def test_missing_weights_are_named_before_any_work(field, tmp_path):
    with pytest.raises(InputError, match="no weights"):
        run([Case(field, Scenario(4), 0)], weights=tmp_path / "none.safetensors")


def test_guided_copy_without_light_is_an_input_error(field):
    task = Scenario(4, None).degrade(field.full, 0)
    with pytest.raises(InputError, match="needs light"):
        BASELINES["guided copy"](task)


def test_the_network_answers_a_small_task(section):
    """The real restoration, end to end, with untrained weights: shapes, units and names, not quality."""
    import tempfile
    from pathlib import Path

    from grainlight.diffusion.checkpoint import save_weights
    from grainlight.diffusion.denoiser import Denoiser
    from grainlight.training.presets import PRESETS

    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_weights(Denoiser(PRESETS["tiny"].network), weights)
        case = Case(Subject(SYNTHETIC, "part", section.cropped(41, 41)), Scenario(4, "clean"), 0, ("fast",))
        row = run([case], weights=weights, device="cpu")[-1]
    assert row.method == ours("fast")
    for name in ("median", "edge_f1", "light_after", "coverage", "calibration"):
        assert np.isfinite(getattr(row.figures, name)), name


@pytest.mark.slow
def test_processes_give_what_one_gives(field):
    cases = map_cases([field], (Scenario(2), Scenario(4, None)), quality="none")
    alone, shared = (run(cases, jobs=jobs) for jobs in (1, 2))
    for one, other in zip(shared, alone, strict=True):
        # the processes have one thread each, and sums in another order another last digit
        assert asdict(one.figures) == pytest.approx(asdict(other.figures), rel=1e-3, nan_ok=True)
    assert [(row.task, row.method) for row in shared] == [(row.task, row.method) for row in alone]


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_is_told(field):
    cases = [Case(field, Scenario(40), 0, ()), *map_cases([field], (Scenario(2),), quality="none")]
    with pytest.raises(InputError, match="scale"):
        run(cases, jobs=2)
