"""NumPy archives, compressed as fast as the format allows."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_SAMPLES, _SAMPLE = 8, 1 << 14  # pieces of so many bytes
_WORTHWHILE = 0.85


def write_npz(stream: IO[bytes], arrays: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Write arrays by name, for `numpy.load`, one after the other: an iterator need not hold them all.

    Noise does not compress: the slower levels of `numpy.savez_compressed` take three times as long for a few per cent,
    and what hardly shrinks at all is stored as it is.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in arrays.items() if isinstance(arrays, Mapping) else arrays:
            array: np.ndarray[Any, Any] = np.asarray(values)
            archive.compression = zipfile.ZIP_DEFLATED if _shrinks(array) else zipfile.ZIP_STORED
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _shrinks(array: NDArray[Any]) -> bool:
    """Whether pieces of an array are worth compressing."""
    flat = array.reshape(-1)
    length = _SAMPLE // max(array.itemsize, 1)
    if flat.size <= _SAMPLES * length:
        return True
    starts = np.linspace(0, flat.size - length, _SAMPLES).astype(np.int64)
    pieces = b"".join(flat[start : start + length].tobytes() for start in starts)
    return len(zlib.compress(pieces, 1)) < _WORTHWHILE * len(pieces)
