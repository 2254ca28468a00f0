"""Put scan points on a grid by their positions, never by their order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError

Array = NDArray[np.float64]
Index = NDArray[np.int64]

LARGEST_COORDINATE = 1e9
"""um; a kilometre. Beyond it a coordinate is a mistake."""

_NEAR = 0.25  # of a step: how far a point may stand from its place on the grid
_UPRIGHT, _TURNED = 3.0**0.5 / 2.0, 3.0**0.5 / 6.0  # dy over dx where rows of regular hexagons are shifted, and columns
_REGULAR = 0.1  # how far from these the ratio of a grid may be
_SPARSEST = 20  # cells of the grid per point, beyond which the file cannot be what it says
# unless its points are scattered, as those of a list of places are: cells per point, share of rows and columns with any
_SCATTERED, _OCCUPIED = 1000, 0.5


@dataclass(frozen=True)
class Raster:
    """Where each of n points goes.

    ``row``, ``col`` (n,); ``step`` (dx, dy) um; ``origin`` (x, y) um of cell [0, 0]; ``shift`` um by which rows 1,
    3, 5, ... stand to the right of rows 0, 2, 4, ... (negative: to the left).
    """

    row: Index
    col: Index
    shape: tuple[int, int]
    step: tuple[float, float]
    origin: tuple[float, float]
    grid: Literal["square", "hexagonal"]
    shift: float
    notes: tuple[str, ...]

    def coordinates(self) -> tuple[Array, Array]:
        """Return x and y (rows, cols) in um from cell [0, 0]; read only, views that repeat one row or one column."""
        rows, cols = np.arange(self.shape[0]), np.arange(self.shape[1])
        x = cols[None, :] * self.step[0]
        if self.shift:
            x = x + (rows[:, None] % 2) * self.shift
        y = rows[:, None] * self.step[1]
        return np.broadcast_to(x, self.shape), np.broadcast_to(y, self.shape)

    def is_full(self) -> bool:
        """Whether every place has a point, but for the last of the shorter rows of a hexagonal grid."""
        rows, cols = self.shape
        shorter = (rows + 1) // 2 if self.grid == "hexagonal" else 0
        return len(np.unique(self.row * cols + self.col)) >= rows * cols - shorter


def promised_points(rows: int, odd: int, even: int) -> int:
    """Return how many points a header promises: rows 1, 3, 5, ... have ``odd`` points, rows 2, 4, 6, ... ``even``."""
    return (rows + 1) // 2 * odd + rows // 2 * even


def check_promise(promised: int, points: int, file: Path, place: str) -> None:
    """Refuse a header that promises absurdly more points than there are.

    Raises
    ------
    InputError
        Where fewer than one in twenty promised points is there.
    """
    if promised > _SPARSEST * max(points, 1):
        raise InputError(
            "the header promises far more points than the file has",
            file=file,
            place=place,
            found=f"{points:,} points",
            expected=f"{promised:,} points",
            advice="if the file is a crop with the header of the whole map, correct the numbers of rows and columns in "
            "the header; otherwise export it again: it is truncated",
        )


def rasterise(
    x: Array,
    y: Array,
    *,
    step: tuple[float | None, float | None],
    grid: Literal["square", "hexagonal"] | None,
    file: Path,
) -> Raster:
    """Find the grid that n points stand on.

    Parameters
    ----------
    x, y
        (n,) um, x right, y down, in any order.
    step
        (dx, dy) um of the header, None where it does not say; checked against the points.
    grid
        What the header says; None where it says nothing.
    file
        For messages.

    Returns
    -------
    The grid whose cell [0, 0] is the corner of the points' bounding box.

    Raises
    ------
    InputError
        Where the points stand on no grid, on a square one under a hexagonal header, or too far apart.
    """
    for name, values in (("x", x), ("y", y)):
        if np.abs(values).max() > LARGEST_COORDINATE:
            raise InputError(
                f"a scan point is absurdly far away in {name}",
                file=file,
                found=f"{name} = {values[np.abs(values).argmax()]:g}",
                expected=f"micrometres, at most {LARGEST_COORDINATE:g}",
            )
    notes: list[str] = []
    dy, row, note = _rows(y, step[1], file)
    notes += note
    dx, col, first, second, note = _columns(x, row, step[0], dy, file)
    notes += note
    if first == second and _is_checkered(row, col, dx, dy):
        # every second place is empty: a hexagonal grid, whose rows are twice as wide
        first, second = (0.0, 0.5) if (row[0] + col[0]) % 2 == 0 else (0.5, 0.0)
        dx, col = 2.0 * dx, col // 2
    found: Literal["square", "hexagonal"] = "hexagonal" if first != second else "square"
    if found == "hexagonal" and is_turned((dx, dy)):
        notes = ["The hexagonal grid is turned by 90 degrees: every second column is shifted by half a step."]
    several_rows = row.max() > 0
    if grid == "hexagonal" and found == "square" and several_rows:
        raise InputError(
            "the header says hexagonal grid, but the points stand on a square one",
            file=file,
            found="rows straight above one another",
            expected="every second row shifted by half a step",
            advice="correct GRID in the header to SqrGrid, or export the file again",
        )
    if grid == "square" and found == "hexagonal":
        notes.append("The header says square grid, but every second row is shifted by half a step: read as hexagonal.")
    shape = (int(row.max()) + 1, int(col.max()) + 1)
    cells = shape[0] * shape[1]
    if cells > _SPARSEST * x.size + 1000 and not (cells <= _SCATTERED * x.size and _is_scattered(row, col)):
        raise InputError(
            "the scan points are too far apart for one map",
            file=file,
            found=f"{x.size:,} points on {shape[0]:,} x {shape[1]:,} steps of {dx:g} x {dy:g} um",
            expected=f"at least one point in {_SPARSEST} cells, or points scattered over most rows and columns",
            advice="check XSTEP and YSTEP and the x and y columns",
        )
    origin = (float(x.min()) + first * dx, float(y.min()))
    return Raster(row, col, shape, (dx, dy), origin, found, (second - first) * dx, tuple(notes))


def _is_scattered(row: Index, col: Index) -> bool:
    """Whether points (n,) stand in most rows and columns: a step that is too small leaves most of them empty, and so
    does a point far away."""
    return all(len(np.unique(at)) >= _OCCUPIED * (int(at.max()) + 1) for at in (row, col))


def is_turned(step: tuple[float, float]) -> bool:
    """Whether a hexagonal grid of steps (dx, dy) is one whose columns are shifted, and not its rows.

    The points of either stand on rows shifted by dx / 2, dy apart. Where rows are shifted, dy is .87 dx and a point's
    nearest neighbours are in its row; where columns are, dy is .29 dx and they are two rows above and below.
    """
    return abs(step[1] / step[0] / _TURNED - 1.0) < _REGULAR


def point_steps(step: tuple[float, float], grid: Literal["square", "hexagonal"]) -> tuple[float, float]:
    """Return the sides (x, y) um of the rectangle that stands for a point: on a turned grid dx / 2 and 2 dy."""
    return (step[0] / 2.0, step[1] * 2.0) if grid == "hexagonal" and is_turned(step) else step


def _is_checkered(row: Index, col: Index, dx: float, dy: float) -> bool:
    """Whether the places (n,) on a square grid are those of one colour of a chessboard, and make regular hexagons."""
    if row.max() < 2 or col.max() < 2 or ((row + col) % 2 != (row[0] + col[0]) % 2).any():
        return False
    ratio = dy / (2.0 * dx)
    return min(abs(ratio / _UPRIGHT - 1.0), abs(ratio / _TURNED - 1.0)) < _REGULAR


def _whole(values: Array, low: float, step: float) -> tuple[Index, float]:
    """Return the nearest whole numbers of steps and the largest distance from them in steps."""
    steps = (values - low) / step
    index = np.rint(steps)
    return index.astype(np.int64), float(np.abs(steps - index).max())


def _plausible(span: float, step: float | None) -> bool:
    return step is not None and np.isfinite(step) and step > 0 and span / step < 1e7


def _rows(y: Array, hint: float | None, file: Path) -> tuple[float, Index, list[str]]:
    low, span = float(y.min()), float(np.ptp(y))
    if span == 0.0:
        return (hint if _plausible(0.0, hint) and hint else 1.0), np.zeros(y.size, dtype=np.int64), []
    if _plausible(span, hint) and hint is not None:
        index, miss = _whole(y, low, hint)
        if miss < _NEAR and index.max() > 0:
            return _thin("YSTEP", hint, index)
    usual = _typical(np.diff(np.unique(y)))
    if usual is not None and _plausible(span, usual):
        dy = span / max(1, round(span / usual))
        index, miss = _whole(y, low, dy)
        if miss < _NEAR:
            return dy, index, _disagreement("YSTEP", hint, dy)
    raise _no_grid("y", hint, file)


def _columns(
    x: Array, row: Index, hint: float | None, dy: float, file: Path
) -> tuple[float, Index, float, float, list[str]]:
    """Return dx, columns, the offsets of even and odd rows in steps (0 or 0.5), notes."""
    low, span = float(x.min()), float(np.ptp(x))
    if span == 0.0:
        dx = hint if _plausible(0.0, hint) and hint else dy
        return dx, np.zeros(x.size, dtype=np.int64), 0.0, 0.0, []
    if _plausible(span, hint) and hint is not None:
        placed = _columns_at(x, row, low, hint)
        if placed is not None:
            col, first, second = placed
            if first == second:
                dx, col, notes = _thin("XSTEP", hint, col)
                return dx, col, first, second, notes
            return hint, col, first, second, []
    order = np.lexsort((x, row))
    in_row = np.diff(row[order]) == 0
    usual = _typical(np.diff(x[order])[in_row])
    if usual is not None and _plausible(span, usual):
        # the span is a whole number of half steps
        dx = span / (max(1, round(2.0 * span / usual)) / 2.0)
        placed = _columns_at(x, row, low, dx)
        if placed is not None:
            return dx, *placed, _disagreement("XSTEP", hint, dx)
    raise _no_grid("x", hint, file)


def _columns_at(x: Array, row: Index, low: float, dx: float) -> tuple[Index, float, float] | None:
    steps = (x - low) / dx
    odd_row = row % 2 == 1
    offset: list[float | None] = []
    for group in (~odd_row, odd_row):
        sample = steps[group]
        if sample.size == 0:
            offset.append(None)
            continue
        sample = sample[:: max(1, sample.size // 100_000)]
        mean = np.exp(2j * np.pi * sample).mean()
        # a phase near zero or a half; anything between fails the distance test below
        offset.append(0.0 if mean.real >= 0 else 0.5)
    first = offset[0] if offset[0] is not None else 0.0
    second = offset[1] if offset[1] is not None else first
    if first == second:
        first = second = 0.0
    steps -= np.where(odd_row, second, first)
    col = np.rint(steps)
    if np.abs(steps - col).max() >= _NEAR or col.min() < 0:
        return None
    return col.astype(np.int64), first, second


def _typical(gaps: Array) -> float | None:
    """Return the usual gap between neighbours, free of rounding in the file; None where there is none."""
    gaps = gaps[gaps > 0]
    if gaps.size == 0:
        return None
    # gaps far below the largest usual ones are jitter of the printed digits, not steps
    gaps = gaps[gaps > 0.05 * np.quantile(gaps, 0.9)]
    usual = np.median(gaps)
    near = gaps[np.abs(gaps - usual) <= 0.1 * usual]
    # the median of an even number of gaps may lie between two that are unlike
    return float(near.mean()) if near.size else None


def _thin(name: str, step: float, index: Index) -> tuple[float, Index, list[str]]:
    """Widen the step where only every n-th row or column of the header's grid holds points."""
    occupied = np.flatnonzero(np.bincount(index))
    stride = int(np.gcd.reduce(np.diff(occupied))) if occupied.size > 1 else 1
    if stride <= 1:
        return step, index, []
    note = f"{name} of the header is {step:g} um, but the points stand {step * stride:g} um apart: the points decide."
    return step * stride, index // stride, [note]


def _disagreement(name: str, hint: float | None, step: float) -> list[str]:
    if hint is None:
        return []
    return [f"{name} of the header is {hint:g} um, but the points stand {step:g} um apart: the points decide."]


def _no_grid(axis: str, hint: float | None, file: Path) -> InputError:
    return InputError(
        f"the scan points stand on no regular grid along {axis}",
        file=file,
        found="irregular distances" if hint is None else f"positions that are no multiples of the step {hint:g} um",
        expected="a square or hexagonal grid",
        advice=f"check the step size and the {axis} column, or export the map on a regular grid",
    )
