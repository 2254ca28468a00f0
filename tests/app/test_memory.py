"""The limit of memory where the system holds none: the server looks at the child, and ends it."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

import numpy as np
import pytest
from test_safety import png

from grainlight.app import child, memory


def test_memory_of_a_process_is_told():
    if not sys.platform.startswith("linux"):
        pytest.skip("read from /proc, which Linux has")
    before = memory.taken_by(os.getpid())
    # Pages of their own: what is allocated may come from memory that was freed before.
    block = mmap.mmap(-1, 64_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    np.frombuffer(block, np.uint8)[:] = 1
    after = memory.taken_by(os.getpid())
    assert after - before == pytest.approx(len(block), rel=0.1)
    assert memory.taken_by(2**22 + 1) is None


def test_layout_is_that_of_windows():
    """psapi.h: 80 bytes with pointers of eight, the private bytes last."""
    if ctypes.sizeof(ctypes.c_size_t) != 8:
        pytest.skip("a layout of 64 bits")
    assert ctypes.sizeof(memory.Counters) == 80
    assert memory.Counters.PrivateUsage.offset == 72
    assert memory.Counters.WorkingSetSize.offset == 16


def test_a_child_that_takes_too_much_is_ended(serving, monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("the test counts on the limit of Linux being there to be taken away")
    monkeypatch.setattr(child, "must_be_watched", lambda: True)
    monkeypatch.setattr("asyncio.create_subprocess_exec", without_limit(child.asyncio.create_subprocess_exec))
    page = serving(memory=300 << 20)
    told = page.send("light", "bomb.png", png(13_000, 13_000))
    status, error = page.error("POST", "/api/light", {"files": [told["id"]], "angles": "unknown", "step": 1})
    assert status == 422
    assert error["problem"] == "the file needs more memory than there is for it"
    assert error["expected"] == "at most 0.3 GB"
    assert page.works()
    small = page.send("light", "small.png", png(16, 16))
    assert page.json("POST", "/api/light", {"files": [small["id"]], "angles": "unknown", "step": 1})["count"] == 1


def without_limit(start):
    """Start children that are not told of the limit, as those of a system without one."""

    async def begin(*words, **options):
        return await start(*words[:4], **options)

    return begin
