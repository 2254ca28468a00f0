"""Sections done by the workers of `dask.distributed`, on this machine or on many.

What goes through the scheduler is a `Job` of a few kilobytes and the sentences that it returns: workers read the files
of their sections and write what they restored to the folder of the run, which all of them must see.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from grainlight.errors import InputError
from grainlight.volume.jobs import Job

Work = Callable[[Job], tuple[str, ...]]
"""As of `workers`: a function that workers can import."""
LOCAL = "local"
"""In place of an address: a cluster of processes that is started here."""
_PATIENCE = 30
"""Seconds in which a scheduler has to answer, and to have a worker."""
_GO_ON = "run again: sections that are done stay"


class DaskWorkers:
    """Workers of a scheduler for the passes of a run, to be used as a context.

    Parameters
    ----------
    scheduler
        Its address, such as ``tcp://node1:8786``, or "local".
    workers, threads
        Of a local cluster: processes, and threads of each. Those of other clusters are given one thread each: there
        is a worker for every core (``dask worker ADDRESS --nworkers auto --nthreads 1``).

    Raises
    ------
    InputError
        With the first jobs: where `distributed` is not installed, no scheduler answers at the address, it has no
        workers, they run another version or several jobs at once, or do not see the folder; later, where they
        end again and again or the scheduler goes.
    """

    def __init__(self, scheduler: str, workers: int, threads: int) -> None:
        self.scheduler, self.workers = scheduler, workers
        self.threads = threads if scheduler == LOCAL else 1
        self.open = ExitStack()
        self.client: Any = None

    def __enter__(self) -> DaskWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    def each_done(self, work: Work, jobs: Sequence[Job]) -> Iterator[tuple[str, ...]]:
        """Do jobs, and give what is to be said of each as it is done."""
        if not jobs:
            return
        need_distributed()
        import distributed

        jobs = [_absolute(job) for job in jobs]
        if self.client is None:
            self._connect()
            _check(self.client, jobs[0].folder)
        futures = [self.client.submit(_worked, work, job, self.threads, pure=False) for job in jobs]
        try:
            for future in distributed.as_completed(futures):
                yield future.result()
        except distributed.KilledWorker as error:
            raise InputError(
                "workers end again and again before their section is done",
                found=str(error)[:200],
                advice="too little memory for so many on one machine? " + _GO_ON,
            ) from error
        except (distributed.CancelledError, distributed.comm.CommClosedError) as error:
            raise InputError("the scheduler has gone", place=self.scheduler, advice=_GO_ON) from error
        finally:
            self.client.cancel(futures)

    def _connect(self) -> None:
        import distributed

        try:
            address: Any = self.scheduler
            if self.scheduler == LOCAL:
                # No dashboard: nobody asked for an open port.
                address = self.open.enter_context(
                    distributed.LocalCluster(
                        n_workers=self.workers, threads_per_worker=1, processes=True, dashboard_address=None
                    )
                )
            client = self.open.enter_context(distributed.Client(address, timeout=_PATIENCE))
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                "the scheduler cannot be used",
                place=self.scheduler,
                found=str(error)[:200] or type(error).__name__,
                expected="a scheduler of dask.distributed with a worker, such as tcp://node1:8786",
                advice="start them: dask scheduler; dask worker ADDRESS --nworkers auto --nthreads 1",
            ) from error
        self.client = client


def need_distributed() -> None:
    """Raise the `InputError` of an installation without `distributed`."""
    if importlib.util.find_spec("distributed") is None:
        raise InputError(
            "--scheduler needs the package distributed, which is not installed",
            advice='pip install "grainlight[dask]", or --workers N without it',
        )


def _worked(work: Work, job: Job, threads: int) -> tuple[str, ...]:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return work(job)


def _absolute(job: Job) -> Job:
    """The same job for processes that stand in other folders."""
    entry, settings = job.entry, job.specimen.settings
    entry = replace(
        entry,
        ebsd=None if entry.ebsd is None else entry.ebsd.absolute(),
        light=tuple(path.absolute() for path in entry.light),
    )
    if settings.weights is not None:
        settings = replace(settings, weights=settings.weights.absolute())
    return replace(job, entry=entry, folder=job.folder.absolute(), specimen=replace(job.specimen, settings=settings))


def _seen(folder: Path) -> tuple[str, bool]:
    """What a worker says of itself: the version that it runs, and whether it sees a folder."""
    import grainlight

    return grainlight.__version__, folder.is_dir()


def _check(client: Any, folder: Path) -> None:
    """Refuse workers that would do something else."""
    import grainlight

    own = grainlight.__version__
    several = client.nthreads()
    busy = next((name for name, count in several.items() if count != 1), None)
    if busy is not None:
        raise InputError(
            "a worker would do several sections at once",
            place=busy,
            found=f"{several[busy]} threads",
            expected="one: a section takes the memory of a process",
            advice="dask worker ADDRESS --nworkers auto --nthreads 1",
        )
    try:
        answers = client.run(_seen, folder)
    except ImportError as error:
        raise InputError(
            "the workers have no grainlight", found=str(error)[:200], advice=f"install version {own} there"
        ) from error
    for name, (version, there) in answers.items():
        if version != own:
            raise InputError("a worker runs another version", place=name, found=version, expected=own)
        if not there:
            raise InputError(
                "a worker does not see the output folder",
                file=folder,
                place=name,
                advice="take a folder that all machines share, under one path; and so for the inputs",
            )
