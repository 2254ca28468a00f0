"""`grainlight batch`: several maps, one after the other, each with its own settings."""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grainlight.cli.interrupt import ends_with_us, last_words
from grainlight.cli.output import check_file
from grainlight.cli.terminal import fitted, note
from grainlight.errors import InputError

_DONE, _FAILED, _THERE = "restored", "failed", "was there"


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its number, the names of its map and output, ``state``, exit code, seconds, and what is to
    be said (why it failed, or what was said of the map)."""

    row: int
    ebsd: str
    output: str
    state: str
    code: int
    seconds: float
    said: str


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "batch",
        help="restore several maps, one row of a table each",
        usage="grainlight batch [--resume] [--summary CSV] JOBS.csv [options of enhance for every row]",
        description="Restore several maps, one after the other. The first line of the table names its columns: ebsd, "
        "output and any options of `grainlight enhance` without the dashes (pl, angles, pl-step, scale, report, ...), "
        "one row a map. Paths are relative to the table; several files in one cell have ; between them. All cells are "
        "checked before the first map. A map that fails says why and does not stop the rest.",
        epilog="Options behind the table are those of `grainlight enhance` and count for every row whose cell is "
        "empty. The exit code is 0 where every row was restored, else that of the first that failed.",
        allow_abbrev=False,
    )
    command.add_argument("jobs", metavar="JOBS.csv", help="the table, such as: ebsd,output,pl,angles,scale")
    command.add_argument("common", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    command.add_argument("--resume", action="store_true", help="leave out rows whose output is there already")
    command.add_argument("--summary", metavar="CSV", help="also write what became of each row as a table")
    command.add_argument("--force", action="store_true", help="replace existing outputs")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from grainlight.cli.restoring.jobs import Job, load_jobs

    own, common = _own(arguments.common)
    resume, force = arguments.resume or own.resume, arguments.force or own.force
    summary = arguments.summary or own.summary
    if resume and force:
        raise InputError("--resume keeps what is there and --force replaces it", expected="one of the two")
    table = None
    if summary is not None:
        table = check_file(summary, (".csv",), force or resume, inputs=(arguments.jobs,))
    jobs = load_jobs(Path(arguments.jobs), (*common, *["--force"] * force))

    def there(job: Job) -> bool:
        return resume and all(file.exists() for file in job.outputs)

    for job in jobs:
        _warn(job.name, job.arguments, kept=there(job), force=force or job.arguments.force)
    outcomes: list[Outcome] = []
    for i, job in enumerate(jobs, 1):
        ebsd, output = Path(job.arguments.ebsd).name, Path(job.arguments.output).name
        if there(job):
            outcomes.append(Outcome(job.row.number, ebsd, output, _THERE, 0, 0.0, ""))
        else:
            note(f"[{i}/{len(jobs)}] {ebsd} -> {output}")
            began = time.monotonic()
            with last_words(f"interrupted in {job.name}; rows that are restored stay: go on with --resume."):
                code, said = _enhance(job.words)
            state = _FAILED if code else _DONE
            outcomes.append(Outcome(job.row.number, ebsd, output, state, code, time.monotonic() - began, said))
        if table is not None:
            _write(outcomes, table)
    _tell(outcomes)
    if table is not None:
        print(f"wrote {table}")
    return next((one.code for one in outcomes if one.code), 0)


def _own(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Options of this command that stand behind the table, and the others."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--summary")
    return parser.parse_known_args(list(words))


def _warn(name: str, row: argparse.Namespace, *, kept: bool, force: bool) -> None:
    """Say now what will make a row fail later: it may be hours until its turn comes."""
    if kept:
        return
    missing = [file for file in (row.ebsd, *(row.pl or ())) if not Path(file).exists()]
    if missing:
        note(f"note: {name} will fail: there is no {missing[0]}")
    elif Path(row.output).exists() and not force:
        note(f"note: {name} will fail: {row.output} exists; --force replaces outputs, --resume keeps them")
    elif not Path(row.output).parent.is_dir():
        note(f"note: {name} will fail: there is no folder {Path(row.output).parent}")


def _enhance(words: Sequence[str]) -> tuple[int, str]:
    """Restore a map in a process of its own, so that nothing of it is left for the next; return its exit code and what
    matters of what it said, which is passed on as it comes."""
    begun = subprocess.Popen(
        [sys.executable, "-m", "grainlight", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    with begun as process, ends_with_us(process):
        assert process.stdout is not None
        lines = _passed_on(process.stdout)
        code = process.wait()
    if code < 0:
        return 1, f"the process was ended by signal {-code}: out of memory?"
    if code:
        first = next((i for i, line in enumerate(lines) if line.startswith("grainlight: ")), max(len(lines) - 1, 0))
        return code, "; ".join(" ".join(line.split()) for line in lines[first:]).removeprefix("grainlight: ")
    return 0, " | ".join(line for line in lines if line.startswith(("uncertainty", "no light was used")))


def _passed_on(stream: IO[str]) -> list[str]:
    lines = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        note(f"  {lines[-1]}")
    return lines


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Print what became of the rows."""
    width = max(len(one.ebsd) for one in outcomes)
    for one in outcomes:
        text = f"row {one.row:>3}  {one.ebsd:<{width}}  {one.state:<9}  {one.seconds:7.1f} s  {one.said}"
        print(fitted(text.rstrip(), sys.stdout))
    failed = sum(one.state == _FAILED for one in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} maps are restored" + (f", {failed} failed" if failed else ""))


def _write(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write the table anew after every row: who looks in the morning sees how far it came."""
    from grainlight.maps.io.shared.atomic import atomic_path

    with atomic_path(file) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "ebsd", "output", "state", "exit_code", "seconds", "said"))
        for one in outcomes:
            writer.writerow((one.row, one.ebsd, one.output, one.state, one.code, f"{one.seconds:.1f}", one.said))
