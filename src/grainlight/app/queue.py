"""A queue of maps, one after the other, each with its own settings: what `grainlight batch` does, by its words."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grainlight.app.refused import RefusedError
from grainlight.app.shelf import DOWNLOADS, files_of

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "restored", "failed", "cancelled"
MOST = 200
_FLAG = "yes"
_OWN = ("registration.json", "points.csv")
_SUMMARY = ("row", "ebsd", "output", "state", "exit_code", "seconds", "said")
_EXIT = {DONE: 0, FAILED: 2}


@dataclass
class Entry:
    """A map of the queue.

    ``words`` are those of `grainlight enhance`, the map first; ``arguments`` those of the child's task; ``folder``
    holds what the page made for it. Then what became of it: ``state``, what is to be said, seconds, the result and its
    place.
    """

    words: list[str]
    line: str
    arguments: dict[str, Any]
    folder: Path
    output: str
    key: str = field(default_factory=lambda: secrets.token_hex(6))
    state: str = WAITING
    said: str = ""
    error: dict[str, Any] | None = None
    seconds: float | None = None
    result: dict[str, Any] | None = None
    place: Path | None = None

    @property
    def ebsd(self) -> str:
        """The name of the map."""
        return re.split(r"[/\\]", self.words[0])[-1]

    @property
    def files(self) -> dict[str, Path]:
        """What can be taken home of it: what the page made for it, and of its result."""
        made = {name: path for name in _OWN for path in self.folder.glob(f"*_{name}")}
        return made | ({} if self.place is None else files_of(self.place))

    def name_of(self, file: str) -> str:
        """Return what one of its files is called where it is taken home."""
        if file in _OWN:
            return f"{self.stem}_{file}"
        made = Path(self.output).stem
        return f"{made}{Path(file).suffix}" if file.startswith("restored.") else f"{made}_{file}"

    @property
    def stem(self) -> str:
        """What the names of its own files begin with."""
        return Path(self.output).stem.replace("_restored", "")

    def as_record(self) -> dict[str, Any]:
        """Return plain values for the page."""
        return {
            "key": self.key,
            "ebsd": self.ebsd,
            "output": self.output,
            "state": self.state,
            "said": self.said,
            "error": self.error,
            "seconds": self.seconds,
            "command": self.line,
            "at": None if self.place is None else self.place.name,
            "downloads": [name for name in DOWNLOADS if name in self.files],
        }


class Queue:
    """The maps in their order; ``running`` while one after the other is done."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.running = False

    def name_for(self, ebsd: str) -> str:
        """Return a name for the output that no other map of the queue has."""
        stem = Path(re.split(r"[/\\]", ebsd)[-1]).stem or "map"
        taken = {one.output for one in self.entries}
        names = (f"{stem}_restored{'' if k == 1 else f'_{k}'}.ang" for k in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    def add(self, entry: Entry) -> None:
        """Put a map at the end.

        Raises
        ------
        RefusedError
            If there are too many.
        """
        if len(self.entries) >= MOST:
            raise RefusedError(409, f"no more than {MOST} maps stand in the queue", advice="take some out")
        self.entries.append(entry)

    def find(self, key: Any) -> Entry:
        """Return the map of a key that a browser sent.

        Raises
        ------
        RefusedError
            If there is none.
        """
        found = next((one for one in self.entries if one.key == key), None)
        if found is None:
            raise RefusedError(409, "this map is not in the queue any more")
        return found

    def next(self) -> Entry | None:
        """Return the first map that waits."""
        return next((one for one in self.entries if one.state == WAITING), None)

    def again(self, entry: Entry) -> None:
        """Have a map wait again that failed or was cancelled."""
        entry.state, entry.said, entry.error, entry.seconds = WAITING, "", None, None

    def as_record(self) -> dict[str, Any]:
        """Return plain values for the page."""
        return {
            "running": self.running,
            "entries": [one.as_record() for one in self.entries],
            "told": self.told,
        }

    @property
    def told(self) -> str:
        """What became of all of them, as `grainlight batch` ends."""
        over = [one for one in self.entries if one.state in (DONE, FAILED)]
        if not over:
            return ""
        failed = sum(one.state == FAILED for one in over)
        return f"{len(over) - failed} of {len(self.entries)} maps are restored" + (f", {failed} failed" * bool(failed))

    def summary(self) -> str:
        """Return the table of what became of each map, as ``grainlight batch --summary`` writes it."""
        rows = [
            (k, one.ebsd, one.output, one.state, _EXIT.get(one.state, ""), _seconds(one.seconds), one.said)
            for k, one in enumerate(self.entries, 1)
        ]
        return _csv([_SUMMARY, *rows])

    def jobs(self) -> str:
        """Return the table that ``grainlight batch`` restores the same maps from."""
        cells = [_cells(one) for one in self.entries]
        titles = list(dict.fromkeys(("ebsd", "output", *(title for row in cells for title in row))))
        return _csv([titles, *([row.get(title, "") for title in titles] for row in cells)])


def said_of(error: dict[str, Any]) -> str:
    """Return why a map failed, in one line."""
    place = ", ".join(error[name] for name in ("file", "place") if name in error)
    parts = [f"{place}: {error['problem']}" if place else str(error["problem"])]
    parts += [f"{name}: {error[key]}" for key, name in _PARTS.items() if key in error]
    return "; ".join(parts)


_PARTS = {"found": "found", "expected": "expected", "advice": "try"}


def _cells(entry: Entry) -> dict[str, str]:
    """Return the cells of a row: options without dashes, several values with ; between them."""
    found = {"ebsd": entry.words[0], "output": entry.output}
    title, values = "", list[str]()

    def put() -> None:
        if title:
            found[title] = ";".join([*([found[title]] if title in found else []), *(values or [_FLAG])])

    for word in entry.words[1:]:
        if word.startswith("--"):
            put()
            name, equals, value = word.removeprefix("--").partition("=")
            title, values = name, [value] if equals else []
        else:
            values.append(word)
    put()
    return found


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
