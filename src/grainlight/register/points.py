"""Pairs of points that a user has found on the map and on the images."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError, in_words
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform

Array = NDArray[np.float64]

_EXPECTED = "ebsd_column,ebsd_row,image_column,image_row"
_ORDER = (("map", "column"), ("map", "row"), ("image", "column"), ("image", "row"))
_WHOSE = {
    "map": {"ebsd", "map", "scan", "orientation", "sem"},
    "image": {"image", "img", "light", "pl", "plm", "optical", "micrograph", "photo", "picture", "lom"},
}
_AXIS = {"column": {"column", "columns", "col", "x", "j"}, "row": {"row", "rows", "y", "i", "line"}}
_LENGTHS = {"um", "micron", "microns", "micrometre", "micrometer", "mm", "nm"}


def load_points(path: str | Path) -> tuple[Array, Array]:
    """Read a CSV of pairs: column and row of the EBSD map, then column and row of the image as recorded.

    Titles that name another order are followed. Cells are separated by commas, or by semicolons or tabs, beside which
    a comma is that of a decimal number.

    Returns
    -------
    Two arrays (N, 2) as (column, row), from 0.

    Raises
    ------
    InputError
        With the line, where it is no four numbers; if there is no pair; for titles that name some of the four columns
        only, or other units than pixels.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the points cannot be read", file=path, found=in_words(error, "no table")) from error
    pairs: list[list[float]] = []
    places: list[int] | None = None
    for number, line in enumerate(lines, 1):
        cells = _cells(line)
        if not any(cells) or line.lstrip().startswith("#"):
            continue
        if not pairs and places is None and not any(_is_number(cell) for cell in cells):
            places = _places(cells, path, number)
            continue
        chosen = cells if places is None or len(cells) <= max(places) else [cells[place] for place in places]
        if len(chosen) != 4 or not all(_is_number(cell) for cell in chosen):
            raise InputError(
                "a line of the points is no pair",
                file=path,
                place=f"line {number}",
                found=repr(line[:80]),
                expected=_EXPECTED,
            )
        pairs.append([float(cell) for cell in chosen])
    if not pairs:
        raise InputError("the file has no points", file=path, expected=_EXPECTED)
    table = np.array(pairs)
    return table[:, :2], table[:, 2:]


def _cells(line: str) -> list[str]:
    """Return the cells of a line; commas of decimal numbers become points."""
    separator = next((one for one in ";\t" if one in line), ",")
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    if separator == ",":
        return cells
    return [cell.replace(",", ".") if _is_number(cell.replace(",", ".")) else cell for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _places(titles: list[str], path: Path, number: int) -> list[int]:
    """Return where column and row of the map, column and row of the image stand, in this order; titles without a
    word on map and image name the map first."""
    named: list[tuple[str, str]] = []
    for title in titles:
        words = [word for word in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title).lower()) if word]
        whose = next((kind for kind, names in _WHOSE.items() if names & set(words)), "")
        axis = next((kind for kind, names in _AXIS.items() if names & set(words)), "")
        if whose and axis and _LENGTHS & set(words):
            raise InputError(
                "the points are not in pixels",
                file=path,
                place=f"line {number}",
                found=title,
                expected="columns and rows, from 0",
            )
        named.append((whose, axis))
    axes = [axis for _, axis in named]
    bare = all(
        not whose and len(re.findall("[a-z]+", title.lower())) == 1
        for title, (whose, _) in zip(titles, named, strict=True)
    )
    if bare and axes in (["row", "column"] * 2, ["column", "row"] * 2):
        return [axes.index(axis) + shift for shift in (0, 2) for axis in ("column", "row")]
    if any(named.count(wanted) != 1 for wanted in _ORDER):
        raise InputError(
            "the titles of the points do not name the four columns",
            file=path,
            place=f"line {number}",
            found=",".join(titles)[:80],
            expected=_EXPECTED + ", in any order",
        )
    return [named.index(wanted) for wanted in _ORDER]


def map_positions(ebsd: OrientationMap, points: Array) -> Array:
    """Return the positions (N, 2) in um of (column, row) on the map."""
    return points * np.array(ebsd.step)


def from_pairs(positions: Array, pixels: Array, stated: Transform) -> Transform:
    """Return the transform that pairs of positions [um] and image pixels say, with what is stated where they are few.

    One pair shifts, two turn and scale too (mirrored or not as stated), three and more are fitted by an affine map.

    Raises
    ------
    InputError
        If the points lie on one spot or one line.
    """
    if len(positions) == 1:
        return stated.replaced(offset=stated.offset + (pixels - stated(positions))[0])
    if len(positions) == 2:
        p, q = np.diff(positions, axis=0)[0], np.diff(pixels, axis=0)[0]
        flip = np.diag([-1.0, 1.0]) if stated.mirrored else np.eye(2)
        p = flip @ p
        square = float(p @ p)
        if square < 1e-12:
            raise _degenerate()
        c, s = float(p @ q) / square, float(p[0] * q[1] - p[1] * q[0]) / square
        matrix = np.array([[c, -s], [s, c]]) @ flip
        return Transform(matrix, pixels.mean(0) - matrix @ positions.mean(0), stated.extent)
    middle = positions.mean(0)
    spread = np.linalg.svd(positions - middle, compute_uv=False)
    if spread[1] < 0.02 * spread[0]:
        raise _degenerate()
    columns = np.concatenate((positions - middle, np.ones((len(positions), 1))), 1)
    solution = np.linalg.lstsq(columns, pixels, rcond=None)[0]
    matrix = solution[:2].T
    return Transform(matrix, solution[2] - matrix @ middle, stated.extent)


def _degenerate() -> InputError:
    return InputError("the points lie on one line", expected="points that are spread over the map")
