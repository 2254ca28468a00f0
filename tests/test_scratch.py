"""Arrays in temporary files behave as others do, and leave memory when told."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from grainlight import scratch

_HERE = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no way to take room on this system's disks")


def _held() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024.0 * int(line.split()[1])
    raise AssertionError("no VmRSS")


@_HERE
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_released_pages_leave_memory_and_come_back() -> None:
    array = scratch.empty((3000, 4000), np.float64, smallest=0)
    before = _held()
    array[:] = np.arange(4000)
    grown = _held() - before
    scratch.release(array[10:20, 5:])
    assert grown > 0.9 * array.nbytes
    assert _held() - before < 0.1 * array.nbytes
    assert (array[2999] == np.arange(4000)).all()


def test_small_arrays_stay_in_memory_and_may_be_released() -> None:
    array = scratch.empty((3, 4), np.float32)
    assert array.base is None
    array[:] = 1
    scratch.release(array)
    assert array.sum() == 12


@_HERE
def test_without_room_on_the_disk_the_array_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    array = scratch.empty((300, 400), np.float64, smallest=0)
    assert array.base is None
    assert array.shape == (300, 400)


@_HERE
def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = scratch.empty((300, 400), np.int16, smallest=0)
    array[:] = 7
    assert (array == 7).all()
    assert array.dtype == np.int16
    del array
    assert list(tmp_path.iterdir()) == []


_SHARED = Path("/dev/shm")


@_HERE
@pytest.mark.skipif(
    not (_SHARED.is_dir() and os.access(_SHARED, os.W_OK) and f" {_SHARED} tmpfs" in Path("/proc/mounts").read_text()),
    reason="no file system in memory that files can be written to",
)
def test_files_in_memory_are_no_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(_SHARED))
    assert scratch.room() == 0
    assert not scratch._in_memory("/proc")
