"""The table of a manifest: its rows as text, each with its place in the file.

Titles ``z,ebsd,light,exclude`` and, where wanted, ``angles``, ``step``, ``origin`` and ``slice``, in any order. Comma,
semicolon or tab between the cells, as the titles have it; a decimal comma where the comma does not separate. Lines that
begin with ``#`` are left out.
"""

from __future__ import annotations

import csv
import difflib
import math
from dataclasses import dataclass
from pathlib import Path

from grainlight.errors import InputError

COLUMNS = ("z", "ebsd", "light", "exclude", "angles", "step", "origin", "slice")
_NEEDED = ("z", "ebsd", "light")


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


def read_rows(path: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of a manifest, and what is to be said of its titles.

    Raises
    ------
    InputError
        Where the file is no table with the titles of a manifest, or has no row.
    """
    lines = _text(path).splitlines()
    kept = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    expected = f"titles {', '.join(COLUMNS[:4])} and a row for each section"
    if not kept:
        raise InputError("the manifest is empty", file=path, expected=expected)
    first, head = kept[0]
    separator = max(",;\t", key=head.count)
    titles = [title.strip().lower() for title in next(csv.reader([head], delimiter=separator))]
    place = f"line {first}"
    if missing := [title for title in _NEEDED if title not in titles]:
        raise InputError(
            f"the manifest has no column {missing[0]}",
            file=path,
            place=place,
            found=", ".join(titles)[:200],
            expected=expected,
            advice="the first line names the columns; grainlight volume plan FOLDER writes such a file",
        )
    notes = []
    for i, title in enumerate(titles):
        if title and title in titles[:i]:
            raise InputError(f"two columns are called {title}", file=path, place=place, expected="each title once")
        if title and title not in COLUMNS:
            if alike := difflib.get_close_matches(title, COLUMNS, 1, 0.7):
                raise InputError(
                    "a column is not known",
                    file=path,
                    place=place,
                    found=title,
                    expected=", ".join(COLUMNS),
                    advice=f"if it is {alike[0]}, call it so; other columns need a name less like it",
                )
            notes.append(f"Column {title} of the manifest is not used.")
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
        raise InputError("the manifest has no section", file=path, found="titles only", expected=expected)
    return rows, notes


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError("the manifest does not exist", file=path, advice="grainlight volume plan FOLDER writes one")
    if path.is_dir():
        raise InputError(
            "the manifest is a folder", file=path, advice="grainlight volume plan FOLDER writes a manifest"
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError("the manifest cannot be read", file=path, found=str(error)) from error
    for encoding in ("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("latin-1")
    if "\0" in text:
        advice = "save the table as CSV" if raw.startswith(b"PK") else None
        raise InputError("the manifest is no text", file=path, expected="a CSV file", advice=advice)
    return text
