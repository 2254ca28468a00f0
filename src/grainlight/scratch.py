"""Large arrays that live in temporary files and need not stay in memory, and how much memory there is."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

SMALLEST = 1 << 26
"""Bytes; smaller arrays stay in memory."""


def empty(shape: tuple[int, ...], dtype: DTypeLike, smallest: int = SMALLEST) -> NDArray[Any]:
    """Return an array of any content, in a temporary file where it has ``smallest`` bytes or more.

    The file has no name, lies where `tempfile` puts files (``TMPDIR``) and goes with the array. Its room is taken now:
    a disk that is full later would end the process. Where there is no room, or no way to take it, the array is in
    memory as usual.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < smallest or not hasattr(os, "posix_fallocate"):
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="grainlight") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError:
        return np.empty(shape, dtype)
    return np.frombuffer(pages, dtype).reshape(shape)


def room() -> float:
    """Return how many bytes of such arrays there is room for on the disk; 0 where there is no way to take it.

    0 also where temporary files are held in memory (tmpfs): they leave no more of it than arrays do.
    """
    if not hasattr(os, "posix_fallocate"):
        return 0.0
    try:
        folder = tempfile.gettempdir()
        return 0.0 if _in_memory(folder) else float(shutil.disk_usage(folder).free)
    except OSError:
        return 0.0


def _in_memory(folder: str) -> bool:
    """Whether the file system of a folder is one of the memory's; as far as /proc says."""
    device = os.stat(folder).st_dev
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return False
    # proc(5): ... major:minor root mount-point options ... - type source options
    for line in mounts:
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [f"{os.major(device)}:{os.minor(device)}"]:
            return after.split()[:1] in (["tmpfs"], ["ramfs"])
    return False


def release(array: NDArray[Any]) -> None:
    """Take what is in a temporary file out of this process's memory until it is asked for again; others stay."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        with contextlib.suppress(OSError, ValueError):
            # A shared mapping: pages that leave memory are kept in the file.
            base.madvise(mmap.MADV_DONTNEED)


def available_memory() -> float | None:
    """Bytes that this process may still take; None where the system does not say."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024.0 * int(line.split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        if limit != "max":
            stat = dict(line.split() for line in Path("/sys/fs/cgroup/memory.stat").read_text().splitlines())
            # Cached files give way.
            cached = sum(float(stat.get(name, 0)) for name in ("inactive_file", "active_file"))
            found.append(float(limit) - float(used) + cached)
    except (OSError, ValueError):
        pass
    if not found and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        found.append(float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    return min(found) if found else None
