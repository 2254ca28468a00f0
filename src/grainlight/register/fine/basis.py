"""Freedoms of a registration: which displacements are possible, and how likely they are beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.register.transform import Transform, spline_basis

Array = NDArray[np.float64]
Freedom = Literal["translation", "rigid", "affine", "deformable"]
LADDER: tuple[Freedom, ...] = ("translation", "affine", "deformable")
# Second differences of spline coefficients, in EBSD steps: drift may change quickly, the bend of the section is smooth.
_DRIFT = 0.1
_BEND = 0.04
_WALK = 0.05  # and their first differences where drift is a random walk
_ANY = 4.0  # EBSD steps that a coefficient may be off at all
_LEAST_CELL = 6.0  # EBSD steps per cell of the splines
_DRIFT_CELL = 2.0
_USUAL_DRIFT = 13  # cells at most that the deviations of drift are stated for, of `_LEAST_CELL` at least
_MOST_DRIFT, _MOST_BEND = 32, 8
_RUN = 2_000  # points


@dataclass(frozen=True, eq=False)
class Basis:
    """Displacements that are linear in parameters.

    Parameters
    ----------
    columns
        (P, n) values of the n shapes at the points, single precision; each moves columns and rows on its own.
    prior
        (n, n) precision of the coefficients [1 / pixel^2].
    tie
        (2 n, m): how m parameters set the 2 n coefficients (first those of columns, then those of rows).
    drift, bend
        Numbers of coefficients: K and (J, I).
    """

    columns: NDArray[np.float32]
    prior: Array
    tie: Array
    drift: int
    bend: tuple[int, int]

    @cached_property
    def pieces(self) -> list[tuple[slice, NDArray[np.int64], NDArray[np.float32]]]:
        """Runs of points, which shapes are not zero there, and the shapes' values.

        Points come row by row and splines are short: each of many points has few of them.
        """
        found = []
        for start in range(0, len(self.columns), _RUN):
            run = slice(start, start + _RUN)
            which = np.flatnonzero(self.columns[run].any(0))
            found.append((run, which, self.columns[run, which]))
        return found

    def at(self, which: slice | NDArray[np.int64]) -> Basis:
        """Return the shapes at some of the points only; the prior weighs as much against them."""
        columns = self.columns[which]
        share = len(columns) / max(len(self.columns), 1)
        return replace(self, columns=columns, prior=self.prior * share)


def make_basis(
    points: Array,
    start: Transform,
    freedom: Freedom,
    step: float,
    stiff: float = 1.0,
    drift: tuple[float, float] = (1.0, 0.0),
) -> Basis:
    """Return the shapes of a freedom at points (P, 2) [um].

    Parameters
    ----------
    step
        EBSD step [um].
    stiff
        Factor of the standard deviations' inverse for drift and bend.
    drift
        Factors of the standard deviations of drift that is smooth, and of drift that is a random walk.
    """
    x0, y0, x1, y1 = start.extent
    half = max(x1 - x0, y1 - y0, 1e-9) / 2
    x, y = (points[:, 0] - (x0 + x1) / 2) / half, (points[:, 1] - (y0 + y1) / 2) / half
    affine = np.stack((np.ones_like(x), x, y), 1).astype(np.float32)
    if freedom == "translation":
        return Basis(affine[:, :1], np.zeros((1, 1)), np.eye(2), 0, (0, 0))
    if freedom == "rigid":
        # d(matrix) = matrix (grow + turn): coefficients of (1, x, y) for columns, then for rows
        m = start.matrix * half
        grow, turn = m, m @ np.array([[0.0, -1.0], [1.0, 0.0]])
        tie = np.zeros((6, 4))
        tie[0, 0] = tie[3, 1] = 1.0
        for k, d in ((2, grow), (3, turn)):
            tie[[1, 2], k], tie[[4, 5], k] = d[0], d[1]
        return Basis(affine, np.zeros((3, 3)), tie, 0, (0, 0))
    if freedom == "affine":
        return Basis(affine, np.zeros((3, 3)), np.eye(6), 0, (0, 0))
    cells = [max(1, int(length / (step * _LEAST_CELL))) for length in (y1 - y0, x1 - x0)]
    usual, count = min(cells[0], _USUAL_DRIFT), min(max(1, int((y1 - y0) / (step * _DRIFT_CELL))), _MOST_DRIFT) + 3
    high, wide = (min(max(c // 2, 1) + 3, _MOST_BEND) for c in cells)
    u, v = (
        np.clip((points[:, 0] - x0) / max(x1 - x0, 1e-9), 0, 1),
        np.clip((points[:, 1] - y0) / max(y1 - y0, 1e-9), 0, 1),
    )
    along_y = spline_basis(v, count)
    sides = [spline_basis(*side).astype(np.float32) for side in ((v, high), (u, wide))]
    lattice = (sides[0][:, :, None] * sides[1][:, None]).reshape(len(points), -1)
    # pixels per EBSD step turn the prior's unit into pixels
    scale = step * np.sqrt(abs(np.linalg.det(start.matrix)))
    prior = np.zeros((3 + count + high * wide,) * 2)
    prior[3 : 3 + count, 3 : 3 + count] = _drift_prior(count, (count - 3) / usual, *drift)
    down, across = np.kron(_rough(high), np.eye(wide)), np.kron(np.eye(high), _rough(wide))
    first = np.kron(np.diff(np.eye(high), axis=0), np.diff(np.eye(wide), axis=0))
    bend = down.T @ down + across.T @ across + 2 * first.T @ first
    prior[3 + count :, 3 + count :] = bend / _BEND**2 + np.eye(high * wide) / _ANY**2
    columns = np.concatenate((affine, along_y.astype(np.float32), lattice), 1)
    return Basis(columns, prior * (stiff / scale) ** 2, np.eye(2 * columns.shape[1]), count, (high, wide))


def _drift_prior(count: int, finer: float, smooth: float, walk: float) -> Array:
    """Return the precision (K, K) of drift coefficients, ``finer`` times as many as the deviations are stated for."""
    rough, any_place = _rough(count), np.eye(count) / _ANY**2
    precision: Array = rough.T @ rough * (finer**1.5 / (_DRIFT * smooth)) ** 2 + any_place
    if walk == 0:
        return precision
    steps = np.diff(np.eye(count), axis=0)
    walked = steps.T @ steps * (finer**0.5 / (_WALK * walk)) ** 2 + any_place
    return np.asarray(np.linalg.inv(np.linalg.inv(precision) + np.linalg.inv(walked)))


def _rough(count: int) -> Array:
    return np.diff(np.eye(count), n=2, axis=0)


def coefficients_of(start: Transform, basis: Basis) -> Array:
    """Return the coefficients (n, 2) that drift and bend of a start already have (zero where it has none)."""
    found = np.zeros((basis.columns.shape[1], 2))
    if basis.drift and len(start.drift) == basis.drift:
        found[3 : 3 + basis.drift] = start.drift
    if basis.bend[0] and start.bend.shape[:2] == basis.bend:
        found[3 + basis.drift :] = start.bend.reshape(-1, 2)
    return found


def moved(start: Transform, basis: Basis, coefficients: Array) -> Transform:
    """Return ``start`` with its affine part moved by coefficients (n, 2) and drift and bend set to theirs."""
    x0, y0, x1, y1 = start.extent
    half = max(x1 - x0, y1 - y0, 1e-9) / 2
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    matrix, offset = start.matrix.copy(), start.offset + coefficients[0]
    if basis.columns.shape[1] >= 3:
        change = coefficients[1:3].T / half
        matrix, offset = matrix + change, offset - change @ centre
    if not basis.drift:
        return start.replaced(matrix=matrix, offset=offset)
    drift = coefficients[3 : 3 + basis.drift]
    bend = coefficients[3 + basis.drift :].reshape(*basis.bend, 2)
    return Transform(matrix, offset, start.extent, drift, bend)


def positions(found: Transform, basis: Basis, points: Array) -> Array:
    """Return the image positions (P, 2) of the points (P, 2) [um] that a basis was made at, as ``found(points)`` does.

    The splines of a deformable basis are known at its points already.
    """
    if not basis.drift or len(found.drift) != basis.drift or found.bend.shape[:2] != basis.bend:
        return found(points)
    bent = basis.columns @ np.concatenate((np.zeros((3, 2)), found.drift, found.bend.reshape(-1, 2))).astype(np.float32)
    return points @ found.matrix.T + found.offset + bent
