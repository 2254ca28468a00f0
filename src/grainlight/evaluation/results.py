"""Answers of an evaluation, looked up and averaged so that like is compared with like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grainlight.evaluation.figures import NAN, Figures, mean
from grainlight.evaluation.run import MeasuredAnswer
from grainlight.evaluation.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Results:
    """All answers of an evaluation."""

    answers: tuple[MeasuredAnswer, ...]

    @classmethod
    def of(cls, answers: Iterable[MeasuredAnswer]) -> Results:
        return cls(tuple(answers))

    @property
    def groups(self) -> list[str]:
        """Groups of maps, in their order."""
        return list(dict.fromkeys(answer.group for answer in self.answers))

    @property
    def scenarios(self) -> list[tuple[str, str]]:
        """Names and light of the scenarios, in their order."""
        return list(dict.fromkeys((answer.scenario, answer.light) for answer in self.answers))

    def methods(self, group: str, scenario: str, light: str) -> list[str]:
        """Methods that answered tasks of a scenario, in their order."""
        return list(dict.fromkeys(answer.method for answer in self._of(group, scenario, light)))

    def matched(self, group: str, scenario: str, light: str, methods: Sequence[str]) -> list[list[MeasuredAnswer]]:
        """Return the answers of each method, to those tasks only that all of the methods answered."""
        tasks: dict[tuple[str, int], dict[str, MeasuredAnswer]] = {}
        for answer in self._of(group, scenario, light):
            tasks.setdefault((answer.map, answer.seed), {})[answer.method] = answer
        whole = [answers for answers in tasks.values() if all(method in answers for method in methods)]
        return [[answers[method] for answers in whole] for method in methods]

    def _of(self, group: str, scenario: str, light: str) -> list[MeasuredAnswer]:
        asked = (group, scenario, light)
        return [answer for answer in self.answers if (answer.group, answer.scenario, answer.light) == asked]

    def figures(self, group: str, scenario: Scenario, methods: Sequence[str]) -> list[Figures] | None:
        """Return the mean figures of each method over the tasks that all of them answered; None if there are none."""
        parts = self.matched(group, scenario.name, scenario.light, methods)
        if not parts or not parts[0]:
            return None
        return [mean([answer.figures for answer in part]) for part in parts]

    def values(self, group: str, scenario: Scenario, figure: str, methods: Sequence[str]) -> list[float]:
        """Return one figure of each method as `figures` has it; NaN where there is none."""
        found = self.figures(group, scenario, methods)
        return [NAN] * len(methods) if found is None else [getattr(one, figure) for one in found]
