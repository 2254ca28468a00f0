"""Sections done by the workers of `dask.distributed`: the same bits, and clear words where it cannot be."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.volume.engine import dask_workers
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from grainlight.volume.section_store import section_path

pytest.importorskip("zarr")
distributed = pytest.importorskip("distributed")

OPTIONS = ("--scale", "2", "--angles", "0:180:10", "--pl-step", "0.5", "--quality", "fast")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sections of 33 x 33 pixels, EBSD on the outer two."""
    recipe = VolumeRecipe(3, (33, 33), grain_size=10.0, family="equiaxed", scale=2, every=2, level="clean", seed=2)
    return write_synthetic_volume(recipe, tmp_path_factory.mktemp("specimen"))


@pytest.mark.slow
def test_a_cluster_of_two_gives_the_bits_of_two_processes(
    manifest: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    for name, more in (("pool", ()), ("dask", ("--scheduler", "local"))):
        code, _, err = run("volume", "run", manifest, *OPTIONS, "--workers", "2", "--output", tmp_path / name, *more)
        assert code == 0, err
    for row in (1, 2, 3):
        assert section_path(tmp_path / "pool", row).read_bytes() == section_path(tmp_path / "dask", row).read_bytes()
    pool, dask = (np.load(section_path(tmp_path / name, 2)) for name in ("pool", "dask"))
    assert np.array_equal(pool["quaternions"], dask["quaternions"])


def test_no_scheduler_at_the_address_is_refused(
    manifest: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "_PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    code, _, err = run("volume", "run", manifest, *OPTIONS, "--scheduler", address, "--output", tmp_path / "out")
    assert code == 2
    assert address in err
    assert "the scheduler cannot be used" in err
    assert "dask worker" in err


class Client:
    """Of a cluster that answers as it is told to."""

    def __init__(self, threads: int = 1, version: str | None = None) -> None:
        self.threads, self.version = threads, version

    def nthreads(self) -> dict[str, int]:
        return {"tcp://one": self.threads}

    def run(self, function: Callable[[Path], tuple[str, bool]], folder: Path) -> dict[str, tuple[str, bool]]:
        version, there = function(folder)
        return {"tcp://one": (self.version or version, there)}


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Client(threads=4), "several sections at once"),
        (Client(version="0.0.1"), "another version"),
        (Client(), "does not see the output folder"),
    ],
)
def test_workers_that_would_do_something_else_are_refused(client: Client, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        dask_workers._check(client, tmp_path / "missing")


def test_workers_that_are_fit_are_taken(tmp_path: Path) -> None:
    dask_workers._check(Client(), tmp_path)


def test_without_the_package_the_advice_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"grainlight\[dask\]"):
        dask_workers.need_distributed()
