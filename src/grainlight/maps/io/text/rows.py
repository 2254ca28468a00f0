"""Write tables of numbers as text, a few thousand rows at a time and without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROWS = 8_192  # whose text stays in the processor's cache
_LARGEST = 2**53  # whole numbers beyond are not exact in float64
_GROUP = 4  # digits that are looked up together
_UNITS = {4: np.uint32, 2: np.uint16, 1: np.uint8}

Bounds = tuple[float, float]
Text = NDArray[np.uint8]


def bounds(column: ArrayLike) -> Bounds:
    """Return the least and the largest of some numbers, 0 and 0 where there are none."""
    array = np.asarray(column)
    return (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)


def joined(sides: Iterable[Bounds]) -> Bounds:
    """Return the `bounds` of all of several pieces; NaN where those of a piece are."""
    low, high = np.array(list(sides)).T
    return float(low.min()), float(high.max())


def write_rows(
    stream: BinaryIO,
    columns: Sequence[ArrayLike],
    decimals: Sequence[int],
    *,
    limits: Sequence[Bounds] | None = None,
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
    limits
        Of every column, `bounds` that hold for the whole file, where it is written in several pieces.
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
    sides = [bounds(array) for array in arrays] if limits is None else limits
    widths = [_width(low, high, places) for (low, high), places in zip(sides, decimals, strict=True)]
    starts = np.cumsum([0, *(width + len(separator) for width in widths)])[:-1]
    length = arrays[0].size
    # the characters between the columns are the same in every row
    pad = b" " if aligned else b"\0"
    row = b"".join(pad * width + separator.encode() for width in widths)[: -len(separator) or None] + end.encode()
    blank = np.tile(np.frombuffer(row, dtype=np.uint8), (min(_ROWS, length), 1))
    for start in range(0, length, _ROWS):
        block = blank[: min(_ROWS, length - start)].copy()
        for array, places, width, at, (low, high) in zip(arrays, decimals, widths, starts, sides, strict=True):
            part = array[start : start + _ROWS]
            if low < 0 or max(abs(low), abs(high)) * 10.0**places >= 2**31 - 1 or width - places > _GROUP + 1:
                block[:, at : at + width] = _digits(part, places, width, pad[0])
            else:
                _put(block, int(at), part, places, width, pad[0])
        stream.write((block if aligned else block[block != 0]).data)


def _scaled(array: NDArray[Any], places: int) -> NDArray[np.float64]:
    scaled = np.multiply(array, 10.0**places, dtype=np.float64)
    return np.rint(scaled, out=scaled)


def _width(low: float, high: float, places: int) -> int:
    largest = max(abs(low), abs(high))
    if not largest * 10.0**places < _LARGEST:
        raise ValueError(f"cannot write numbers up to {largest:g} with {places} decimals")
    whole = len(str(int(np.rint(largest * 10.0**places)) // 10**places))
    return whole + (places + 1 if places else 0) + (1 if low < 0 else 0)


def _put(block: Text, at: int, array: NDArray[Any], places: int, width: int, pad: int) -> None:
    """Write numbers from 0 into the columns from ``at`` of a block of text; ``pad`` on the left."""
    # unsigned whole numbers of 32 bits are divided many at once
    value = _scaled(array, places).astype(np.int32).view(np.uint32)
    position = at + width
    left = places
    while left:
        count = min(left, _GROUP)
        rest = value // np.uint32(10**count)
        position -= count
        _look_up(block, position, value - rest * np.uint32(10**count), count)
        value, left = rest, left - count
    if places:
        position -= 1
        block[:, position] = ord(".")
    _look_up(block, at, value, position - at, pad)


def _look_up(block: Text, at: int, value: NDArray[np.uint32], count: int, pad: int | None = None) -> None:
    for shift, table in _tables(count, pad):
        # a view of the characters as one number a row, wherever they stand
        place = np.ndarray(len(block), table.dtype, block, at + shift, (block.strides[0],))
        place[:] = table[value]


@cache
def _tables(count: int, pad: int | None) -> tuple[tuple[int, NDArray[Any]], ...]:
    """Return the last ``count`` digits of 0, 1, ... as characters, in pieces of 4, 2 or 1 with their places.

    ``pad``: the character in place of leading zeros; None where they stay.
    """
    number = np.arange(10**count)
    text = np.stack([number // 10**k % 10 for k in range(count - 1, -1, -1)], 1).astype(np.uint8) + np.uint8(ord("0"))
    if pad is not None:
        for k in range(count - 1):
            text[: 10 ** (count - 1 - k), k] = pad
    pieces: list[tuple[int, NDArray[Any]]] = []
    at = 0
    for size, unit in _UNITS.items():
        while count - at >= size:
            pieces.append((at, np.ascontiguousarray(text[:, at : at + size]).view(unit)[:, 0]))
            at += size
    return tuple(pieces)


def _digits(array: NDArray[Any], places: int, width: int, pad: int) -> Text:
    """Return (rows, width) characters of any numbers, ``pad`` on the left."""
    value = _scaled(array, places).astype(np.int64)
    negative = value < 0
    value = np.abs(value)
    text = np.full((array.size, width), pad, dtype=np.uint8)
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
