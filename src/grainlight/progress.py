"""How library code tells that it goes on: one small protocol, silent by default; and the time that is left of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a job. Raising from any call cancels the job; nothing is left half-written."""

    def begin(self, stage: str, total: int) -> None:
        """A stage of ``total`` equal units begins; it ends the stage before."""

    def advance(self, units: int = 1) -> None:
        """Units of the stage are done."""


class Silent:
    """Progress for nobody."""

    def begin(self, stage: str, total: int) -> None:
        pass

    def advance(self, units: int = 1) -> None:
        pass


class Whole:
    """How far a job of several stages is, and what is left of it, from the seconds that each was expected to take and
    those that have passed: where work goes slower than expected, the rest is expected to as well."""

    def __init__(self, expected: Mapping[str, float]) -> None:
        self.expected = dict(expected)
        self.stage, self.share, self.done = "", 0.0, 0.0

    def begin(self, stage: str) -> None:
        """A stage begins; what comes before it in the list is done. One that was not expected counts nothing."""
        self.share = 0.0
        if stage in self.expected:
            names = list(self.expected)
            self.done = sum(self.expected[name] for name in names[: names.index(stage)])
            self.stage = stage
        elif self.stage:
            self.done += self.expected.get(self.stage, 0.0)
            self.stage = ""

    @property
    def part(self) -> float:
        """Share of the whole that is done, 0 to 1."""
        total = sum(self.expected.values())
        return min((self.done + self.share * self.expected.get(self.stage, 0.0)) / total, 1.0) if total > 0 else 0.0

    def left(self, passed: float) -> float:
        """Return the seconds that are left after those that have passed."""
        total, part = sum(self.expected.values()), self.part
        # what was expected counts until a fifth is done, what is seen from then on
        trust = min(part / 0.2, 1.0)
        pace = passed / (part * total) if part > 0 and total > 0 else 1.0
        return (1 - part) * total * (trust * pace + (1 - trust))
