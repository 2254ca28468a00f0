"""Rows of an evaluation, looked up and averaged so that like is compared with like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grainlight.evaluation.figures import NAN, Figures, mean
from grainlight.evaluation.run import Row
from grainlight.evaluation.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Results:
    """All rows of an evaluation."""

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Results:
        return cls(tuple(rows))

    @property
    def groups(self) -> list[str]:
        """Groups of maps, in their order."""
        return list(dict.fromkeys(row.group for row in self.rows))

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """Names and light of the tasks, in their order."""
        return list(dict.fromkeys((row.task, row.light) for row in self.rows))

    def methods(self, group: str, task: str, light: str) -> list[str]:
        """Methods that ran on a task, in their order."""
        found = (row for row in self.rows if (row.group, row.task, row.light) == (group, task, light))
        return list(dict.fromkeys(row.method for row in found))

    def matched(self, group: str, task: str, light: str, methods: Sequence[str]) -> list[list[Row]]:
        """Return the rows of each method, on those cases only that all of the methods ran on."""
        cases: dict[tuple[str, int], dict[str, Row]] = {}
        for row in self.rows:
            if (row.group, row.task, row.light) == (group, task, light):
                cases.setdefault((row.subject, row.seed), {})[row.method] = row
        whole = [case for case in cases.values() if all(method in case for method in methods)]
        return [[case[method] for case in whole] for method in methods]

    def figures(self, group: str, scenario: Scenario, methods: Sequence[str]) -> list[Figures] | None:
        """Return the mean figures of each method over the cases that all of them ran on; None if there are none."""
        parts = self.matched(group, scenario.name, scenario.light, methods)
        if not parts or not parts[0]:
            return None
        return [mean([row.figures for row in part]) for part in parts]

    def values(self, group: str, scenario: Scenario, figure: str, methods: Sequence[str]) -> list[float]:
        """Return one figure of each method as `figures` has it; NaN where there is none."""
        found = self.figures(group, scenario, methods)
        return [NAN] * len(methods) if found is None else [getattr(one, figure) for one in found]
