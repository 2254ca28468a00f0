"""A table of jobs: one row a map, its columns the options of `grainlight enhance`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from grainlight.cli.option_words import options_of, place, words_of
from grainlight.cli.restoring import enhance
from grainlight.errors import InputError
from grainlight.maps.io.text.titled import Kind, Row, read_titled


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
    return options_of(enhance.add(argparse.ArgumentParser(add_help=False).add_subparsers(parser_class=_Strict)))


def _job(
    row: Row, base: Path, parser: argparse.ArgumentParser, options: dict[str, argparse.Action], common: Sequence[str]
) -> Job:
    for needed in ("ebsd", "output"):
        if not row.cells[needed]:
            raise row.error("a row names no file", needed, "a file")
    if not row.cells.get("pl"):
        common = _without_light(common)
    words = ["enhance", str(place(row.cells["ebsd"], base)), *common]
    for title, cell in row.cells.items():
        if title and title != "ebsd" and cell:
            try:
                words += words_of(options[title], cell, base)
            except ValueError as error:
                raise row.error("a cell cannot be used", title, str(error)) from None
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
