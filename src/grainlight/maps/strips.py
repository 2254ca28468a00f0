"""Rows of a map a few at a time: of what has the size of a large map no second copy need exist."""

from __future__ import annotations

POINTS = 1 << 16
"""Of a strip, where nothing else is wanted."""


def strips(shape: tuple[int, ...], points: int = POINTS, fewest: int = 1) -> list[slice]:
    """Return slices of rows, of about so many points each (``fewest`` rows at least), that cover a map (rows, cols)."""
    rows, columns = shape[:2]
    step = max(fewest, points // max(columns, 1))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def with_halo(strip: slice, halo: int, rows: int) -> tuple[slice, slice]:
    """Return a strip with so many rows more on either side, as far as there are, and where in it the strip lies."""
    first = max(0, strip.start - halo)
    return slice(first, min(strip.stop + halo, rows)), slice(strip.start - first, strip.stop - first)
