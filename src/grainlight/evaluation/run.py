"""Running the cases of an evaluation: methods side by side, every answer measured."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.figures import Figures, measure
from grainlight.evaluation.methods import BASELINES, BLIND, GUIDED, Method, require_weights, restoration
from grainlight.evaluation.suite import Case
from grainlight.progress import Progress, Silent

OURS = "grainlight"
FULL = "grainlight, 100 % EBSD"
"""Our restoration at scale 1 from EBSD at every point, with the same noise and the same light."""
CLEAN_COPY = {name: f"{name}, clean PL" for name in GUIDED}
"""The guided copies given clean light of the same optics in place of corrupted."""


@dataclass(frozen=True)
class Row:
    """One answer: the map's group and name, the scenario's name and light, method, seed, figures and cost."""

    group: str
    subject: str
    task: str
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


@dataclass(frozen=True, eq=False)
class Trial:
    """A method and what it is given, ready to run; its answer is measured against the case's own task."""

    name: str
    method: Method
    given: Task


def ours(quality: str) -> str:
    """Return the name of the restoration in tables."""
    return f"{OURS}, {quality}"


def count(cases: Iterable[Case]) -> int:
    """Return how many answers the cases will have."""
    return sum(len(_names(case)) for case in cases)


def run(
    cases: Sequence[Case],
    *,
    weights: Path | None = None,
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Row]:
    """Run all methods of all cases.

    Parameters
    ----------
    cases
        From `suite`.
    weights, device
        As for `methods.restoration`.
    jobs
        Processes that share the cases, each with one thread; with 1 all run in this process, with its threads.
    progress
        One stage of as many units as rows.

    Returns
    -------
    A row per case and method, in their order.

    Raises
    ------
    InputError
        If a restoration is wanted and there are no weights, or a map cannot be used.
    """
    if any(case.qualities or case.reference for case in cases):
        require_weights(weights)
    progress = progress or Silent()
    progress.begin("evaluating", count(cases))
    if min(jobs, len(cases)) <= 1:
        return [row for case in cases for row in _rows(case, weights, device, progress)]
    # a fresh interpreter for each: a fork would share the state of torch's threads
    with ProcessPoolExecutor(min(jobs, len(cases)), get_context("spawn"), initializer=_worker) as pool:
        waiting = {pool.submit(_rows, case, weights, device): place for place, case in enumerate(cases)}
        found: dict[int, list[Row]] = {}
        try:
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                progress.advance(len(found[waiting[done]]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [row for place in range(len(cases)) for row in found[place]]


def _worker() -> None:
    torch.set_num_threads(1)
    # Ctrl-C reaches all processes of a terminal; the first one ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _rows(case: Case, weights: Path | None, device: str, progress: Progress | None = None) -> list[Row]:
    """Run all methods of a case."""
    task = case.scenario.degrade(case.subject.full, case.seed)
    subject, scenario = case.subject, case.scenario
    rows = []
    for trial in _trials(case, task, weights, device):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = trial.method(trial.given)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows.append(
            Row(
                subject.group,
                subject.name,
                scenario.name,
                scenario.light,
                trial.name,
                case.seed,
                measure(answer, task),
                round(wall, 3),
                round(cpu, 3),
            )
        )
        if progress is not None:
            progress.advance()
    return rows


def _names(case: Case) -> list[str]:
    names = [*(BASELINES if case.scenario.level else BLIND)]
    if case.scenario.level not in (None, "clean"):
        names += CLEAN_COPY.values()
    names += [ours(quality) for quality in case.qualities]
    return names + [FULL] * (case.reference is not None)


def _trials(case: Case, task: Task, weights: Path | None, device: str) -> Iterable[Trial]:
    """Yield what `_names` lists, in that order; tasks are made when they are needed."""
    scenario, full, seed = case.scenario, case.subject.full, case.seed
    for name, method in (BASELINES if scenario.level else BLIND).items():
        yield Trial(name, method, task)
    if scenario.level not in (None, "clean"):
        clean = scenario.degrade(full, seed, level="clean")
        for name, method in GUIDED.items():
            yield Trial(CLEAN_COPY[name], method, clean)
    for quality in case.qualities:
        yield Trial(ours(quality), restoration(quality, weights=weights, device=device), task)
    if case.reference is not None:
        whole = scenario.degrade(full, seed, scale=1)
        yield Trial(FULL, restoration(case.reference, weights=weights, device=device), whole)
