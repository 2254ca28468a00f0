"""Read rows of decimal numbers that all have the same layout, many at once: what vendors' programs write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 8_192  # whose characters stay in the processor's cache
_MOST_DIGITS = 15  # of which every whole number is exact in float64
_ZERO, _MINUS, _POINT, _BLANKS = 48, 45, 46, (32, 9, 13)

Text = NDArray[np.uint8]


def read_fixed_width(text: bytes, columns: int) -> NDArray[np.float64] | None:
    """Return the numbers (rows, columns) of text, the same to the last bit as any exact reader.

    Every line must be as long as the first, and every column stand at the same place in it: aligned to the right, with
    blanks around, a point at one place or none, no exponents. None where that is not so.
    """
    length = text.find(b"\n") + 1
    if length < 2 or len(text) % length:
        return None
    lines = np.frombuffer(text, np.uint8).reshape(-1, length)
    # column by column in memory, as those want it who take one after the other
    found = np.empty((columns, len(lines)))
    for start in range(0, len(lines), _ROWS):
        characters = np.ascontiguousarray(lines[start : start + _ROWS].T)
        if not (characters[-1] == ord("\n")).all():
            return None
        fields = _fields(characters[:-1])
        if len(fields) != columns:
            return None
        for field, column in zip(fields, found, strict=True):
            values = _values(*field)
            if values is None:
                return None
            column[start : start + _ROWS] = values
    return found.T


def _fields(characters: Text) -> list[tuple[Text, Text, Text]]:
    """Return the runs of places, of characters (places, rows), that are not blank in every row.

    With them the least and the largest character of each place.
    """
    low, high = characters.min(1), characters.max(1)
    blank = (low == high) & np.isin(low, _BLANKS)
    edges = np.flatnonzero(np.diff(np.concatenate(([True], blank, [True])))).reshape(-1, 2)
    return [(characters[begin:end], low[begin:end], high[begin:end]) for begin, end in edges]


def _values(field: Text, low: Text, high: Text) -> NDArray[np.float64] | None:
    """Return the numbers (rows,) that characters (places, rows) are; None where they are no plain decimals."""
    points = np.flatnonzero((low == _POINT) & (high == _POINT))
    whole = int(points[0]) if points.size else len(field)
    decimals = len(field) - whole - points.size
    digits = (low >= _ZERO) & (high < _ZERO + 10)
    if not 0 < whole + decimals <= _MOST_DIGITS or points.size > 1 or not digits[-1] or not digits[whole - 1]:
        return None
    # Characters are added up as they are; what they are too large by is the same in every row.
    total: NDArray[Any] = np.zeros(field.shape[1], np.uint64 if whole + decimals > 9 else np.uint32)
    excess, modulus = 0, 1 << 8 * total.itemsize
    negative = np.zeros(field.shape[1], bool)
    padded = np.ones(field.shape[1], bool)
    for place, character in enumerate(field):
        if place == whole and points.size:
            continue
        total *= total.dtype.type(10)
        excess = excess * 10 % modulus
        if digits[place]:
            total += character
            excess += _ZERO
            padded[:] = False
            continue
        # blanks, a sign at most, digits
        digit = character - np.uint8(_ZERO)
        minus, is_digit = character == _MINUS, digit < 10
        blank = np.isin(character, _BLANKS) & ~negative
        if place > whole or not (is_digit | (padded & (blank | (minus & ~negative)))).all():
            return None
        negative |= minus
        padded &= ~is_digit
        total += digit * is_digit
    total -= total.dtype.type(excess % modulus)
    values: NDArray[np.float64] = total / 10.0**decimals
    return np.where(negative, -values, values) if negative.any() else values
