"""The one job that runs: begun, told of, ended."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grainlight.app.child import Child
from grainlight.app.refused import RefusedError
from grainlight.app.shelf import Shelf

Keep = Callable[[dict[str, Any], Path], None]


class Jobs:
    """The ``job`` that runs or was the last one, as the page shows it.

    Parameters
    ----------
    runner
        The child that works; it ends with each job, and what it holds in memory with it.
    shelf
        Where the folders of jobs are.
    changed
        Called whenever a job begins or ends.
    """

    def __init__(self, runner: Child, shelf: Shelf, changed: Callable[[], None]) -> None:
        self.runner, self.shelf, self.changed = runner, shelf, changed
        self.job: dict[str, Any] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def working(self) -> bool:
        """Whether a job runs."""
        return self.task is not None and not self.task.done()

    def begin(self, kind: str, arguments: dict[str, Any], keep: Keep, line: str, entry: str | None = None) -> None:
        """Begin a task of the child; ``keep`` is called with what it returned and the folder that it wrote to.

        ``line`` is the command that does the same, ``entry`` the key of the queue's row that it is done for.
        """
        job: dict[str, Any] = {
            "id": secrets.token_hex(4),
            "kind": kind,
            "entry": entry,
            "state": "running",
            "stage": "starting",
            "part": 0.0,
            "left": None,
            "error": None,
            "command": line,
            "began": time.time(),
            "ended": None,
        }
        self.job = job
        self.task = asyncio.create_task(self._work(job, kind, arguments, keep))
        self.changed()

    async def cancel(self) -> None:
        """End the job that runs."""
        if self.working and self.task is not None and self.job is not None:
            task, self.job["state"] = self.task, "cancelled"
            await self.runner.stop()
            await task

    def as_record(self) -> dict[str, Any] | None:
        """Return the job with the seconds that have passed."""
        if self.job is None:
            return None
        return {**self.job, "passed": round((self.job["ended"] or time.time()) - self.job["began"], 1)}

    async def _work(self, job: dict[str, Any], kind: str, arguments: dict[str, Any], keep: Keep) -> None:
        folder = self.shelf.new(kind)

        def tell(progress: dict[str, Any]) -> None:
            job.update({name: progress[name] for name in ("stage", "part", "left", "done", "total")})

        try:
            value = await self.runner.ask(kind, {**arguments, "to": folder.name}, None, tell)
            keep(value, folder)
            outcome = "done"
        except RefusedError as error:
            shutil.rmtree(folder, ignore_errors=True)
            outcome = "failed"
            if job["state"] == "running":
                job["error"] = error.as_record()
        # what it holds in memory goes with it; only then is it over, and another job may begin
        await self.runner.stop()
        job["ended"] = time.time()
        if job["state"] == "running":
            job["state"] = outcome
        self.task = None
        self.changed()
