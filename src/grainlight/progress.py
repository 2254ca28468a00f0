"""How library code tells that it goes on: one small protocol, silent by default."""

from __future__ import annotations

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
