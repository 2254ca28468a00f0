"""Sections done in this process, in a pool of processes, or by workers of `dask.distributed`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import torch

from grainlight.errors import InputError
from grainlight.volume.engine.dask_workers import on_dask
from grainlight.volume.jobs import Job

Said = tuple[str, ...]
Work = Callable[[Job], Said]
"""Does a job and returns what is to be said of it."""
_REPLACED = 3
"""A worker that dies is replaced so often before the run gives up."""


def each_done(work: Work, jobs: Sequence[Job], workers: int = 1, scheduler: str | None = None) -> Iterator[Said]:
    """Do jobs, and give what is to be said of each as it is done.

    Parameters
    ----------
    work
        A function of a module, which other processes import by its name.
    workers
        Processes; one job at a time in each. One is this process.
    scheduler
        Address of a scheduler of `dask.distributed`, or "local" for one that is started here with so many workers.

    Raises
    ------
    InputError
        Where a job cannot be done, workers end again and again, or a scheduler cannot be used.
    """
    if not jobs:
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    if scheduler is not None:
        yield from on_dask(work, jobs, scheduler, workers, threads)
    elif workers <= 1 or len(jobs) <= 1:
        yield from map(work, jobs)
    else:
        yield from _in_pools(work, jobs, workers, threads)


def _in_pools(work: Work, jobs: Sequence[Job], workers: int, threads: int) -> Iterator[Said]:
    left, failures = list(jobs), 0
    while left:
        try:
            for job, said in _in_processes(work, left, workers, threads):
                left = [other for other in left if other is not job]
                yield said
        except BrokenProcessPool as error:
            # A worker died: what is stored is stored, the rest begins anew.
            failures += 1
            if failures > _REPLACED:
                raise InputError(
                    "workers end again and again before their section is done",
                    found=f"{failures} times",
                    advice="too little memory for so many? try --workers 1",
                ) from error


def _in_processes(work: Work, jobs: Sequence[Job], workers: int, threads: int) -> Iterator[tuple[Job, Said]]:
    context = multiprocessing.get_context("spawn")
    begin = partial(torch.set_num_threads, threads)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin)
    try:
        running: dict[Future[Said], Job] = {pool.submit(work, job): job for job in jobs}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
