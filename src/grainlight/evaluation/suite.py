"""The fixed plan of the evaluation: which tasks are made of which map, and which methods answer them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import BASELINES, BLIND, CLEAN_COPY, FULL, QUALITIES, ours
from grainlight.evaluation.reference_map import SECTIONS, SIZE, ReferenceMap, validation_section
from grainlight.evaluation.scenario import SCENARIOS, Scenario

JUDGED = "balanced"
"""The quality that runs on every task."""


@dataclass(frozen=True, eq=False)
class PlannedTask:
    """A task that is not made yet.

    Parameters
    ----------
    reference, scenario, seed
        Make the task.
    methods
        Names of those that answer it, in the order of tables.
    """

    reference: ReferenceMap
    scenario: Scenario
    seed: int
    methods: tuple[str, ...]

    def make(self) -> Task:
        """Return the task."""
        return self.scenario.degrade(self.reference.full, self.seed)


def synthetic_tasks(*, quick: bool = False, quality: str | None = None, size: int = SIZE) -> list[PlannedTask]:
    """Return the tasks on synthetic sections: every scenario on one section of every family.

    Parameters
    ----------
    quick
        Every scenario on one family only, in turn, and no comparison of qualities.
    quality
        The only quality to run; "none" for the classical methods alone; None for the plan's own.
    size
        Rows and columns of the sections; other sizes than the default are other sections.

    Notes
    -----
    The scenario in place i runs on section (i + i // 8 + f) mod 8 of family f: it meets every family and many grain
    sizes, a scenario that stands twice meets other sections, and every section is used at least twice.
    """
    from grainlight.synth.families import FAMILIES

    made: dict[tuple[str, int], ReferenceMap] = {}
    planned = []
    for place, scenario in enumerate(SCENARIOS):
        for f, family in enumerate(FAMILIES):
            if quick and f != place % len(FAMILIES):
                continue
            number = (place + place // SECTIONS + f) % SECTIONS
            if (family, number) not in made:
                made[family, number] = validation_section(family, number, size)
            methods = _methods(scenario, place, quality, quick)
            planned.append(PlannedTask(made[family, number], scenario, 10 * place + f, methods))
    return planned


def map_tasks(
    maps: Iterable[ReferenceMap],
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    seed: int = 0,
    quick: bool = False,
    quality: str | None = None,
) -> list[PlannedTask]:
    """Return the tasks on full maps: every scenario on every map; one that stands twice runs with two seeds.

    Parameters
    ----------
    maps
        Taken for the truth.
    scenarios
        What to make of them; those that leave too few points are left out.
    seed
        Of the first draw of noise and light.
    quick
        The main scenarios only, once.
    quality
        As for `synthetic_tasks`.
    """
    planned = []
    for reference in maps:
        for place, scenario in enumerate(scenarios):
            repeat = scenarios[:place].count(scenario)
            if (quick and (repeat or not scenario.is_main)) or not _is_possible(reference, scenario):
                continue
            methods = _methods(scenario, place, quality, quick)
            planned.append(PlannedTask(reference, scenario, seed + repeat, methods))
    return planned


def _methods(scenario: Scenario, place: int, quality: str | None, quick: bool) -> tuple[str, ...]:
    classical = classical_methods(scenario)
    if quality == "none":
        return classical
    ladder = scenario.is_main and not quick and SCENARIOS.index(scenario) == place
    qualities = (quality,) if quality is not None else QUALITIES if ladder else (JUDGED,)
    refer = scenario.scale in (2, 4) and scenario.level is not None and (scenario.is_main or not quick)
    return (*classical, *map(ours, qualities), *([FULL] if refer else []))


def classical_methods(scenario: Scenario) -> tuple[str, ...]:
    """Return the classical methods that can answer a scenario: guided copies need light that was not
    damaged, and clean light another."""
    if scenario.level is None or scenario.damage is not None:
        return tuple(BLIND)
    return (*BASELINES, *(CLEAN_COPY.values() if scenario.level != "clean" else ()))


# what the calibration of the light needs at least
_FEWEST = 24


def _is_possible(reference: ReferenceMap, scenario: Scenario) -> bool:
    """Return whether enough points of the map are left to calibrate its light on."""
    left = reference.full.is_6mmm[:: scenario.scale, :: scenario.scale].sum() * (scenario.scattered or 1.0)
    return min(reference.full.shape) > 2 * scenario.scale and left >= 2 * _FEWEST
