"""Child processes: they do what touches a file that somebody else made, and die of it in place of the page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from grainlight.app.memory import WATCHED, must_be_watched, taken_by
from grainlight.app.refused import RefusedError

_LONGEST_LINE = 64 << 20
_TOGETHER = 5.0  # seconds that a child has to end


class _TooLargeError(Exception):
    """The child took more memory than it may."""


class Child:
    """A process that does one task after another; it starts when it is asked, and anew after it died.

    Parameters
    ----------
    folder
        Where it may write.
    memory
        Bytes that it may take for data; no limit if None.
    """

    def __init__(self, folder: Path, memory: int | None = None) -> None:
        self.folder, self.memory = folder, memory
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._stopped = False

    async def ask(
        self,
        task: str,
        arguments: dict[str, Any],
        seconds: float | None,
        on_progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> Any:
        """Return what a task returns.

        Parameters
        ----------
        task
            A name of `tasks.worker.TASKS`.
        seconds
            After which the child is ended; None for no limit.
        on_progress
            Called with what the task tells on its way.

        Raises
        ------
        RefusedError
            For input that cannot be used, and where the child died or took too long.
        """
        async with self._lock:
            process = await self._started()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps({"task": task, "arguments": arguments}).encode() + b"\n")
                await process.stdin.drain()
                answer = await asyncio.wait_for(self._watched(self._answer(process, on_progress), process), seconds)
            except _TooLargeError:
                await self._end()
                raise RefusedError(
                    422,
                    "the file needs more memory than there is for it",
                    expected=f"at most {(self.memory or 0) / 1e9:.1f} GB",
                ) from None
            except TimeoutError:
                await self._end()
                raise RefusedError(
                    422, "reading took too long and was ended", expected=f"at most {seconds:.0f} s"
                ) from None
            except (ConnectionError, ValueError):
                await self._end()
                raise _died(process.returncode, self._stopped) from None
            except asyncio.CancelledError:
                await self._end()
                raise
        if "error" in answer:
            error = answer["error"]
            raise RefusedError(error.pop("status", 422), error.pop("problem"), **error)
        return answer["value"]

    async def stop(self) -> None:
        """End the process, whatever it does."""
        self._stopped = True
        await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._stopped = False
            limit = [] if self.memory is None else [str(self.memory)]
            # in a session of its own, so that Ctrl-C at the terminal is the server's to handle
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "grainlight.app.tasks.worker", str(self.folder), *limit),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LONGEST_LINE,
                start_new_session=True,
            )
        return self._process

    async def _answer(
        self, process: asyncio.subprocess.Process, on_progress: Callable[[dict[str, Any]], None] | None
    ) -> dict[str, Any]:
        assert process.stdout is not None
        while True:
            line = await process.stdout.readline()
            if not line.endswith(b"\n"):
                await process.wait()
                raise ConnectionError
            told = json.loads(line)
            if "progress" not in told:
                return told
            if on_progress is not None:
                on_progress(told["progress"])

    async def _watched(self, work: Coroutine[Any, Any, dict[str, Any]], process: asyncio.subprocess.Process) -> Any:
        """Wait for an answer; where the system holds no limit of memory, look now and then at what the child takes.

        What it takes between two looks is not seen: a limit of the system is better, where there is one.
        """
        if self.memory is None or not must_be_watched():
            return await work
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait([task], timeout=WATCHED))[0]:
                taken = taken_by(process.pid)
                if taken is not None and taken > self.memory:
                    raise _TooLargeError
            return await task
        finally:
            task.cancel()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _TOGETHER)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def _died(code: int | None, stopped: bool) -> RefusedError:
    if stopped:
        return RefusedError(409, "it was cancelled")
    found = f"exit code {code}"
    if code is not None and code < 0:
        found = f"ended by {signal.Signals(-code).name}"
    return RefusedError(
        422,
        "the process that worked on the file died",
        found=found,
        advice="the file may be damaged, or made to harm, or need more memory than there is; the page goes on",
    )
