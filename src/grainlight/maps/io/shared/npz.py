"""NumPy archives, compressed as fast as the format allows."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from grainlight.scratch import release

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
