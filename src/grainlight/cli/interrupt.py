"""Ctrl-C or a closed terminal at any moment: the command ends at once, with nothing half-written."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_SHOW_CURSOR = "\r\x1b[K\x1b[?25h"
_NOTHING_LEFT = "interrupted; no output is left half-written."
_words = [_NOTHING_LEFT]
_ending = threading.Lock()
_children: set[subprocess.Popen[str]] = set()


def end_on_signals() -> None:
    """End the process where SIGINT, SIGTERM or SIGHUP comes, with 128 plus the signal's number.

    ``KeyboardInterrupt`` is no way out of a program built on compiled libraries: raised while one of them is imported
    or calls back into Python, it is swallowed, or the interpreter crashes. What cleans up here needs none of them.
    A signal that is ignored, as in a shell's background job or under nohup, stays ignored. A library that computes
    keeps Python from hearing one for seconds: a thread hears it too, as soon as the library lets other threads run.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    if os.name == "posix":
        _listen()


def _listen() -> None:
    """Start the thread that ends the process while the main thread is inside a library."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    # the pipe of a process is not that of its children, whose signals would end it
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))

    def listen() -> None:
        while number := os.read(heard, 1):
            if signal.getsignal(number[0]) is _end:
                _end(number[0], None)

    threading.Thread(target=listen, name="signals", daemon=True).start()


@contextmanager
def last_words(text: str) -> Iterator[None]:
    """Say ``text`` if the process is ended inside the block."""
    _words.append(text)
    try:
        yield
    finally:
        _words.pop()


@contextmanager
def ends_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process with this one, or with the block."""
    _children.add(process)
    try:
        yield
    finally:
        _children.discard(process)
        if process.poll() is None:
            process.kill()


def _end(number: int, _frame: FrameType | None) -> None:
    if not _ending.acquire(blocking=False):
        # the other thread is at it
        threading.Event().wait()
    # where the module was never imported nothing was begun; to import it here would be slow at every start
    writing = sys.modules.get("grainlight.maps.io.shared.atomic")
    if writing is not None and hasattr(writing, "remove_unfinished"):
        writing.remove_unfinished()
    # workers would wait for their queue for ever
    processes = sys.modules.get("multiprocessing")
    if processes is not None and hasattr(processes, "active_children"):
        for child in processes.active_children():
            child.kill()
    for process in _children:
        # as itself, so that it leaves nothing behind
        process.terminate()
    # straight to the descriptor: the signal may have come in the middle of a print
    shown = _SHOW_CURSOR if os.isatty(2) else ""
    with contextlib.suppress(OSError):  # a terminal that was closed
        os.write(2, f"{shown}grainlight: {_words[-1]}\n".encode())
    os._exit(128 + number)
