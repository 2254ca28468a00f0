"""Read the numeric body of a text file in pieces, fast, and name the line that is wrong."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError, harmless, what_it_is
from grainlight.maps.io.text.fixed_width import read_fixed_width

_PIECE = 4 << 20  # bytes
_SPARE = 1.05  # of the rows that the file seems to have

Column = NDArray[np.floating]


@dataclass(frozen=True)
class WordColumn:
    """Numbers for the words of one column, counted from 0; a word may have blanks within it.

    ``numbers`` has the words as `plain_word` gives them.
    """

    column: int
    numbers: dict[str, int]

    def replaced(self, text: bytes) -> bytes:
        """Return lines of text, as UTF-8, with numbers for the words that are known, whatever the letters' case."""
        # the longest first, and a number or nothing behind it: one word may begin another
        known = sorted(self.numbers, key=len, reverse=True)
        words = "|".join(r"[^\S\n]+".join(map(re.escape, word.split())) for word in known)
        blanks = rf"(?m)^([ \t]*(?:[^\s#]\S*[ \t]+){{{self.column}}})"
        pattern = re.compile(rf"{blanks}([\"']?)({words})\2(?=[ \t]+[-+.\d]|[^\S\n]*$)", re.IGNORECASE)

        def number_of(found: re.Match[str]) -> str:
            number = self.numbers.get(plain_word(found[3]))
            return found[0] if number is None else f"{found[1]}{number}"

        # names of phases have no control characters either
        return pattern.sub(number_of, harmless(decoded(text), "\r\n\t")).encode()


def plain_word(word: str) -> str:
    """Return a word in lower case, with single blanks within it."""
    return " ".join(word.split()).lower()


@dataclass(frozen=True)
class Body:
    """Where the numbers begin: ``offset`` in bytes, ``first_line`` (from 1), ``columns`` a row.

    ``words``: what stands for words in the one column that may have some. ``least``: how many values a row must have
    whose last ones may be missing, as long as it is not the only one; every row must have all where it is 0.
    """

    path: Path
    offset: int
    first_line: int
    columns: int
    words: WordColumn | None = None
    least: int = 0


def number(token: str) -> float | None:
    """Return a token as a number, comma or point decimals; None where it is none."""
    if "_" in token:  # Python's own spelling of long numbers, no vendor's
        return None
    try:
        return float(token.replace(",", "."))
    except ValueError:
        return None


def is_numeric_row(line: str, least: int) -> bool:
    """Whether a line is ``least`` or more numbers and nothing else."""
    tokens = line.split()
    return len(tokens) >= least and all(number(token) is not None for token in tokens)


def read_body(
    body: Body, wide: tuple[int, ...], needed: tuple[int, ...]
) -> tuple[list[NDArray[np.floating]], dict[int, bool]]:
    """Read all rows.

    Parameters
    ----------
    body
        Where they are.
    wide
        Columns kept as float64; the others become float32.
    needed
        Columns in which a value must be finite; elsewhere NaN and infinity become 0.

    Returns
    -------
    One array (points,) per column; the columns in which values were replaced by 0, with whether there was any other.

    Raises
    ------
    InputError
        For a row of another length, a value that is no number, or NaN in a needed column, with the line's number.
    """
    columns: list[Column] = [np.empty(0, np.float64 if i in wide else np.float32) for i in range(body.columns)]
    replaced: set[int] = set()
    empty = np.ones(body.columns, bool)
    line, count, size = body.first_line, 0, body.path.stat().st_size
    short, first_short = 0, None
    with body.path.open("rb") as stream:
        stream.seek(body.offset)
        rest = b""
        while True:
            block = stream.read(_PIECE)
            text = rest + block
            cut = text.rfind(b"\n") + 1 if block else len(text)
            text, rest = text[:cut], text[cut:]
            if text and not text.isspace():
                table, plain = _parse(text, body, line)
                if body.least and not plain and (some := _short_rows(text, body)):
                    short += some
                    first_short = first_short or _explain(text, replace(body, least=0), line)
                    if not block:
                        # of a last row without an end nobody knows what is missing
                        raise _explain(text, replace(body, least=0), line)
                # a sum is finite where all are, and takes no table of its own
                with np.errstate(over="ignore", invalid="ignore"):
                    suspect = not np.isfinite(table.sum())
                bad = ~np.isfinite(table) if suspect else None
                if bad is not None and bad.any():
                    _refuse_missing(bad, needed, text, body, line)
                    replaced.update(int(i) for i in np.flatnonzero(bad.any(axis=0)))
                    empty &= bad.all(axis=0)
                    table[bad] = 0.0
                elif len(table):
                    empty[:] = False
                end = count + len(table)
                if end > len(columns[0]):
                    left = (size - stream.tell() + len(rest)) * len(table) / len(text)
                    columns = [_with_room(column, end + int(_SPARE * left)) for column in columns]
                for i, column in enumerate(columns):
                    # values beyond float32 would overflow with a warning
                    column[count:end] = table[:, i] if i in wide else narrow(table[:, i])
                count = end
            line += text.count(b"\n")
            if not block:
                break
    if first_short is not None and short == 1:
        # one that is short among all others was damaged; who leaves out empty cells does it more than once
        raise first_short
    return [column[:count] for column in columns], {i: not empty[i] for i in sorted(replaced)}


def _with_room(column: Column, rows: int) -> Column:
    """Return a column (rows,) that begins with what another one holds."""
    found = np.empty(rows, column.dtype)
    found[: len(column)] = column
    return found


def narrow(column: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return numbers in single precision, those beyond it as its largest."""
    if column.size and not max(column.max(), -column.min()) <= 3e38:
        column = np.clip(column, -3e38, 3e38)
    return column.astype(np.float32)


def _parse(text: bytes, body: Body, first_line: int) -> tuple[NDArray[np.float64], bool]:
    """Return the numbers of lines of text, and whether each row had all of its values."""
    if b"#" in text:
        # comment lines amid the numbers: keep empty ones so that line numbers stay right
        text = b"\n".join(b"" if line.lstrip().startswith(b"#") else line for line in text.split(b"\n"))
        if not text.strip():
            return np.empty((0, body.columns)), True
    plain = text.replace(b",", b".") if b"," in text else text
    table = read_fixed_width(plain, body.columns)
    if table is not None:
        return table, True
    table = _numbers(plain, body)
    whole = table is not None
    if table is None and (b"\t" in plain or body.least):
        # what stands between two tabs may be nothing
        lines = (_cells(line, body) for line in plain.split(b"\n"))
        table = _numbers(b"\n".join(b"\t".join(cell or b"nan" for cell in cells) for cells in lines), body)
    if table is None:
        if body.words and (numbers := body.words.replaced(text)) != text:
            return _parse(numbers, body, first_line)
        raise _explain(text, body, first_line)
    return table, whole


def _numbers(text: bytes, body: Body) -> NDArray[np.float64] | None:
    try:
        table = np.loadtxt(io.BytesIO(text), ndmin=2, comments=None, encoding="latin1")
    except (ValueError, OverflowError):
        return None
    return table if table.shape[1] == body.columns else None


def _cells(line: bytes, body: Body) -> list[bytes]:
    """Return the values of a row, an empty one where nothing stands between two tabs or the row is a little short."""
    columns, values = body.columns, line.split()
    if not values or len(values) >= columns:
        return values
    cells = values
    if b"\t" in line:
        cells = [cell.strip() for cell in line.rstrip(b"\r\n").split(b"\t")]
        while len(cells) > columns and not cells[-1]:
            cells.pop()
    if body.least and body.least <= len(cells) < columns:
        cells = cells + [b""] * (columns - len(cells))
    # a row that is short even so is told as what it holds
    return cells if len(cells) == columns else values


def _short_rows(text: bytes, body: Body) -> int:
    """Return how many rows have fewer values than columns, and yet as many as they must have."""
    whole = replace(body, least=0)
    lines = (line for line in text.split(b"\n") if not line.lstrip().startswith(b"#"))
    return sum(body.least <= len(_cells(line, whole)) < body.columns for line in lines)


def first_row_cells(body: Body) -> int:
    """Return how many values the first row has, empty ones between tabs included; 0 where there is no row."""
    with body.path.open("rb") as stream:
        stream.seek(body.offset)
        while line := stream.readline(_PIECE):
            if line.strip() and not line.lstrip().startswith(b"#"):
                return len(_cells(line, body))
    return 0


def _explain(text: bytes, body: Body, first_line: int) -> InputError:
    for count, raw in enumerate(text.split(b"\n")):
        tokens = [decoded(cell) for cell in _cells(raw, body)]
        if not tokens:
            continue
        place = f"line {first_line + count}"
        words = body.words
        if words and len(tokens) >= body.columns and number(tokens[words.column]) is None:
            return InputError(
                "a name of a phase is not one of the header",
                file=body.path,
                place=f"{place}, column {words.column + 1} (phase)",
                found=repr(" ".join(tokens[words.column : len(tokens) - body.columns + words.column + 1])[:60]),
                expected="a number, or one of " + ", ".join(map(repr, sorted(words.numbers)))[:300],
                advice="write numbers of phases, or the names as MaterialName in the header has them",
            )
        if len(tokens) != body.columns:
            return InputError(
                "a row is truncated" if len(tokens) < body.columns else "a row is too long",
                file=body.path,
                place=place,
                found=f"{len(tokens)} values",
                expected=f"{body.columns} values, as in line {body.first_line}",
                advice="the file may have been cut while it was written or copied: export it again",
            )
        for column, token in enumerate(tokens, 1):
            if token and number(token) is None:
                return InputError(
                    "a value is not a number", file=body.path, place=f"{place}, column {column}", found=repr(token[:40])
                )
    return InputError("the rows cannot be read as numbers", file=body.path, place=f"from line {first_line}")


def _refuse_missing(bad: NDArray[np.bool_], needed: tuple[int, ...], text: bytes, body: Body, first_line: int) -> None:
    rows, which = np.nonzero(bad[:, list(needed)])
    if rows.size == 0:
        return
    seen = -1
    for count, raw in enumerate(text.split(b"\n")):
        stripped = raw.strip()
        seen += bool(stripped) and not stripped.startswith(b"#")
        if seen == rows[0]:
            column = needed[which[0]]
            raise InputError(
                "an angle, a position or a phase is not finite",
                file=body.path,
                place=f"line {first_line + count}, column {column + 1}",
                found=decoded(_cells(raw, body)[column]) or "an empty cell",
                expected="a finite number; points that are not indexed have phase 0 or CI -1",
                advice="mark these points as not indexed, or export the file again",
            )


def next_line(stream: BinaryIO, path: Path) -> str:
    """Read one header line, "" at the end of the file.

    Raises
    ------
    InputError
        For binary content.
    """
    raw = stream.readline(1 << 16)
    if b"\0" in raw or len(raw) == 1 << 16:
        raise InputError(
            "this is not a text file of EBSD data",
            file=path,
            found=what_it_is(raw[:4096]),
            expected="an .ang or .ctf text file",
        )
    return decoded(raw).lstrip("\ufeff")


def decoded(raw: bytes) -> str:
    """Return text that is UTF-8, or else of Western Windows or Latin-1, which have a meaning for nearly every byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin1")
