"""Heaps of texts and names in an HDF5 file, looked at before the library reads them: it believes what they say."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from grainlight.errors import InputError

_LARGEST_SEARCHED = 256 << 20  # bytes; in a larger file a false heap is no larger than the map
_GLOBAL, _LOCAL = b"GCOL\1\0\0\0", b"HEAP\0\0\0\0"  # signature and version; their size follows
_OBJECT = 16  # bytes before the content of an object: its number, how often it is used, 4 unused bytes, its size


def refuse_heaps(path: Path) -> None:
    """Refuse heaps that claim more bytes than the file has, or whose objects lead past their end or nowhere.

    An object of size 0 where free space is meant has the library read it again and again, for ever and deaf to signals.

    Raises
    ------
    InputError
        For such a heap.
    """
    size = path.stat().st_size
    if not 16 < size <= _LARGEST_SEARCHED:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        for mark in (_GLOBAL, _LOCAL):
            at = raw.find(mark)
            while at >= 0:
                claimed = int.from_bytes(raw[at + 8 : at + 16], "little")
                if claimed > size:
                    raise _damaged(path, f"a heap of {claimed:,} bytes in a file of {size:,}")
                if mark is _GLOBAL and (place := _lost_at(raw, at + _OBJECT, at + claimed)) is not None:
                    raise _damaged(path, f"a heap of texts whose objects cannot be followed from byte {place:,}")
                at = raw.find(mark, at + 8)


def _lost_at(raw: mmap.mmap, place: int, end: int) -> int | None:
    """Return where an object of a global heap leads out of it or nowhere; None where all can be followed."""
    while place + _OBJECT <= end:
        if place + _OBJECT > len(raw):
            return place
        number, size = struct.unpack_from("<H6xQ", raw, place)
        # number 0 is the free space, whose size counts all of it; contents are padded to 8 bytes
        length = size if number == 0 else _OBJECT + -(-size // 8) * 8
        if length < _OBJECT or place + length > end:
            return place
        place += length
    return None


def _damaged(path: Path, found: str) -> InputError:
    return InputError("the HDF5 file is damaged", file=path, found=found, advice="copy or export the file again")
