"""A table that a person wrote (a manifest, a list of jobs): rows under titles, each cell with its place in the file.

Comma, semicolon or tab between the cells, as the titles have it; a decimal comma where the comma does not separate.
Lines that begin with ``#`` are left out.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.io.text.table import decoded


@dataclass(frozen=True)
class Row:
    """Cells of a row by their titles; where it stands: number below the titles, line in the file."""

    file: Path
    number: int
    line: int
    cells: dict[str, str]
    decimal_comma: bool

    def error(
        self, problem: str, column: str, expected: str | None, advice: str | None = None, found: str | None = None
    ) -> InputError:
        """Return the error of one of its cells."""
        cell = self.cells.get(column, "")
        return InputError(
            problem,
            file=self.file,
            place=f"row {self.number} (line {self.line}), column {column}",
            found=found or (repr(cell[:80]) if cell else "nothing"),
            expected=expected,
            advice=advice,
        )

    def number_of(self, text: str) -> float:
        """A finite number, NaN where there is none."""
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            return math.nan
        return value if math.isfinite(value) else math.nan


@dataclass(frozen=True)
class Kind:
    """What a table is for, in the words of its messages.

    ``name`` of the table and ``row``: what a row describes; ``columns`` that are known and those that are ``needed``;
    ``advice``: how to come by such a table; ``others``: whether columns that are not known may stand in it, unused;
    ``plain``: makes the name of a column of a title in small letters.
    """

    name: str
    row: str
    columns: Sequence[str]
    needed: Sequence[str]
    advice: str | None = None
    others: bool = True
    plain: Callable[[str], str] = str

    @property
    def expected(self) -> str:
        """What the table should have."""
        few = self.columns if len(self.columns) < 9 else self.needed
        return f"titles {', '.join(few[:4])} and a row for each {self.row}"


def read_titled(path: Path, kind: Kind) -> tuple[list[Row], list[str]]:
    """Return the rows of a table, and what is to be said of its titles.

    Raises
    ------
    InputError
        Where the file is no table with such titles, or has no row.
    """
    lines = _text(path, kind).splitlines()
    kept = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise InputError(f"the {kind.name} is empty", file=path, expected=kind.expected)
    first, head = kept[0]
    separator = max(",;\t", key=head.count)
    titles = [kind.plain(title.strip().lower()) for title in next(csv.reader([head], delimiter=separator))]
    notes = _checked(titles, kind, path, f"line {first}")
    rows: list[Row] = []
    for i, line in kept[1:]:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
        if any(cells[len(titles) :]):
            raise InputError(
                "a row has more cells than there are titles",
                file=path,
                place=f"row {len(rows) + 1} (line {i})",
                found=f"{len(cells)} cells",
                expected=f"{len(titles)}: {', '.join(titles)}",
                advice=f'a cell with {separator!r} in it is put in quotes, such as "0,45,90"',
            )
        named = dict(zip(titles, cells + [""] * len(titles), strict=False))
        if any(named.values()):
            rows.append(Row(path, len(rows) + 1, i, named, separator != ","))
    if not rows:
        raise InputError(f"the {kind.name} has no {kind.row}", file=path, found="titles only", expected=kind.expected)
    return rows, notes


def _checked(titles: list[str], kind: Kind, path: Path, place: str) -> list[str]:
    if missing := [title for title in kind.needed if title not in titles]:
        raise InputError(
            f"the {kind.name} has no column {missing[0]}",
            file=path,
            place=place,
            found=", ".join(titles)[:200],
            expected=kind.expected,
            advice=f"the first line names the columns; {kind.advice}" if kind.advice else "the first line names them",
        )
    notes = []
    for i, title in enumerate(titles):
        if title and title in titles[:i]:
            raise InputError(f"two columns are called {title}", file=path, place=place, expected="each title once")
        if not title or title in kind.columns:
            continue
        alike = difflib.get_close_matches(title, kind.columns, 1, 0.7)
        if alike or not kind.others:
            likely = f"if it is {alike[0]}, call it so" if alike else None
            raise InputError(
                "a column is not known",
                file=path,
                place=place,
                found=title,
                expected=", ".join(kind.columns),
                advice=f"{likely}; other columns need a name less like it" if likely and kind.others else likely,
            )
        notes.append(f"Column {title} of the {kind.name} is not used.")
    return notes


def _text(path: Path, kind: Kind) -> str:
    if not path.exists():
        raise InputError(f"the {kind.name} does not exist", file=path, advice=kind.advice)
    if path.is_dir():
        raise InputError(f"the {kind.name} is a folder", file=path, advice=kind.advice)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"the {kind.name} cannot be read", file=path, found=str(error)) from error
    try:
        text = raw.decode("utf-16") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else decoded(raw).lstrip("\ufeff")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        advice = "save the table as CSV" if raw.startswith(b"PK") else None
        raise InputError(f"the {kind.name} is no text", file=path, expected="a CSV file", advice=advice)
    return text
