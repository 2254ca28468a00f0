"""Files that a browser sends: raw streams, counted against limits, under names that the server chooses."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from starlette.requests import ClientDisconnect, Request

from grainlight.app import UPLOAD
from grainlight.app.refused import RefusedError
from grainlight.errors import harmless, what_it_is

EBSD = (
    ".ang",
    ".ctf",
    ".cpr",
    ".crc",
    ".osc",
    ".h5oina",
    ".h5",
    ".hdf5",
    ".oh5",
    ".h5ebsd",
    ".dream3d",
    ".txt",
    ".csv",
)
LIGHT = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
CALIBRATION = (".json",)
KINDS = {"ebsd": EBSD, "light": LIGHT, "calibration": CALIBRATION}
"""What is taken, by what it is for."""
_ARCHIVES = (
    (0, b"PK\3\4"),
    (0, b"PK\5\6"),
    (0, b"\x1f\x8b"),
    (0, b"BZh"),
    (0, b"\xfd7zXZ"),
    (0, b"7z\xbc\xaf"),
    (0, b"Rar!"),
    (0, b"\x28\xb5\x2f\xfd"),
    (0, b"\x1f\x9d"),
    (0, b"MSCF"),
    (257, b"ustar"),
)
_START = 512
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Limits:
    """What an upload may take: ``size`` in bytes of one file and ``total`` of all, ``count`` of files, ``at_once``,
    seconds of ``pause`` between two pieces, and ``rate`` in bytes per second once ``grace`` seconds are over."""

    size: int = 8 << 30
    total: int = 32 << 30
    count: int = 2000
    at_once: int = 4
    pause: float = 30.0
    rate: float = 20_000.0
    grace: float = 30.0
    free: int = 1 << 30
    """Bytes that stay free on the disk."""


def shown_name(name: str) -> str:
    """Return what a file that was sent is called on the page: the last part of its name, and nothing that harms."""
    last = re.split(r"[/\\]", name)[-1]
    return harmless(last).strip()[-_LONGEST_NAME:] or "file"


def ending_of(name: str, allowed: tuple[str, ...]) -> str:
    """Return the ending of a name, one of those allowed.

    Raises
    ------
    RefusedError
        For any other.
    """
    ending = Path(shown_name(name)).suffix.lower()
    if ending not in allowed:
        raise RefusedError(
            415, "a file of this kind is not read here", file=shown_name(name), expected=", ".join(allowed)
        )
    return ending


def check_no_archive(start: bytes, name: str) -> None:
    """Refuse an archive by its first bytes: what is inside could be of any size and name."""
    if any(start[at : at + len(mark)] == mark for at, mark in _ARCHIVES):
        kind = what_it_is(start)
        found = kind if "archive" in kind else "an archive"
        raise RefusedError(
            415, "archives are not taken", file=name, found=found, advice="unpack it and choose the files"
        )


@dataclass(frozen=True)
class Stored:
    """A file: where it is, what the page calls it, and its bytes."""

    path: Path
    shown: str
    size: int

    @classmethod
    def of(cls, path: Path, shown: str) -> Stored:
        """Return a file that was there before."""
        return cls(path, shown, path.stat().st_size)


class Uploads:
    """The files that the page knows: those that it took into its ``folder``, and those of the command line.

    ``files`` are by the ids that browsers know, ``shown`` are their names by their paths; ``taken`` bytes and ``busy``
    streams are counted.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.files: dict[str, Stored] = {}
        self.shown: dict[str, str] = {}
        self.taken = self.count = self.busy = 0

    def add(self, stored: Stored) -> dict[str, Any]:
        """Keep a file and return its id, name and size."""
        key = secrets.token_hex(8)
        self.files[key] = stored
        self.shown[str(stored.path)] = stored.shown
        return {"id": key, "name": stored.shown, "size": stored.size}

    def chosen(self, keys: Any) -> list[Stored]:
        """Return the files of ids that a browser sent.

        Raises
        ------
        RefusedError
            For an id that is none.
        """
        if not isinstance(keys, list) or not all(isinstance(key, str) and key in self.files for key in keys):
            raise RefusedError(409, "a file is not here any more", advice="choose the files again")
        return [self.files[key] for key in keys]

    async def receive(self, request: Request, kind: str, name: str, beside: str | None) -> dict[str, Any]:
        """Take a file of one of `KINDS`; ``beside`` is the id of the other half of a .cpr and .crc."""
        ending = ending_of(name, KINDS.get(kind, ()))
        other = None if beside is None else self.files.get(beside)
        if other is not None and other.path.parent == self.folder and {ending, other.path.suffix} == {".cpr", ".crc"}:
            file = other.path.with_suffix(ending)
        else:
            # letters only: numbers in names are taken for angles
            letters = "".join(secrets.choice(ascii_lowercase) for _ in range(16))
            file = self.folder / f"{UPLOAD}{letters}{ending}"
        shown = shown_name(name)
        size = await self.take(request.stream(), request.headers.get("content-length"), file, shown)
        return self.add(Stored(file, shown, size))

    async def take(self, stream: AsyncIterator[bytes], promised: str | None, file: Path, name: str) -> int:
        """Write a stream into a file and return its bytes; nothing is left of one that is refused.

        Parameters
        ----------
        stream
            The body of a request.
        promised
            Its header Content-Length, where there is one.
        file
            Where it goes; a name of the server's.
        name
            What it is called in messages.

        Raises
        ------
        RefusedError
            For what is too large, too slow, an archive, or one stream too many.
        """
        limits = self.limits
        if self.busy >= limits.at_once:
            raise RefusedError(429, f"no more than {limits.at_once} files are taken at the same time", file=name)
        if self.count >= limits.count:
            raise RefusedError(413, f"no more than {limits.count} files are taken", file=name)
        most = min(limits.size, limits.total - self.taken, shutil.disk_usage(file.parent).free - limits.free)
        if promised is not None and (not promised.isdigit() or int(promised) > most):
            raise self._too_large(name, promised, most)
        self.busy += 1
        try:
            size = await self._write(stream, file, name, most)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        finally:
            self.busy -= 1
        self.taken += size
        self.count += 1
        return size

    async def _write(self, stream: AsyncIterator[bytes], file: Path, name: str, most: int) -> int:
        began, size, start = time.monotonic(), 0, b""
        with file.open("xb") as out:
            while True:
                try:
                    piece = await asyncio.wait_for(anext(stream, None), self.limits.pause)
                except TimeoutError:
                    raise RefusedError(408, "the file stopped coming", file=name, advice="send it again") from None
                except ClientDisconnect:
                    raise RefusedError(400, "the file did not come to its end", file=name) from None
                if piece is None:
                    break
                size += len(piece)
                passed = time.monotonic() - began
                if passed > self.limits.grace and size / passed < self.limits.rate:
                    raise RefusedError(408, "the file comes too slowly", file=name, advice="send it again")
                if size > most:
                    raise self._too_large(name, str(size), most)
                if len(start) < _START:
                    start += piece[:_START]
                    check_no_archive(start, name)
                out.write(piece)
        return size

    def _too_large(self, name: str, found: str, most: int) -> RefusedError:
        return RefusedError(
            413,
            "the file is too large",
            file=name,
            found=f"{int(found) / 1e6:,.0f} MB" if found.isdigit() else "a size that is no number",
            expected=f"at most {max(most, 0) / 1e6:,.0f} MB",
            advice="name it on the command line: grainlight app FILES reads it where it is",
        )
