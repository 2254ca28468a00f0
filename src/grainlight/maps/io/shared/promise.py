"""What a header promises of the grid, held against the places of the points: a crop, exchanged axes, a part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.maps.raster import Raster, check_promise, promised_points

_LARGEST_MAP = 10**9  # points, beyond any scan
_MOST = 0.5  # share of the steps from point to point that tell how they follow one another


@dataclass(frozen=True)
class Promise:
    """Rows, and points in rows 1, 3, 5, ... (``odd``) and 2, 4, 6, ... (``even``), as a header states them.

    ``place`` names where they stand, for messages. A count below 1 is one that the header does not tell.
    """

    rows: int
    odd: int
    even: int
    place: str

    @classmethod
    def square(cls, rows: int | None, columns: int | None, place: str) -> Promise:
        """Return the promise of a grid whose rows all have as many points."""
        return cls(rows or 0, columns or 0, columns or 0, place)

    @property
    def points(self) -> int:
        """How many points are promised; 0 where the header does not tell."""
        known = min(self.rows, self.odd) >= 1 and self.even >= 0
        return promised_points(self.rows, self.odd, self.even) if known else 0


def compare(promise: Promise, raster: Raster, file: Path) -> list[str]:
    """Return what is to be said of a header and its points; the points decide in every case.

    A full grid with fewer rows and fewer columns is a crop under the header of the whole map. Rows and columns that
    are the header's turned over, or points that run along y where no counts tell that they should, may be ones whose x
    and y were exchanged.

    Raises
    ------
    InputError
        Where far fewer points are there than promised, and no crop.
    """
    rows, cols = raster.shape
    told = _counts(promise, raster, file)
    as_stated = rows != cols and rows == promise.rows and cols in (promise.odd, promise.even)
    exchanged = rows != cols and (rows, cols) == (promise.odd, promise.rows)
    return told if as_stated or exchanged or min(rows, cols) < 2 or not _runs_along_y(raster) else [*told, _ALONG_Y]


def _counts(promise: Promise, raster: Raster, file: Path) -> list[str]:
    """Return what is to be said of the counts of a header."""
    points, promised = raster.row.size, promise.points
    rows, cols = raster.shape
    stated = f"the header states {promise.rows:,} x {max(promise.odd, promise.even):,}"
    # Files with hexagonal grids count the points of the longer rows, or all places, each vendor in its own way.
    if promised == points or (raster.grid == "hexagonal" and promised == rows * cols):
        return _exchanged(promise, raster, stated)
    if not promised:
        return []
    note = f"The header promises {promised:,} points, the file has {points:,}"
    # A part of one row is what is left of a file that was cut off.
    smaller = 1 < rows < promise.rows and cols < max(promise.odd, promise.even)
    if smaller and promised <= _LARGEST_MAP and raster.is_full():
        return [f"{note} that fill {rows} x {cols} places: read as a crop with the header of the whole map."]
    check_promise(promised, points, file, promise.place)
    if cols in (promise.odd, promise.even) and rows <= promise.rows and points < promised:
        return [f"{note}."]
    return [f"{note}, on {rows:,} rows x {cols:,} columns, {stated}: the points decide."]


def _exchanged(promise: Promise, raster: Raster, stated: str) -> list[str]:
    rows, cols = raster.shape
    if (rows, cols) in ((promise.rows, promise.odd), (promise.rows, promise.even)):
        return []
    if (rows, cols) == (promise.odd, promise.rows):
        return [
            f"The points make {rows:,} rows and {cols:,} columns, the header states {cols:,} and {rows:,}: the columns "
            "of x and y may be exchanged, which mirrors the map. The points decide."
        ]
    if raster.grid == "hexagonal":
        return []
    return [f"The points stand on {rows:,} rows x {cols:,} columns, {stated}: the points decide."]


_ALONG_Y = (
    "The points follow one another along y and not along x: written column by column, or the columns of x and y are "
    "exchanged, which mirrors the map. They were read as they stand."
)


def _runs_along_y(raster: Raster) -> bool:
    # where columns of a hexagonal grid are shifted, the next point of one stands two rows below
    down = np.abs(np.diff(raster.row))
    along = (down >= 1) & (down <= 2) & (np.diff(raster.col) == 0)
    return bool(np.count_nonzero(along) > _MOST * max(along.size, 1))
