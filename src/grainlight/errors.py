"""The error that bad input raises, which the command line turns into exit code 2, and its kind for refused light."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """Something the user gave cannot be used.

    Parameters
    ----------
    problem
        What is wrong, as a sentence without the file's name.
    file, place
        The file and the place in it (``"line 12"``, ``"header"``), where there is one.
    found, expected
        What stands there and what should.
    advice
        What the user can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        place: str | None = None,
        found: str | None = None,
        expected: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.place = place
        self.found = found
        self.expected = expected
        self.advice = advice
        where = ", ".join(part for part in (self.file, place) if part)
        text = f"{where}: {problem}" if where else problem
        if found is not None:
            text += f"\n  found:    {found}"
        if expected is not None:
            text += f"\n  expected: {expected}"
        if advice is not None:
            text += f"\n  try:      {advice}"
        super().__init__(text)


class LightRefusedError(InputError):
    """The light was required and cannot be used; the command line turns it into exit code 3."""
