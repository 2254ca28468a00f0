"""What a command shows while it works: bars with the time left on a terminal, nothing when piped."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

from grainlight.errors import InputError
from grainlight.progress import Silent, Whole

_BEHIND = re.compile(r"(note: |  [a-z]+: +)")  # what the lines of a paragraph are indented by


@dataclass
class _Talk:
    """How much is said on standard error, and a file that everything goes to as well."""

    quiet: bool = False
    verbose: bool = False
    log: TextIO | None = None


_talk = _Talk()


@contextmanager
def talk(
    quiet: bool = False, verbose: bool = False, log: str | None = None, words: Sequence[str] = ()
) -> Iterator[None]:
    """Say less or more on standard error while the block runs, and write all that is said to a file.

    Parameters
    ----------
    quiet
        Notes and progress are not shown; errors and results are.
    verbose
        Stages are told with their seconds where there are no bars.
    log
        Receives, behind what it holds, the command (``words``), notes, results and errors, each line with its time.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    global _talk
    before, out = _talk, sys.stdout
    try:
        stream = None if log is None else open(log, "a", encoding="utf-8")  # noqa: SIM115, closed below
    except OSError as error:
        raise InputError("the log cannot be written", file=log, found=str(error)) from error
    _talk = _Talk(quiet, verbose, stream)
    if stream is not None:
        import grainlight

        keep(f"grainlight {grainlight.__version__}: grainlight {shlex.join(words)}")
        sys.stdout = _Both(out)  # type: ignore[assignment]
    try:
        yield
    finally:
        _talk, sys.stdout = before, out
        if stream is not None:
            stream.close()


def keep(text: str) -> None:
    """Write lines to the log, where there is one."""
    if _talk.log is not None:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        _talk.log.writelines(f"{now}  {line}\n" for line in text.splitlines())
        _talk.log.flush()


class _Both:
    """Standard output, whose whole lines go to the log as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._line = stream, ""

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        for line in whole:
            keep(line)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def note(text: str) -> None:
    """Print a line for the person at the terminal; standard output stays free for results."""
    keep(text)
    if not _talk.quiet:
        print(fitted(text, sys.stderr), file=sys.stderr, flush=True)


def fitted(text: str, stream: TextIO) -> str:
    """Return lines broken between words at the width of a terminal; as they are where a file or a pipe takes them."""
    if not stream.isatty():
        return text
    width = max(shutil.get_terminal_size().columns, 40)
    lines = []
    for line in text.splitlines():
        behind = _BEHIND.match(line)
        indent = " " * (len(behind.group()) if behind else 2)
        lines += textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def show_what_the_terminal_can() -> None:
    """Have characters that the encoding of an output lacks (cp1252, ASCII) shown as `?`, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


class Bars:
    """Progress as one bar for the whole where its stages are known, and one for each stage below, with the time left; a
    context manager that cleans up after itself."""

    def __init__(self, expected: Mapping[str, float] | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}"),
            console=Console(stderr=True),
        )
        self._task: Any = None
        self._began = self._stage_began = time.monotonic()
        self._units = self._total = 0
        self._whole = Whole(expected or {})
        self._all: Any = self._bars.add_task("[bold]in all", total=100, left="") if expected else None

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
            if self._all is not None:
                self._bars.update(self._all, completed=100, left=_clock(0.0))
        self._bars.stop()

    def begin(self, stage: str, total: int) -> None:
        self._finish()
        self._units, self._total, self._stage_began = 0, max(total, 1), time.monotonic()
        self._task = self._bars.add_task(stage, total=self._total, left="")
        self._whole.begin(stage)
        self._show()

    def advance(self, units: int = 1) -> None:
        if self._task is not None:
            self._units += units
            passed = time.monotonic() - self._stage_began
            rest = max(self._total - self._units, 0) / self._units * passed if self._units > 0 else 0.0
            self._bars.update(self._task, advance=units, left=_clock(rest))
            self._whole.share = min(self._units / self._total, 1.0)
            self._show()

    def _show(self) -> None:
        if self._all is not None:
            left = self._whole.left(time.monotonic() - self._began)
            self._bars.update(self._all, completed=round(100 * self._whole.part), left=_clock(left))

    def _finish(self) -> None:
        if self._task is not None:
            total = next(task.total for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, completed=total, left=_clock(0.0))


class Stages(Silent):
    """Progress in lines: each stage when it is done, with its seconds."""

    def __init__(self) -> None:
        self._stage, self._began = "", 0.0

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def begin(self, stage: str, total: int) -> None:
        self._finish()
        self._stage, self._began = stage, time.monotonic()

    def _finish(self) -> None:
        if self._stage:
            note(f"stage: {self._stage}, {time.monotonic() - self._began:.1f} s")
        self._stage = ""


class Quiet(Silent):
    """Progress for a pipe, with the manners of `Bars`."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def bars(expected: Mapping[str, float] | None = None) -> Bars | Stages | Quiet:
    """Return progress for standard error: bars on a terminal, else lines or nothing; ``expected`` seconds by stage."""
    if _talk.verbose and not _talk.quiet:
        return Stages()
    return Bars(expected) if sys.stderr.isatty() and not _talk.quiet else Quiet()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
