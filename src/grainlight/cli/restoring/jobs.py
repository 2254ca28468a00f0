"""A table of jobs: one row a map, its columns the options of `grainlight enhance`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from grainlight.cli.restoring import enhance
from grainlight.errors import InputError
from grainlight.maps.images.order import has_wildcard
from grainlight.maps.io.text.titled import Kind, Row, read_titled

_PATHS = ("EBSD", "OUT", "PNG", "HTML", "F", "JSON", "CSV", "FILE", "IMAGE")
"""What options that take files call their values."""
_FILE_OR_VALUE = ("angles",)
_YES, _NO = ("yes", "true", "1", "x", "on"), ("no", "false", "0", "off")
_BETWEEN = ";"


@dataclass(frozen=True)
class Job:
    """A row: where it stands, the words that `grainlight enhance` takes, and what these mean."""

    row: Row
    words: tuple[str, ...]
    arguments: argparse.Namespace

    @property
    def name(self) -> str:
        """What the row is called where it is told of."""
        return f"row {self.row.number} (line {self.row.line})"

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Files that it will write, as far as they are named."""
        named = (self.arguments.output, self.arguments.picture, self.arguments.report)
        return (*(Path(name) for name in named if name), Path(self.arguments.output).with_suffix(".npz"))


class _Strict(argparse.ArgumentParser):
    """A parser whose errors are those of a file."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def load_jobs(path: Path, common: Sequence[str] = ()) -> list[Job]:
    """Read a table of jobs.

    Parameters
    ----------
    path
        The CSV file. Its titles are ``ebsd``, ``output`` and options of `grainlight enhance` without the dashes; paths
        in it are relative to its folder. An empty cell leaves an option alone; options without a value take yes or no;
        several files or values stand in one cell with ``;`` between them.
    common
        Options for every row, as on the command line; a cell of a row counts more.

    Raises
    ------
    InputError
        For the first thing that is wrong with the table: titles, a cell, two rows that write one file.
    """
    parser, options = _parser(), _options()
    kind = Kind(
        "table of jobs",
        "map",
        ("ebsd", *options),
        ("ebsd", "output"),
        others=False,
        plain=lambda title: title.lstrip("-").replace("_", "-"),
    )
    rows, _ = read_titled(path, kind)
    base = path.absolute().parent
    if common:
        try:
            parser.parse_args(["enhance", "EBSD", "--output", "OUT.ang", *common])
        except InputError as error:
            raise InputError(f"an option for every row cannot be used: {error.problem}") from None
    jobs = [_job(row, base, parser, options, common) for row in rows]
    _check_apart(jobs)
    return jobs


def _parser() -> argparse.ArgumentParser:
    top = _Strict(prog="grainlight", add_help=False)
    enhance.add(top.add_subparsers(parser_class=_Strict))
    return top


def _options() -> dict[str, argparse.Action]:
    """Options of `grainlight enhance` by their names without dashes."""
    command = enhance.add(argparse.ArgumentParser(add_help=False).add_subparsers(parser_class=_Strict))
    found = {}
    for action in command._actions:
        for name in action.option_strings:
            if name.startswith("--") and name not in ("--help", "--debug"):
                found[name.removeprefix("--")] = action
    return found


def _job(
    row: Row, base: Path, parser: argparse.ArgumentParser, options: dict[str, argparse.Action], common: Sequence[str]
) -> Job:
    for needed in ("ebsd", "output"):
        if not row.cells[needed]:
            raise row.error("a row names no file", needed, "a file")
    if not row.cells.get("pl"):
        common = _without_light(common)
    words = ["enhance", str(_place(row.cells["ebsd"], base)), *common]
    for title, cell in row.cells.items():
        if title and title != "ebsd" and cell:
            words += _words(row, title, cell, base, options[title])
    try:
        arguments = parser.parse_args(words)
    except InputError as error:
        column = next((t for t in row.cells if f"--{t}:" in error.problem or f"--{t} " in error.problem), None)
        raise InputError(
            error.problem,
            file=row.file,
            place=f"row {row.number} (line {row.line})" + (f", column {column}" if column else ""),
            found=repr(row.cells[column][:80]) if column else None,
        ) from None
    return Job(row, tuple(words), arguments)


def _without_light(common: Sequence[str]) -> list[str]:
    """Options for every row without those of light, for a row that has none; images for every row stay, with all."""
    of_light = argparse.ArgumentParser(add_help=False)
    enhance.add_light(of_light)
    enhance.add_registration(of_light)
    lit = {name for action in of_light._actions for name in action.option_strings}
    groups: list[list[str]] = []
    for word in common:
        if word.startswith("--") or not groups:
            groups.append([])
        groups[-1].append(word)
    named = [group[0].split("=")[0] for group in groups]
    if "--pl" in named:
        return list(common)
    return [word for name, group in zip(named, groups, strict=True) if name not in lit for word in group]


def _words(row: Row, title: str, cell: str, base: Path, action: argparse.Action) -> list[str]:
    """Words of the command line that a cell stands for."""
    option = f"--{title}"
    if action.nargs == 0:
        if cell.lower() in (*_YES, *_NO):
            return [option] * (cell.lower() in _YES)
        raise row.error("an option without a value", title, "yes, or no, or nothing")
    several = action.nargs == "+" or isinstance(action, argparse._AppendAction)
    parts = [part.strip() for part in cell.split(_BETWEEN) if part.strip()] if several else [cell]
    if action.metavar in _PATHS or (title in _FILE_OR_VALUE and (base / cell).is_file()):
        parts = [str(_place(part, base)) for part in parts]
        if action.nargs == "+":
            parts = list(_matching(parts))
    if action.nargs == "+":
        return [option, *parts]
    return [f"{option}={part}" for part in parts]


def _matching(places: Iterable[str]) -> Iterable[str]:
    """Replace patterns by the files that they match, as a shell does; one that matches none stays."""
    for place in places:
        path = Path(place)
        found = sorted(path.parent.glob(path.name)) if has_wildcard(path.name) and not path.exists() else []
        yield from map(str, found or [path])


def _place(cell: str, base: Path) -> Path:
    """The place of a cell; a path written on Windows is one too."""
    path = Path(os.path.normpath(base / cell))
    return path if path.exists() or "\\" not in cell else Path(os.path.normpath(base / cell.replace("\\", "/")))


def _check_apart(jobs: Sequence[Job]) -> None:
    """Check that no two rows write one file, and none writes what another reads."""
    written: dict[Path, Job] = {}
    for job in jobs:
        for file in job.outputs:
            other = written.setdefault(file.resolve(), job)
            if other is not job:
                raise InputError(
                    "two rows write the same file",
                    file=job.row.file,
                    place=f"rows {other.row.number} and {job.row.number} (lines {other.row.line} and {job.row.line})",
                    found=str(file),
                    expected="a name of its own for each output (an .npz goes beside it)",
                )
    for job in jobs:
        for file in (job.arguments.ebsd, *(job.arguments.pl or ())):
            if (writer := written.get(Path(file).resolve())) is not None:
                raise InputError(
                    "a row writes what another reads" if writer is not job else "a row writes what it reads",
                    file=job.row.file,
                    place=f"rows {writer.row.number} and {job.row.number}",
                    found=str(file),
                    expected="another name for the output",
                )
