"""Write tables of numbers as text, a hundred thousand rows at a time and without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROWS = 100_000
_LARGEST = 2**53  # whole numbers beyond are not exact in float64


def write_rows(
    stream: BinaryIO,
    columns: Sequence[ArrayLike],
    decimals: Sequence[int],
    *,
    separator: str = "  ",
    aligned: bool = True,
    end: str = "\n",
) -> None:
    """Write columns (n,) of finite numbers with fixed decimals.

    Parameters
    ----------
    stream
        Open for writing bytes.
    columns, decimals
        The numbers and how many digits after the point each column gets (0: no point).
    separator, end
        Between columns; after rows.
    aligned
        Pad every column to one width.

    Raises
    ------
    ValueError
        For NaN, infinity or numbers too large for their decimals.
    """
    arrays = [np.asarray(column).ravel() for column in columns]
    widths = [_width(array, places) for array, places in zip(arrays, decimals, strict=True)]
    length = arrays[0].size
    for start in range(0, length, _ROWS):
        parts: list[NDArray[np.uint8]] = []
        count = min(_ROWS, length - start)
        for i, (array, places, width) in enumerate(zip(arrays, decimals, widths, strict=True)):
            if i:
                parts.append(_constant(separator, count))
            parts.append(_digits(array[start : start + count], places, width))
        parts.append(_constant(end, count))
        block = np.concatenate(parts, axis=1)
        if aligned:
            block[block == 0] = ord(" ")
            stream.write(block.tobytes())
        else:
            stream.write(block[block != 0].tobytes())


def _constant(text: str, rows: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text.encode(), dtype=np.uint8), (rows, len(text)))


def _scaled(array: NDArray, places: int) -> NDArray[np.int64]:
    return np.rint(array.astype(np.float64) * 10.0**places).astype(np.int64)


def _width(array: NDArray, places: int) -> int:
    if array.size == 0:
        return 1
    low, high = float(array.min()), float(array.max())
    largest = max(abs(low), abs(high))
    if not largest * 10.0**places < _LARGEST:
        raise ValueError(f"cannot write numbers up to {largest:g} with {places} decimals")
    whole = len(str(int(np.rint(largest * 10.0**places)) // 10**places))
    return whole + (places + 1 if places else 0) + (1 if low < 0 else 0)


def _digits(array: NDArray, places: int, width: int) -> NDArray[np.uint8]:
    """Return (rows, width) characters, 0 where a column is padded on the left."""
    value = _scaled(array, places)
    negative = value < 0
    value = np.abs(value)
    text = np.zeros((array.size, width), dtype=np.uint8)
    position = width - 1
    for place in range(places):
        value, digit = np.divmod(value, 10)
        text[:, position - place] = digit + ord("0")
    if places:
        position -= places
        text[:, position] = ord(".")
        position -= 1
    started = np.zeros(array.size, dtype=bool)
    first = True
    while position >= 0:
        value, digit = np.divmod(value, 10)
        more = np.ones(array.size, dtype=bool) if first else (digit > 0) | (value > 0)
        text[more, position] = digit[more] + ord("0")
        sign = negative & ~more & ~started
        text[sign, position] = ord("-")
        started |= sign
        first = False
        position -= 1
    return text
