"""Planned tasks: which there are, what runs on them, and what an answer says."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.evaluation import run as runner
from grainlight.evaluation.methods import BASELINES, BLIND, CLEAN_COPY, FULL, GUIDED, OURS, QUALITIES, Answer, ours
from grainlight.evaluation.reference_map import SECTIONS, SYNTHETIC, ReferenceMap, section_seed, validation_section
from grainlight.evaluation.run import count, run
from grainlight.evaluation.scenario import MAIN, SCENARIOS, Scenario
from grainlight.evaluation.suite import PlannedTask, classical_methods, map_tasks, synthetic_tasks
from grainlight.synth.families import FAMILIES


@pytest.fixture(scope="module")
def planned():
    return synthetic_tasks(size=17)


@pytest.fixture(scope="module")
def field(section):
    return ReferenceMap("map", "map", section.cropped(49, 49))


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


def test_every_scenario_meets_every_family_and_every_section_is_used(planned):
    for scenario in SCENARIOS:
        families = {one.reference.name.split()[0] for one in planned if one.scenario == scenario}
        assert families == set(FAMILIES)
    used = [one.reference.name for one in planned]
    assert set(used) == {f"{family} {number}" for family in FAMILIES for number in range(SECTIONS)}
    assert min(used.count(name) for name in used) >= 2
    assert len({(one.reference.name, one.scenario) for one in planned}) == len(planned)


def test_all_qualities_run_on_the_main_scenarios(planned):
    for scenario in MAIN:
        every = [one for one in planned if one.scenario == scenario and set(map(ours, QUALITIES)) <= set(one.methods)]
        assert {one.reference.name.split()[0] for one in every} == set(FAMILIES)
        assert all(FULL in one.methods for one in every)


def test_training_cannot_draw_the_sections():
    """The generator of torch knows 32 bits of a seed, and training takes seeds from 0 to 2^31."""
    seeds = {section_seed(f, number) % 2**32 for f in range(len(FAMILIES)) for number in range(SECTIONS)}
    assert len(seeds) == len(FAMILIES) * SECTIONS
    assert min(seeds) > 2**31


def test_sections_are_fixed_and_differ():
    one, same, other = (validation_section("twinned", number, 33).full.quaternions for number in (2, 2, 3))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_quick_is_a_share_of_the_whole(planned):
    quick = synthetic_tasks(quick=True, size=17)
    whole = {(one.reference.name, one.scenario, one.seed) for one in planned}
    assert {(one.reference.name, one.scenario, one.seed) for one in quick} < whole
    assert {one.scenario for one in quick} == set(SCENARIOS)
    assert count(quick) < 0.2 * count(planned)


def test_one_quality_or_none(planned):
    fast, none = (synthetic_tasks(quick=True, quality=quality, size=17) for quality in ("fast", "none"))
    for one in fast:
        assert [name for name in one.methods if name.startswith(OURS)][:1] == [ours("fast")]
        assert set(one.methods) - set(classical_methods(one.scenario)) <= {ours("fast"), FULL}
    assert {FULL in one.methods for one in fast} == {True, False}
    assert all(one.methods == classical_methods(one.scenario) for one in none)


def test_small_maps_skip_what_they_cannot_do(section):
    planned = map_tasks([ReferenceMap("map", "map", section.cropped(33, 33))])
    assert {one.scenario.scale for one in planned} == {1, 2, 4}
    assert not any(one.scenario.scattered for one in planned)
    assert [one.seed for one in planned if one.scenario == MAIN[0]] == [0, 1]


def test_full_reference_and_clean_copy_see_the_same_field(field, perfect):
    methods = (*BASELINES, *CLEAN_COPY.values(), *map(ours, QUALITIES), FULL)
    answers = run([PlannedTask(field, Scenario(4), 5, methods)])
    assert [answer.method for answer in answers] == [*methods]
    # of several qualities, the judged one
    assert [quality for quality, _ in perfect] == [*QUALITIES, "balanced"]
    run([PlannedTask(field, Scenario(4), 5, (ours("best"), FULL))])
    assert [quality for quality, _ in perfect[4:]] == ["best", "best"]
    del perfect[4:]
    coarse, whole = perfect[0][1], perfect[-1][1]
    assert whole.measured.all()
    assert np.array_equal(whole.truth, coarse.truth)
    assert np.array_equal(whole.stack.images, coarse.stack.images)
    by = {answer.method: answer.figures for answer in answers}
    assert by[FULL].edge_f1 == by[ours("fast")].edge_f1 == 1.0
    assert all(by[CLEAN_COPY[name]].edge_f1 > by[name].edge_f1 for name in GUIDED)
    assert by[ours("fast")].light_after == 0.0 < by["nearest"].light_before
    assert np.isnan(by["nearest"].light_after)
    assert by[ours("fast")].coverage == 1.0


def test_without_light_only_blind_methods_run(field, perfect):
    answers = run([PlannedTask(field, Scenario(8, None), 0, (*BLIND, ours("balanced")))])
    assert [answer.method for answer in answers] == [*BLIND, ours("balanced")]
    assert all(answer.light == "none" for answer in answers)
    assert np.isnan(answers[0].figures.light_before)


def test_progress_counts_answers(field, perfect):
    class Count:
        total = done = 0

        def begin(self, stage, total):
            self.total = total

        def advance(self, units=1):
            self.done += units

    seen = Count()
    planned = [PlannedTask(field, Scenario(4, "clean"), 0, tuple(BASELINES))]
    answers = run(planned, progress=seen)
    assert seen.done == seen.total == len(answers) == count(planned)


def test_missing_weights_are_named_before_any_work(field, tmp_path):
    with pytest.raises(InputError, match="no weights"):
        run([PlannedTask(field, Scenario(4), 0, (ours("fast"),))], weights=tmp_path / "none.safetensors")


def test_guided_copy_without_light_is_an_input_error(field):
    task = Scenario(4, None).degrade(field.full, 0)
    with pytest.raises(InputError, match="needs light"):
        BASELINES["guided copy"](task)


def test_the_network_answers_a_small_task(section):
    """The real restoration, end to end, with the shipped weights and with untrained ones, whose bound nobody knows:
    shapes, units and names, not quality."""
    import tempfile
    from pathlib import Path

    from grainlight.diffusion.checkpoint import save_weights
    from grainlight.diffusion.network import LabelNetwork
    from grainlight.training.presets import PRESETS

    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_weights(LabelNetwork(PRESETS["tiny"].network), weights)
        reference = ReferenceMap(SYNTHETIC, "part", section.cropped(41, 41))
        planned = PlannedTask(reference, Scenario(4, "clean"), 0, (ours("fast"),))
        shipped, untrained = (run([planned], weights=one, device="cpu")[-1] for one in (None, weights))
    for answer in (shipped, untrained):
        assert answer.method == ours("fast")
        for name in ("median", "edge_f1", "light_after", "calibration"):
            assert np.isfinite(getattr(answer.figures, name)), name
    assert 0.5 < shipped.figures.coverage <= 1
    assert np.isnan(untrained.figures.coverage)


@pytest.mark.slow
def test_processes_give_what_one_gives(field):
    planned = map_tasks([field], (Scenario(2), Scenario(4, None)), quality="none")
    alone, shared = (run(planned, jobs=jobs) for jobs in (1, 2))
    for one, other in zip(shared, alone, strict=True):
        # the processes have one thread each, and sums in another order another last digit
        assert asdict(one.figures) == pytest.approx(asdict(other.figures), rel=1e-3, nan_ok=True)
    assert [(one.scenario, one.method) for one in shared] == [(one.scenario, one.method) for one in alone]


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_is_told(field):
    planned = [PlannedTask(field, Scenario(40), 0, ("nearest",)), *map_tasks([field], (Scenario(2),), quality="none")]
    with pytest.raises(InputError, match="scale"):
        run(planned, jobs=2)
