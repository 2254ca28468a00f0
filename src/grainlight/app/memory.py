"""How much memory a child may take: refused by the system where it can, else watched by the server."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path
from typing import Any

WATCHED = 0.1
"""Seconds between two looks at a child that the system does not limit."""
_PAGE = 4096
_QUERY, _READ = 0x1000, 0x0010  # PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_VM_READ


def limit_memory(most: int | None) -> None:
    """Have the system refuse this process more data than so many bytes, and files of its memory when it crashes."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if most is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def must_be_watched() -> bool:
    """Whether no limit of the system holds here: there is none on Windows, and macOS keeps it without acting on it."""
    return not sys.platform.startswith("linux")


def taken_by(process: int) -> int | None:
    """Return the bytes that a process takes for itself; None where that cannot be known, or it has ended."""
    if sys.platform == "win32":
        return _taken_on_windows(process)
    try:
        # man 5 proc: the resident pages, without those shared with files
        _, resident, shared = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[:3]
        return (int(resident) - int(shared)) * _page_size()
    except (OSError, ValueError):
        return None


class Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS_EX of Windows (psapi.h)."""

    _fields_ = [
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        *(
            (name, ctypes.c_size_t)
            for name in (
                "PeakWorkingSetSize",
                "WorkingSetSize",
                "QuotaPeakPagedPoolUsage",
                "QuotaPagedPoolUsage",
                "QuotaPeakNonPagedPoolUsage",
                "QuotaNonPagedPoolUsage",
                "PagefileUsage",
                "PeakPagefileUsage",
                "PrivateUsage",
            )
        ),
    ]


def _taken_on_windows(process: int) -> int | None:
    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.OpenProcess.argtypes = (ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32)
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    kernel.CloseHandle.argtypes = (ctypes.c_void_p,)
    handle = kernel.OpenProcess(_QUERY | _READ, 0, process)
    if not handle:
        return None
    try:
        counters = Counters(cb=ctypes.sizeof(Counters))
        done = kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.cb)
        return int(counters.PrivateUsage) if done else None
    finally:
        kernel.CloseHandle(handle)


def _page_size() -> int:
    try:
        import resource

        return resource.getpagesize()
    except ImportError:
        return _PAGE
