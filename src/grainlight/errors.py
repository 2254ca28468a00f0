"""The error that bad input raises, which the command line turns into exit code 2, and its kind for refused light."""

from __future__ import annotations

import json
import os
from pathlib import Path

_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\3\4", "a zip archive, as .xlsx and .docx are"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.xls, .doc)"),
    (b"\x1f\x8b", "a gzip archive, to be unpacked first"),
    (b"7z\xbc\xaf", "a 7z archive, to be unpacked first"),
    (b"Rar!", "a RAR archive, to be unpacked first"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x04\x95", "a Python pickle"),
)


def what_it_is(start: bytes) -> str:
    """Return what a file is by its first bytes, in words: a kind that is known, text, zeros, or neither."""
    known = next((words for mark, words in _KINDS if start.startswith(mark)), "")
    if known or (start.startswith(b"BM") and b"\0" in start[:16]):
        return known or "a BMP picture"
    if not start.strip(b"\0"):
        return "nothing but zeros: a copy that was not finished?" if start else "nothing"
    plain = sum(byte in b"\t\r\n" or byte >= 32 for byte in start)
    return "text" if plain == len(start) else "bytes that are no text"


def in_words(error: Exception, otherwise: str) -> str:
    """Return what an error of a library or of the system says, for who knows neither; ``otherwise`` where unknown."""
    if isinstance(error, UnicodeError):
        return "bytes that are no text"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON from line {error.lineno}, column {error.colno}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return otherwise


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
        """Return the same error for a file of which a temporary copy was read.

        Parameters
        ----------
        copy, file
            The copy, and the file that it is of.

        Returns
        -------
        The error, which names the file.
        """
        about = file if self.file == str(copy) else self.file
        return InputError(
            self.problem, file=about, place=self.place, found=self.found, expected=self.expected, advice=self.advice
        )


class LightRefusedError(InputError):
    """The light was required and cannot be used; the command line turns it into exit code 3."""
