"""Pairs of points that a user has found on the map and on the images."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform

Array = NDArray[np.float64]


def load_points(path: str | Path) -> tuple[Array, Array]:
    """Read a CSV of pairs: column and row of the EBSD map, then column and row of the image as recorded.

    Returns
    -------
    Two arrays (N, 2) as (column, row), from 0.

    Raises
    ------
    InputError
        With the line, where it is no four numbers; if there is no pair.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the points cannot be read", file=path, found=str(error)) from error
    pairs: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        cells = next(csv.reader([line.replace(";", ",").replace("\t", ",")]), [])
        if not any(cell.strip() for cell in cells) or line.lstrip().startswith("#"):
            continue
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            if not pairs and not any(cell.strip()[:1].isdigit() for cell in cells):
                continue  # titles
            values = []
        if len(values) != 4 or not np.isfinite(values).all():
            raise InputError(
                "a line of the points is no pair",
                file=path,
                place=f"line {number}",
                found=repr(line[:80]),
                expected="ebsd_column,ebsd_row,image_column,image_row",
            )
        pairs.append(values)
    if not pairs:
        raise InputError("the file has no points", file=path, expected="ebsd_column,ebsd_row,image_column,image_row")
    table = np.array(pairs)
    return table[:, :2], table[:, 2:]


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
