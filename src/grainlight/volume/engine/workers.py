"""Sections done in this process, in a pool of processes, or by workers of `dask.distributed`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

import torch

from grainlight.errors import InputError
from grainlight.volume.engine.dask_workers import DaskWorkers
from grainlight.volume.jobs import Job

Said = tuple[str, ...]
Work = Callable[[Job], Said]
"""Does a job and returns what is to be said of it; a function of a module, which other processes import by its name."""
EachDone = Callable[[Work, Sequence[Job]], Iterator[Said]]
"""Does jobs, and gives what is to be said of each as it is done."""
_REPLACED = 3
"""A worker that dies is replaced so often before the run gives up."""


@contextmanager
def open_workers(workers: int = 1, scheduler: str | None = None) -> Iterator[EachDone]:
    """Workers for the passes of a run; they begin with the first job and end with the context.

    Parameters
    ----------
    workers
        Processes; one job at a time in each. One is this process.
    scheduler
        Address of a scheduler of `dask.distributed`, or "local" for one that is started here with so many workers.

    Raises
    ------
    InputError
        While jobs are done: where one cannot be, workers end again and again, or a scheduler cannot be used.
    """
    if workers < 1:
        raise InputError("there are no workers", found=f"{workers}", expected="one process or more")
    threads = max(1, (os.cpu_count() or 1) // workers)
    if scheduler is not None:
        with DaskWorkers(scheduler, workers, threads) as crew:
            yield crew.each_done
    elif workers <= 1:
        yield lambda work, jobs: map(work, jobs)
    else:
        pool = _Pool(workers, threads)
        try:
            yield pool.each_done
        finally:
            pool.close()


class _Pool:
    """Processes of this machine; those that die are replaced."""

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self.threads = workers, threads
        self.pool: ProcessPoolExecutor | None = None

    def each_done(self, work: Work, jobs: Sequence[Job]) -> Iterator[Said]:
        left, failures = list(jobs), 0
        while left:
            try:
                for job, said in self._done(work, left):
                    left = [other for other in left if other is not job]
                    yield said
            except BrokenProcessPool as error:
                # A worker died: what is stored is stored, the rest begins anew.
                self.close()
                failures += 1
                if failures > _REPLACED:
                    raise InputError(
                        "workers end again and again before their section is done",
                        found=f"{failures} times",
                        advice="too little memory for so many? try --workers 1",
                    ) from error

    def _done(self, work: Work, jobs: Sequence[Job]) -> Iterator[tuple[Job, Said]]:
        if self.pool is None:
            context = multiprocessing.get_context("spawn")
            begin = partial(torch.set_num_threads, self.threads)
            self.pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=begin)
        running: dict[Future[Said], Job] = {self.pool.submit(work, job): job for job in jobs}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()

    def close(self) -> None:
        """End the processes; what they have not begun is not done."""
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)
            self.pool = None
