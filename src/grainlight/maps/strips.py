"""Rows of a map a few at a time: of what has the size of a large map no second copy need exist."""

from __future__ import annotations

POINTS = 1 << 16
"""Of a strip, where nothing else is wanted."""


def strips(shape: tuple[int, ...], points: int = POINTS) -> list[slice]:
    """Return slices of rows, of about so many points each (one row at least), that cover a map (rows, cols)."""
    rows, columns = shape[:2]
    step = max(1, points // max(columns, 1))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
