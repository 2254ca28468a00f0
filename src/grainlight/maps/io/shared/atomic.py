"""Write a file under a temporary name and rename it when it is whole."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=target.suffix, dir=folder)
    except OSError as error:
        raise InputError("the output folder cannot be written", file=target, found=str(error)) from error
    os.close(handle)
    temporary = Path(name)
    _unfinished.add(temporary)
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
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def refuse_full_disk(path: Path, error: OSError, advice: str = "make room on the disk") -> None:
    """Raise the `InputError` of a disk that is full, where an error of the system is one."""
    if error.errno in _FULL:
        raise InputError("there is no room for the output", file=path, found=str(error)[:200], advice=advice) from error
