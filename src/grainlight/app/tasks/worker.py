"""What runs in a child process: a task a line on standard input, progress and answers as lines on standard output."""

from __future__ import annotations

import json
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from grainlight.app import UPLOAD
from grainlight.app.memory import limit_memory
from grainlight.errors import InputError
from grainlight.progress import Whole

TASKS = {
    "ebsd": "grainlight.app.tasks.cards",
    "light": "grainlight.app.tasks.cards",
    "further": "grainlight.app.tasks.further",
    "calibration": "grainlight.app.tasks.further",
    "demo": "grainlight.app.tasks.cards",
    "place": "grainlight.app.tasks.placing",
    "pairs": "grainlight.app.tasks.placing",
    "estimate": "grainlight.app.tasks.restoring",
    "restore": "grainlight.app.tasks.restoring",
    "convert": "grainlight.app.tasks.restoring",
    "pixel": "grainlight.app.tasks.layers",
}
"""Each is a function ``task_NAME(folder, progress, **arguments)`` of its module and returns what JSON can hold."""
_BETWEEN = 0.2  # seconds between two lines of progress


class Told:
    """Progress as lines for the server: stage, share of the whole, seconds left."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._whole = out, Whole({})
        self._began = time.monotonic()
        self._stage, self._done, self._total, self._last = "", 0, 1, 0.0

    def expect(self, stages: Mapping[str, float]) -> None:
        """Take the seconds that each stage is expected to take."""
        self._whole, self._began = Whole(stages), time.monotonic()

    def begin(self, stage: str, total: int) -> None:
        """A stage begins."""
        self._stage, self._done, self._total = stage, 0, max(total, 1)
        self._whole.begin(stage)
        self._tell()

    def advance(self, units: int = 1) -> None:
        """Units of the stage are done."""
        self._done += units
        self._whole.share = min(self._done / self._total, 1.0)
        if time.monotonic() - self._last > _BETWEEN:
            self._tell()

    def _tell(self) -> None:
        self._last = time.monotonic()
        left = self._whole.left(self._last - self._began) if self._whole.expected else None
        say(
            self._out,
            progress={
                "stage": self._stage,
                "done": self._done,
                "total": self._total,
                "part": round(self._whole.part, 4),
                "left": None if left is None else round(left, 1),
            },
        )


def say(out: TextIO, **what: Any) -> None:
    """Write a line."""
    out.write(json.dumps(what, allow_nan=False) + "\n")
    out.flush()


def main() -> None:
    """Do what the lines of standard input ask for, until there are no more."""
    limit_memory(int(sys.argv[2]) if len(sys.argv) > 2 else None)
    folder = Path(sys.argv[1])
    # what libraries print must not stand between the lines
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line)
        # the server is gone: nobody waits for what is done here
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        asked = json.loads(lines.get())
        say(out, **answer(asked["task"], asked["arguments"], folder, Told(out)))


def answer(task: str, arguments: dict[str, Any], folder: Path, progress: Told) -> dict[str, Any]:
    """Do a task and return its value, or what was wrong."""
    names: dict[str, str] = arguments.pop("names", {})
    try:
        function: Callable[..., Any] = getattr(import_module(TASKS[task]), f"task_{task}")
        return {"value": renamed(function(folder, progress, **arguments), names)}
    except InputError as error:
        parts = {name: getattr(error, name) for name in ("file", "place", "found", "expected", "advice")}
        told = {"problem": error.problem, **{name: text for name, text in parts.items() if text is not None}}
        return {"error": {name: with_names(text, names) for name, text in told.items()}}
    except MemoryError:
        return {"error": {"problem": "the file needs more memory than there is for it", "status": 422}}
    except Exception as error:  # whatever a reader stumbles over: the page must go on
        text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return {
            "error": {
                "problem": "this cannot be done",
                "found": with_names(text, names),
                "advice": "if the files are sound, this is a fault of grainlight: please report it",
                "status": 500,
            }
        }


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text in which files are called what the user calls them."""
    # a reader may miss the other half of a file, of the same stem
    stems = {Path(path).stem: Path(shown).stem for path, shown in names.items()}
    known = {**stems, **{Path(path).name: shown for path, shown in names.items()}, **names}
    if not known:
        return text
    # the longest first, and each place once: a name may be part of another one
    pattern = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    return re.sub(pattern, lambda found: known[found.group()], text)


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return what a task returned with the names of uploads as the user knows them: remarks name files, too."""
    own = {path: shown for path, shown in names.items() if Path(path).name.startswith(UPLOAD)}

    def walk(one: Any) -> Any:
        if isinstance(one, str):
            return with_names(one, own) if UPLOAD in one else one
        if isinstance(one, dict):
            return {key: walk(inner) for key, inner in one.items()}
        return [walk(inner) for inner in one] if isinstance(one, list) else one

    return walk(value)


if __name__ == "__main__":
    main()
