"""The maps of the queue, restored one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grainlight.app.jobs import Jobs
from grainlight.app.queue import CANCELLED, DONE, FAILED, RUNNING, Entry, Queue, said_of
from grainlight.app.refused import RefusedError
from grainlight.app.shelf import RESULT, Shelf


class Batch:
    """What is done with a ``queue``: its maps become ``jobs``, and their results stand on the ``shelf``."""

    def __init__(self, queue: Queue, jobs: Jobs, shelf: Shelf, changed: Callable[[], None]) -> None:
        self.queue, self.jobs, self.shelf, self.changed = queue, jobs, shelf, changed
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Begin with the first map that waits."""
        if self.queue.next() is None:
            raise RefusedError(409, "no map waits in the queue", advice="add one")
        self.queue.running = True
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the job that runs, and the queue with it; maps that wait go on waiting."""
        self.queue.running = False
        await self.jobs.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    def show(self, key: Any) -> None:
        """Show the result of a map."""
        entry = self.queue.find(key)
        if entry.result is None or entry.place is None:
            raise RefusedError(409, "this map is not restored")
        self.shelf.keep_result(entry.result, entry.place, entry.line)
        self.changed()

    def drop(self, key: Any) -> None:
        """Take a map out of the queue; its result goes with it, unless it is the one that is shown."""
        entry = self.queue.find(key)
        if entry.state == RUNNING:
            raise RefusedError(409, "this map is being restored", advice="cancel it first")
        self.queue.entries.remove(entry)
        self.shelf.remove(entry.folder)
        if entry.place is not None:
            self.shelf.held.discard(entry.place)
            if entry.place.name != self.shelf.cards.get(RESULT, {}).get("at"):
                self.shelf.remove(entry.place)
        self.changed()

    def again(self, key: Any) -> None:
        """Have a map wait again that failed or was cancelled."""
        entry = self.queue.find(key)
        if entry.state not in (FAILED, CANCELLED):
            raise RefusedError(409, f"this map is {entry.state}")
        self.queue.again(entry)
        self.changed()

    async def _run(self) -> None:
        try:
            while self.queue.running and (entry := self.queue.next()) is not None:
                await self._restore(entry)
        finally:
            self.queue.running = False
            self.changed()

    async def _restore(self, entry: Entry) -> None:
        """Restore a map; what failed says why, and does not stop the rest."""

        def keep(value: dict[str, Any], folder: Path) -> None:
            self.shelf.held.add(folder)
            entry.result, entry.place = value, folder
            self.shelf.keep_result(value, folder, entry.line)

        entry.state = RUNNING
        self.jobs.begin("restore", entry.arguments, keep, entry.line, entry.key)
        job, task = self.jobs.job, self.jobs.task
        assert job is not None
        assert task is not None
        await asyncio.wait([task])
        entry.seconds = job["ended"] - job["began"] if job["ended"] else None
        entry.state = {"done": DONE, "cancelled": CANCELLED}.get(job["state"], FAILED)
        entry.error = job["error"]
        if entry.state == DONE and entry.result is not None:
            entry.said = entry.result["said"]
        elif entry.state == FAILED:
            entry.said = said_of(job["error"] or {"problem": "it ended without a word"})
        self.changed()
