"""The one error that bad input raises; the command line turns it into exit code 2."""

from __future__ import annotations

from pathlib import Path


def harmless(text: str, keep: str = "") -> str:
    """Return text so that a terminal, a log or another file can take it: a `?` in place of each control character.

    Escape sequences, marks that turn the direction of writing, and line ends stand in names and titles of files that
    were damaged or made to harm; ``keep`` are those that may stay.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else " " if one == "\u00a0" else "?" for one in text)


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
        super().__init__(harmless(text, "\n\t"))

    def of_file(self, copy: Path, file: Path) -> InputError:
        """Return the same error for a file of which a temporary copy was read."""
        about = file if self.file == str(copy) else self.file
        return InputError(
            self.problem, file=about, place=self.place, found=self.found, expected=self.expected, advice=self.advice
        )
