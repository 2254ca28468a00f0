"""Freed memory kept for the next allocation: a restoration allocates large images by the dozen, and the system clears
each new page."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Numbers of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_EVERYTHING = (1 << 31) - 1
# What glibc itself ends at in a process that frees large blocks.
_USUAL = 32 << 20


@contextmanager
def memory_reused() -> Iterator[None]:
    """Keep freed memory for the next allocation instead of handing it back, until the end; then hand all of it back.

    By default glibc asks the system for every large block and returns it at once. The system clears each page anew,
    which took a third of the time of a restoration of a megapixel. Nothing that is to stay should be made meanwhile: it
    would lie among what is used again. Where there is no glibc, nothing is changed.

    This is for a process of our own, a command. The settings are those of the whole process, and glibc does not tell
    which they were: at the end they are what glibc arrives at by itself, not what somebody may have set before.
    """
    option, trim = _glibc("mallopt"), _glibc("malloc_trim")
    if option is None or trim is None:
        yield
        return
    for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
        option(name, _EVERYTHING)
    try:
        yield
    finally:
        option(_MMAP_THRESHOLD, _USUAL)
        option(_TRIM_THRESHOLD, 2 * _USUAL)
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)  # type: ignore[no-any-return]
    except (OSError, AttributeError):
        return None
