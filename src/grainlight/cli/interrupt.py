"""Ctrl-C at any moment: the command ends at once, with nothing half-written."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SHOW_CURSOR = "\r\x1b[K\x1b[?25h"
_NOTHING_LEFT = "interrupted; no output is left half-written."
_words = [_NOTHING_LEFT]


def end_on_signals() -> None:
    """End the process where SIGINT or SIGTERM comes, with 128 plus the signal's number.

    ``KeyboardInterrupt`` is no way out of a program built on compiled libraries: raised while one of them is imported
    or calls back into Python, it is swallowed, or the interpreter crashes. What cleans up here needs none of them.
    A signal that is ignored, as in a shell's background job, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


@contextmanager
def last_words(text: str) -> Iterator[None]:
    """Say ``text`` if the process is ended inside the block."""
    _words.append(text)
    try:
        yield
    finally:
        _words.pop()


def _end(number: int, _frame: FrameType | None) -> None:
    # where the module was never imported nothing was begun; to import it here would be slow at every start
    writing = sys.modules.get("grainlight.maps.io.shared.atomic")
    if writing is not None and hasattr(writing, "remove_unfinished"):
        writing.remove_unfinished()
    # workers would wait for their queue for ever
    processes = sys.modules.get("multiprocessing")
    if processes is not None and hasattr(processes, "active_children"):
        for child in processes.active_children():
            child.kill()
    # straight to the descriptor: the signal may have come in the middle of a print
    shown = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{shown}grainlight: {_words[-1]}\n".encode())
    os._exit(128 + number)
