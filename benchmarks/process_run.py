"""One answer of one method in a process of its own, with what it cost."""

from __future__ import annotations

import builtins
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer


@dataclass(frozen=True)
class Cost:
    """What an answer cost.

    Parameters
    ----------
    seconds, cpu_seconds
        Of the method itself: without imports and the loading of the shipped kind of weights.
    seconds_whole
        From the start of the process to the answer: the interpreter, imports and loading included.
    calls
        Calls of a network of this project, each counted as the share of the map that it sees; two samples in
        one batch are two calls. Backward passes are not counted, but their time is.
    megabytes
        Largest resident memory of the process, interpreter and libraries included (10^6 bytes).
    """

    seconds: float
    cpu_seconds: float
    seconds_whole: float
    calls: float
    megabytes: float


class NoAnswer(Exception):
    """A method gave none; the message says why."""


def run_in_process(
    name: str, task: Task, weights: Path | None = None, limit: float | None = None
) -> tuple[Answer, Cost]:
    """Run a method on a task in a fresh process; return its answer and what it cost.

    Parameters
    ----------
    name
        One of `registry.registry`.
    task
        What it is given; the truth in it is blanked first, so that no method can look.
    weights
        A file in place of the shipped weights, for the methods of this project.
    limit
        Seconds after which the process is ended.

    Raises
    ------
    NoAnswer
        If there is none: the method cannot take this task, broke, or took too long.
    """
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, name, _blinded(task), weights, time.time()))
    process.start()
    there.close()
    try:
        if not here.poll(limit):
            raise NoAnswer(f"not done after {limit:g} s")
        found: tuple[Answer, Cost] | str = here.recv()
    except EOFError as error:
        process.join()
        raise NoAnswer(f"the process ended without an answer (exit code {process.exitcode})") from error
    finally:
        if process.is_alive():
            process.join(5)
            process.kill()
        process.join()
        here.close()
    if isinstance(found, str):
        raise NoAnswer(found)
    return found


def _blinded(task: Task) -> Task:
    return replace(task, truth=np.zeros_like(task.truth), wrong=np.zeros_like(task.wrong), clean_light=None)


def _child(answers: Connection, name: str, task: Task, weights: Path | None, launched: float) -> None:
    from benchmarks.registry import registry

    try:
        with counted_calls(task.measured.shape) as calls, _aside() as aside:
            wall, cpu = time.perf_counter(), time.process_time()
            found = registry(weights)[name]()(task)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        whole = time.time() - launched
    except InputError as error:
        answers.send(error.problem)
        return
    except Exception as error:  # a peer that breaks is a row of the table, not the end of it
        answers.send(f"{type(error).__name__}: {error}")
        return
    cost = Cost(wall - aside.wall, cpu - aside.cpu, whole, float(sum(calls)), _peak_megabytes())
    answers.send((_bare(found), cost))


def _bare(answer: Answer) -> Answer:
    def plain(array: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if array is None else np.ascontiguousarray(array)

    return Answer(plain(answer.quaternions), plain(answer.light), plain(answer.bound), plain(answer.boundary))  # type: ignore[arg-type]


@dataclass
class _Aside:
    """Time spent on imports and on loading weights; nested ones count once."""

    wall: float = 0.0
    cpu: float = 0.0
    depth: int = 0
    _began: tuple[float, float] = field(default=(0.0, 0.0))

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if not self.depth:
                self._began = time.perf_counter(), time.process_time()
            self.depth += 1
            try:
                return function(*args, **kwargs)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.wall += time.perf_counter() - self._began[0]
                    self.cpu += time.process_time() - self._began[1]

        return timed


@contextmanager
def _aside() -> Iterator[_Aside]:
    """Time every import and every call of `load_weights`; this process does nothing else afterwards."""
    from grainlight.diffusion import checkpoint

    aside = _Aside()
    plain_import, plain_load = builtins.__import__, checkpoint.load_weights
    load = aside.wrap(plain_load)
    # modules that have imported the function by name already hold it under their own
    holders = [m for m in list(sys.modules.values()) if getattr(m, "load_weights", None) is plain_load]
    for holder in holders:
        holder.load_weights = load  # type: ignore[attr-defined]
    builtins.__import__ = aside.wrap(plain_import)
    try:
        yield aside
    finally:
        builtins.__import__ = plain_import
        for holder in holders:
            holder.load_weights = plain_load  # type: ignore[attr-defined]


@contextmanager
def counted_calls(shape: tuple[int, ...]) -> Iterator[list[float]]:
    """Collect the share of the map that each call of a network of this project sees, whoever calls it."""
    from torch.nn.modules.module import register_module_forward_pre_hook

    from benchmarks.peers.denoiser.denoiser import Denoiser
    from grainlight.diffusion.candidates import PIXELS
    from grainlight.diffusion.network import LabelNetwork

    calls: list[float] = []
    pixels = shape[0] * shape[1]

    def count(batch: int, rows: int, columns: int) -> None:
        # rows and columns that only fill up to a multiple are no second look
        calls.append(batch * min(1.0, rows * columns / pixels))

    def denoised(module: Any, given: tuple[Any, ...]) -> None:
        if isinstance(module, Denoiser):
            batch, _, rows, columns = given[0].shape
            count(batch, rows, columns)

    plain = LabelNetwork.answer

    def answered(self: Any, first: Any, guided: Any, size: tuple[int, int], *given: Any, **more: Any) -> Any:
        count(len(first) * PIXELS // (size[0] * size[1]), *size)
        return plain(self, first, guided, size, *given, **more)

    hook = register_module_forward_pre_hook(denoised)
    LabelNetwork.answer = answered  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        hook.remove()
        LabelNetwork.answer = plain  # type: ignore[method-assign]


def _peak_megabytes() -> float:
    """Return the largest resident memory so far.

    Linux hands ru_maxrss of the parent on to a process that is spawned from it; the kernel's own record of this
    process's memory begins anew.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
