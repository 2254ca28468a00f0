"""What a command shows while it works: bars with the time left on a terminal, nothing when piped."""

from __future__ import annotations

import io
import re
import shutil
import sys
import textwrap
from types import TracebackType
from typing import Any, TextIO

from grainlight.progress import Silent

_BEHIND = re.compile(r"(note: |  [a-z]+: +)")  # what the lines of a paragraph are indented by


def note(text: str) -> None:
    """Print a line for the person at the terminal; standard output stays free for results."""
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
    """Progress as a bar per stage, each with the time left; a context manager that cleans up after itself."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: Any = None

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def begin(self, stage: str, total: int) -> None:
        self._finish()
        self._task = self._bars.add_task(stage, total=max(total, 1))

    def advance(self, units: int = 1) -> None:
        if self._task is not None:
            self._bars.advance(self._task, units)

    def _finish(self) -> None:
        if self._task is not None:
            total = next(task.total for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, completed=total)


class Quiet(Silent):
    """Progress for a pipe, with the manners of `Bars`."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def bars() -> Bars | Quiet:
    """Return progress for standard error: bars if it is a terminal, silence otherwise."""
    return Bars() if sys.stderr.isatty() else Quiet()
