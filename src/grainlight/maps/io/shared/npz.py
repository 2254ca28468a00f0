"""NumPy archives: written as fast as the format allows, read with nothing believed that the file cannot hold."""

from __future__ import annotations

import ast
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from grainlight.errors import InputError, what_it_is
from grainlight.scratch import release

_FREE, _RATIO = 256 << 20, 64
"""An archive of n bytes that unpacks to more than 256 MB and 64 n is no map: noise does not compress like that."""
_MOST_MEMBERS, _LONGEST_HEADER = 1000, 1 << 16
_TYPE = re.compile(r"[<>|=]?[biufU]\d{1,9}")

_SAMPLES, _SAMPLE = 8, 1 << 14  # pieces of so many bytes
_WORTHWHILE = 0.85
_PIECE = 1 << 20  # bytes written at once


def write_npz(
    stream: IO[bytes],
    arrays: Mapping[str, Any] | Iterable[tuple[str, Any]],
    narrowed: Mapping[str, DTypeLike] | None = None,
) -> None:
    """Write arrays by name, for `numpy.load`, one after the other and piece by piece: no copy of one is made.

    Noise does not compress: the slower levels of `numpy.savez_compressed` take three times as long for a few per cent,
    and what hardly shrinks at all is stored as it is.

    Parameters
    ----------
    stream
        Open for writing bytes.
    arrays
        By name; an iterator need not hold them all.
    narrowed
        By name, the type that an array is written in where that is not its own.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in arrays.items() if isinstance(arrays, Mapping) else arrays:
            array: np.ndarray[Any, Any] = np.asarray(values)
            dtype = np.dtype((narrowed or {}).get(name, array.dtype))
            archive.compression = zipfile.ZIP_DEFLATED if _shrinks(array, dtype) else zipfile.ZIP_STORED
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                for piece in _pieces(array):
                    member.write(piece.astype(dtype).tobytes())
            # One that is in a temporary file need not stay in memory either.
            release(array)


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array in pieces that follow one another in C order."""
    if array.ndim == 0 or array.nbytes <= _PIECE:
        yield array
        return
    count = _PIECE * len(array) // array.nbytes
    if count < 1:
        for part in array:
            yield from _pieces(part)
        return
    for start in range(0, len(array), count):
        yield array[start : start + count]


def _shrinks(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether pieces of an array are worth compressing as numbers of a type."""
    length = _SAMPLE // max(dtype.itemsize, 1)
    if array.size <= _SAMPLES * length:
        return True
    starts = np.linspace(0, array.size - length, _SAMPLES).astype(np.int64)
    pieces = b"".join(array.flat[start : start + length].astype(dtype).tobytes() for start in starts)
    return len(zlib.compress(pieces, 1)) < _WORTHWHILE * len(pieces)


@dataclass(frozen=True)
class Member:
    """What an array of an archive says of itself, checked against its size; ``start`` bytes stand before the data."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


@dataclass(frozen=True)
class Archive:
    """An open archive; `members` by name, none of them in memory yet."""

    path: Path
    what: str
    zip: zipfile.ZipFile
    members: Mapping[str, Member]

    def read(self, name: str) -> NDArray[Any]:
        """Return an array, in the machine's order of bytes.

        Raises
        ------
        InputError
            Where there is none of that name, or its content is damaged.
        """
        member = self.needed(name)
        array = np.empty(member.shape[::-1] if member.fortran else member.shape, member.dtype)
        try:
            with self.zip.open(f"{name}.npy") as stream:
                stream.read(member.start)
                if array.size:
                    view, at = array.reshape(-1).view(np.uint8), 0
                    while at < view.size:
                        piece = np.frombuffer(stream.read(min(_PIECE, view.size - at)), np.uint8)
                        if not piece.size:
                            raise EOFError("it ends early")
                        view[at : at + piece.size] = piece
                        at += piece.size
                if stream.read(1):
                    raise EOFError("it is longer than its header says")
        except Exception as error:  # a damaged archive raises whatever its parser ran into
            raise self.unusable(f"{_words(error)}", name) from error
        array = array.T if member.fortran else array
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def needed(self, name: str) -> Member:
        """Return a member that must be there."""
        if name not in self.members:
            raise self.unusable("no such array; there are " + (", ".join(self.members)[:200] or "none"), name)
        return self.members[name]

    def unusable(self, found: str, name: str = "", expected: str = "") -> InputError:
        """Return the error for an archive that is not what it should be."""
        return _unusable(self.path, self.what, found, name, expected)


@contextmanager
def open_npz(path: str | Path, what: str = "no .npz of a restored map") -> Iterator[Archive]:
    """Open an archive of arrays and look at all headers; ``what`` the file is not, for messages.

    Raises
    ------
    InputError
        Where it is no such archive, holds other than numbers and text, or a header promises other than its member has
        or the file can hold.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("the file does not exist", file=file, advice="check the path and the spelling")
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # zipfile raises whatever its parser ran into
        with file.open("rb") as stream:
            kind = what_it_is(stream.read(64))
        raise _unusable(file, what, _words(error) if "zip" in kind else kind) from error
    with archive:
        found = Archive(file, what, archive, {})
        entries = archive.infolist()
        total, most = sum(entry.file_size for entry in entries), _FREE + _RATIO * file.stat().st_size
        if len(entries) > _MOST_MEMBERS or len({entry.filename for entry in entries}) < len(entries):
            raise found.unusable(f"{len(entries):,} members, or two of one name")
        if total > most and total > _FREE:
            raise found.unusable(f"{total:,} bytes, unpacked, in {file.stat().st_size:,}", expected=f"at most {most:,}")
        members = {}
        for entry in entries:
            if entry.filename.endswith(".npy"):
                name = entry.filename.removesuffix(".npy")
                try:
                    members[name] = _member(archive, entry)
                except Exception as error:  # likewise
                    raise found.unusable(_words(error), name[:80]) from error
        yield Archive(file, what, archive, members)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("a compression that NumPy does not write")
    with archive.open(entry) as stream:
        mark = stream.read(8)
        if len(mark) < 8 or mark[:6] != b"\x93NUMPY" or mark[6] not in (1, 2, 3):
            raise ValueError("no array of numbers")
        width = 2 if mark[6] == 1 else 4
        length = int.from_bytes(stream.read(width), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"a header of {length:,} bytes")
        header = ast.literal_eval(stream.read(length).decode("utf-8" if mark[6] == 3 else "latin1").strip())
    start = 8 + width + length
    descr, shape, fortran = header["descr"], header["shape"], header["fortran_order"]
    if not isinstance(descr, str) or not _TYPE.fullmatch(descr) or not isinstance(fortran, bool):
        raise ValueError("other than numbers or text")
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a shape that cannot be")
    dtype, count = np.dtype(descr), 1
    for n in shape:
        count *= n
    if start + count * dtype.itemsize != entry.file_size:
        raise ValueError(f"{count:,} values promised, {entry.file_size - start:,} bytes there")
    return Member(dtype, shape, fortran, start)


def _words(error: Exception) -> str:
    """Return what is wrong, in words for who has the file."""
    if isinstance(error, (zipfile.BadZipFile, zlib.error)):
        return "a damaged archive (zip)"
    if isinstance(error, (EOFError, ValueError)) and not isinstance(error, UnicodeError):
        return str(error)[:200] or "a damaged header"
    return "a header that cannot be read"


def _unusable(file: Path, what: str, found: str, name: str = "", expected: str = "") -> InputError:
    return InputError(
        f"this is {what}",
        file=file,
        place=f"array {name}" if name else None,
        found=found,
        expected=expected or "the file that `grainlight enhance` writes beside its map",
        advice="copy the file again, or repeat the restoration",
    )
