"""The fixed plan of the evaluation: which task is made of which map, and what is run on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grainlight.evaluation.methods import QUALITIES
from grainlight.evaluation.scenario import SCENARIOS, Scenario
from grainlight.evaluation.subject import SECTIONS, SIZE, Subject, validation_section

JUDGED = "balanced"
"""The quality that runs on every task, and that the bars are set for."""


@dataclass(frozen=True, eq=False)
class Case:
    """One task on one map.

    Parameters
    ----------
    subject, scenario, seed
        Make the task.
    qualities
        Of the restoration, to be run beside the classical methods.
    reference
        The quality of the restoration from 100 % EBSD with the same light; None to leave it out.
    """

    subject: Subject
    scenario: Scenario
    seed: int
    qualities: tuple[str, ...] = (JUDGED,)
    reference: str | None = None


def synthetic_cases(*, quick: bool = False, quality: str | None = None, size: int = SIZE) -> list[Case]:
    """Return the cases on synthetic sections: every scenario on one section of every family.

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

    made: dict[tuple[str, int], Subject] = {}
    cases = []
    for place, scenario in enumerate(SCENARIOS):
        for f, family in enumerate(FAMILIES):
            if quick and f != place % len(FAMILIES):
                continue
            number = (place + place // SECTIONS + f) % SECTIONS
            if (family, number) not in made:
                made[family, number] = validation_section(family, number, size)
            subject = made[family, number]
            cases.append(_case(subject, scenario, place, 10 * place + f, quality, quick))
    return cases


def map_cases(
    subjects: Iterable[Subject],
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    seed: int = 0,
    quick: bool = False,
    quality: str | None = None,
) -> list[Case]:
    """Return the cases on full maps: every scenario on every map; one that stands twice runs with two seeds.

    Parameters
    ----------
    subjects
        The maps.
    scenarios
        What to make of them; those that leave too few points are left out.
    seed
        Of the first draw of noise and light.
    quick
        The main scenarios only, once.
    quality
        As for `synthetic_cases`.
    """
    cases = []
    for subject in subjects:
        for place, scenario in enumerate(scenarios):
            repeat = scenarios[:place].count(scenario)
            if (quick and (repeat or not scenario.is_main)) or not _is_possible(subject, scenario):
                continue
            cases.append(_case(subject, scenario, place, seed + repeat, quality, quick))
    return cases


def _case(subject: Subject, scenario: Scenario, place: int, seed: int, quality: str | None, quick: bool) -> Case:
    if quality == "none":
        return Case(subject, scenario, seed, ())
    ladder = scenario.is_main and not quick and SCENARIOS.index(scenario) == place
    qualities = (quality,) if quality is not None else QUALITIES if ladder else (JUDGED,)
    refer = scenario.scale in (2, 4) and scenario.level is not None and (scenario.is_main or not quick)
    return Case(subject, scenario, seed, qualities, (quality or JUDGED) if refer else None)


# what the calibration of the light needs at least
_FEWEST = 24


def _is_possible(subject: Subject, scenario: Scenario) -> bool:
    """Return whether enough points of the map are left to calibrate its light on."""
    left = subject.full.hexagonal[:: scenario.scale, :: scenario.scale].sum() * (scenario.scattered or 1.0)
    return min(subject.full.shape) > 2 * scenario.scale and left >= 2 * _FEWEST
