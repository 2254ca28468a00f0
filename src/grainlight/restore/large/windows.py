"""Windows of a large map: restored one after the other, so that memory does not grow with the map."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

# Inner side of a window, and what is restored around it and thrown away: what lies farther off changes an answer by
# less than its own noise (`tests/restore/large/test_windows.py`).
SIDE, HALO = 624, 48
# A map of so many pixels is restored at once.
AT_ONCE = 1_100_000
# Windows begin where the network's pixels of every resolution and the EBSD grids of all scales begin.
_MULTIPLE = 48


@dataclass(frozen=True)
class Window:
    """A window of a map: ``outer`` rows and columns that are restored, ``inner`` ones that are kept."""

    outer: tuple[slice, slice]
    inner: tuple[slice, slice]

    @property
    def kept(self) -> tuple[slice, slice]:
        """The inner rows and columns as they are counted inside the window."""
        rows, columns = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns

    @property
    def pixels(self) -> int:
        """How many pixels are kept."""
        rows, columns = self.inner
        return (rows.stop - rows.start) * (columns.stop - columns.start)


def whole(rows: int, columns: int) -> Window:
    """Return the window of all pixels."""
    all_of_it = slice(0, rows), slice(0, columns)
    return Window(all_of_it, all_of_it)


def windows(rows: int, columns: int, side: int = SIDE, halo: int = HALO, at_once: int = AT_ONCE) -> list[Window]:
    """Cut a map into windows of about equal size, of ``side`` pixels inside at most; a small map is one window."""
    if rows * columns <= at_once:
        return [whole(rows, columns)]
    return [
        Window((_grown(r, halo, rows), _grown(c, halo, columns)), (r, c))
        for r in _spans(rows, side)
        for c in _spans(columns, side)
    ]


def _spans(size: int, side: int) -> list[slice]:
    count = math.ceil(size / side)
    each = math.ceil(size / count / _MULTIPLE) * _MULTIPLE
    edges = [*range(0, size, each), size]
    return [slice(*span) for span in itertools.pairwise(edges)]


def _grown(span: slice, halo: int, size: int) -> slice:
    return slice(max(0, span.start - halo), min(size, span.stop + halo))
