"""The text of vendors' files, small and synthetic."""

from __future__ import annotations

import numpy as np

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90, 90, 120)
BETA = Phase(2, "Ti beta", "m-3m", 3.32, 3.32, 3.32, 90, 90, 90)

ANG_HEADER = """\
# TEM_PIXperUM          1.000000
# x-star                0.372300
#
# Phase 1
# MaterialName  \tTitanium
# Formula     \tTi
# Info
# Symmetry              62
# LatticeConstants      2.950 2.950 4.686  90.000  90.000 120.000
# NumberFamilies        0
#
# GRID: {grid}
# XSTEP: {dx}
# YSTEP: {dy}
# NCOLS_ODD: {odd}
# NCOLS_EVEN: {even}
# NROWS: {rows}
#
"""

CTF_HEADER = """\
Channel Text File\r
Prj\ttest\r
Author\t[Unknown]\r
JobMode\tGrid\r
XCells\t{cols}\r
YCells\t{rows}\r
XStep\t{dx}\r
YStep\t{dy}\r
AcqE1\t0\r
AcqE2\t0\r
AcqE3\t0\r
Euler angles refer to Sample Coordinate system (CS0)!\tMag\t200\tCoverage\t100\r
Phases\t1\r
2.95;2.95;4.686\t90;90;120\tTitanium\t9\t0\t\t\t\r
Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS\r
"""


def ang_header(rows: int, odd: int, even: int | None = None, dx: float = 0.5, dy: float = 0.5, grid: str = "SqrGrid"):
    return ANG_HEADER.format(grid=grid, dx=dx, dy=dy, odd=odd, even=odd if even is None else even, rows=rows)


def euler_at(row: int, col: int) -> tuple[float, float, float]:
    """Angles in radians that name the place they belong to."""
    return 0.1 + 0.05 * col, 0.2 + 0.07 * row, 0.3 + 0.01 * col


def ang_rows(places, dx: float = 0.5, dy: float = 0.5, shift: float = 0.0, tail: str = "100.0  0.500  0  10  1.0"):
    """One line for each (row, col); odd rows stand ``shift`` um to the right."""
    return [
        "  ".join(f"{angle:.5f}" for angle in euler_at(r, c)) + f"  {c * dx + r % 2 * shift:.5f}  {r * dy:.5f}  {tail}"
        for r, c in places
    ]


def square(rows: int, cols: int) -> list[tuple[int, int]]:
    return [(r, c) for r in range(rows) for c in range(cols)]


def ctf_rows(places, dx: float = 0.5, dy: float = 0.5):
    lines = []
    for r, c in places:
        angles = "\t".join(f"{np.degrees(angle):.4f}" for angle in euler_at(r, c))
        lines.append(f"1\t{c * dx:.4f}\t{r * dy:.4f}\t8\t0\t{angles}\t0.6000\t98\t120\r")
    return lines


def assert_places(ebsd: OrientationMap, places) -> None:
    """Every place holds the orientation that names it."""
    for r, c in places:
        expected = quaternion_from_bunge(euler_at(r, c))
        np.testing.assert_allclose(ebsd.quaternions[r, c], expected, atol=2e-5)
