"""Write a file under a temporary name and rename it when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from grainlight.errors import InputError

_unfinished: set[Path] = set()
# A full disk, a full quota (no such thing on Windows), a file system that takes no larger files.
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)


def remove_unfinished() -> None:
    """Remove the temporary files of outputs in the making, for a process that is about to end without unwinding."""
    for path in tuple(_unfinished):
        path.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; rename it when the block ends well, remove it otherwise.

    What an earlier process left of the same output, having been killed, is removed first.

    Raises
    ------
    InputError
        Where the folder is missing or cannot be written, ``path`` is a folder, or the disk is full.
    """
    target = Path(path)
    folder = target.parent
    if not folder.is_dir():
        raise InputError(
            "the output folder does not exist", file=target, found=f"no folder {folder}", advice="make the folder first"
        )
    if target.is_dir():
        raise InputError("the output is a folder", file=target, expected="the name of a file")
    try:
        with temporary_file(target) as temporary:
            yield from _written(temporary, target)
    except _CannotBeMade as error:
        raise InputError("the output folder cannot be written", file=target, found=str(error)) from error


def _written(temporary: Path, target: Path) -> Iterator[Path]:
    try:
        yield temporary
        # a temporary file is readable by its owner only; outputs follow the user's umask like any new file
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        try:
            temporary.replace(target)
        except OSError as error:
            raise InputError("the output cannot be written", file=target, found=str(error)) from error
    except OSError as error:
        refuse_full_disk(target, error)
        raise


class _CannotBeMade(Exception):
    """No temporary file can be made in a folder."""


@contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Give an empty file beside ``target``, whose name tells it and this process.

    It goes when the block ends, in whatever way, when the process ends inside it by a signal, and, where it was killed,
    when the next process asks for one of the same target.
    """
    _remove_stale(target)
    try:
        prefix = f"{_mark(target)}{os.getpid()}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise _CannotBeMade(str(error)) from error
    os.close(handle)
    temporary = Path(name)
    _unfinished.add(temporary)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def _mark(target: Path) -> str:
    """Return how the names of a target's temporary files begin: hidden, and of this machine; a process follows."""
    return f".{target.name[:100]}.{sha256(platform.node().encode()).hexdigest()[:8]}-"


def _remove_stale(target: Path) -> None:
    """Remove what a process of this machine that is no more, because it was killed, left of the same target."""
    mark = _mark(target)
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            owner = re.match(r"(\d{1,9})-", entry.name.removeprefix(mark)) if entry.name.startswith(mark) else None
            if owner and entry.is_file(follow_symlinks=False) and not _runs(int(owner[1])):
                Path(entry.path).unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be told, one is believed to run."""
    if os.name != "posix":
        # signal 0 would end it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def refuse_full_disk(path: Path, error: OSError, advice: str = "make room on the disk") -> None:
    """Raise the `InputError` of a disk that is full, where an error of the system is one."""
    if error.errno in _FULL:
        raise InputError("there is no room for the output", file=path, found=str(error)[:200], advice=advice) from error
