"""Running an evaluation: the methods of each planned task side by side, every answer measured."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.figures import NAMES, NAN, Figures, measure
from grainlight.evaluation.methods import (
    BASELINES,
    CLEAN_COPY,
    FULL,
    GUIDED,
    QUALITIES,
    Method,
    ours,
    require_weights,
    restoration,
)
from grainlight.evaluation.suite import JUDGED, PlannedTask
from grainlight.progress import Progress, Silent

_OF_QUALITY = {ours(quality): quality for quality in QUALITIES}
_OF_COPY = {name: GUIDED[plain] for plain, name in CLEAN_COPY.items()}


@dataclass(frozen=True)
class MeasuredAnswer:
    """One answer in figures: group and name of the map, name and light of the scenario, method, seed, figures, cost."""

    group: str
    map: str
    scenario: str
    light: str
    method: str
    seed: int
    figures: Figures
    seconds: float
    cpu_seconds: float

    def as_record(self) -> dict[str, Any]:
        """Return plain values, NaN as None."""
        record = asdict(self)
        record["figures"] = {name: None if value != value else value for name, value in record["figures"].items()}
        return record

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> MeasuredAnswer:
        """Return the answer of which `as_record` made the record.

        Raises
        ------
        KeyError, TypeError
            If it is no such record.
        """
        values = {name: NAN if record["figures"][name] is None else record["figures"][name] for name in NAMES}
        return cls(**(record | {"figures": Figures(**values)}))


def count(planned: Iterable[PlannedTask]) -> int:
    """Return how many answers there will be."""
    return sum(len(task.methods) for task in planned)


def run(
    planned: Sequence[PlannedTask],
    *,
    weights: Path | None = None,
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[MeasuredAnswer]:
    """Run all methods of all tasks.

    Parameters
    ----------
    planned
        From `suite`.
    weights, device
        As for `methods.restoration`.
    jobs
        Processes that share the tasks, each with one thread; with 1 all run in this process, with its threads.
    progress
        One stage of as many units as answers.

    Returns
    -------
    An answer per task and method, in their order.

    Raises
    ------
    InputError
        If a restoration is wanted and there are no weights, or a map cannot be used.
    """
    if any(_is_restoration(name) for task in planned for name in task.methods):
        require_weights(weights)
    progress = progress or Silent()
    progress.begin("evaluating", count(planned))
    if min(jobs, len(planned)) <= 1:
        return [answer for task in planned for answer in _answers(task, weights, device, progress)]
    # a fresh interpreter for each: a fork would share the state of torch's threads
    with ProcessPoolExecutor(min(jobs, len(planned)), get_context("spawn"), initializer=one_thread) as pool:
        waiting = {pool.submit(_answers, task, weights, device): place for place, task in enumerate(planned)}
        found: dict[int, list[MeasuredAnswer]] = {}
        try:
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                progress.advance(len(found[waiting[done]]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [answer for place in range(len(planned)) for answer in found[place]]


def one_thread() -> None:
    """Prepare a worker process: one thread, and no answer of its own to Ctrl-C."""
    torch.set_num_threads(1)
    # Ctrl-C reaches all processes of a terminal; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answers(
    planned: PlannedTask, weights: Path | None, device: str, progress: Progress | None = None
) -> list[MeasuredAnswer]:
    """Run all methods of a task."""
    task, scenario, reference = planned.make(), planned.scenario, planned.reference
    found = []
    for name, method, given in _methods(planned, task, weights, device):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = method(given)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        about = (reference.group, reference.name, scenario.name, scenario.light, name, planned.seed)
        found.append(MeasuredAnswer(*about, measure(answer, task), round(wall, 3), round(cpu, 3)))
        if progress is not None:
            progress.advance()
    return found


def _is_restoration(name: str) -> bool:
    return name == FULL or name in _OF_QUALITY


def _methods(planned: PlannedTask, task: Task, weights: Path | None, device: str) -> Iterator[tuple[str, Method, Task]]:
    """Yield the name of each method, the method, and what it is given; that is made when it is needed."""
    scenario, full, seed = planned.scenario, planned.reference.full, planned.seed
    clean: Task | None = None
    for name in planned.methods:
        if name in BASELINES:
            yield name, BASELINES[name], task
        elif name in _OF_COPY:
            clean = clean or scenario.degrade(full, seed, level="clean")
            yield name, _OF_COPY[name], clean
        elif name in _OF_QUALITY:
            yield name, restoration(_OF_QUALITY[name], weights=weights, device=device), task
        elif name == FULL:
            quality = _quality_of_full(planned.methods)
            yield name, restoration(quality, weights=weights, device=device), scenario.degrade(full, seed, scale=1)
        else:
            raise ValueError(f"no method is called {name}")


def _quality_of_full(methods: Sequence[str]) -> str:
    """Return the quality that everything is compared in: the judged one, or the only one that runs."""
    run = [_OF_QUALITY[name] for name in methods if name in _OF_QUALITY]
    return run[0] if len(run) == 1 else JUDGED
