"""Points find their grid from positions alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.errors import InputError
from grainlight.maps.raster import is_turned, promised_points, rasterise

FILE = Path("test.ang")
SIDE = np.sqrt(3.0) / 2.0


def grid_points(rows, cols, dx, dy, hexagonal):
    row, col = np.divmod(np.arange(rows * cols), cols)
    return row, col, col * dx + (row % 2) * (dx / 2 if hexagonal else 0.0), row * dy


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 30),
    cols=st.integers(2, 30),
    dx=st.floats(0.05, 20),
    ratio=st.floats(0.3, 3),
    hexagonal=st.booleans(),
    origin=st.tuples(st.floats(-100, 1000), st.floats(-100, 1000)),
    told=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_points_find_their_places(rows, cols, dx, ratio, hexagonal, origin, told, seed):
    dy = dx * ratio
    row, col, x, y = grid_points(rows, cols, dx, dy, hexagonal)
    order = np.random.default_rng(seed).permutation(row.size)
    # positions as a file prints them
    x, y = np.round(x + origin[0], 5)[order], np.round(y + origin[1], 5)[order]
    raster = rasterise(x, y, step=(dx, dy) if told else (None, None), grid=None, file=FILE)
    assert raster.shape == (rows, cols)
    np.testing.assert_array_equal(raster.row, row[order])
    np.testing.assert_array_equal(raster.col, col[order])
    assert raster.grid == ("hexagonal" if hexagonal and rows > 1 else "square")
    grid_x, grid_y = raster.coordinates()
    np.testing.assert_allclose(grid_x[raster.row, raster.col] + raster.origin[0], x, atol=2e-5 + 1e-4 * dx)
    np.testing.assert_allclose(grid_y[raster.row, raster.col] + raster.origin[1], y, atol=2e-5 + 1e-4 * dy)


def test_a_step_rounded_in_the_header_does_not_drift():
    _, col, x, y = grid_points(3, 1500, 1 / 3, 1 / 3, False)
    raster = rasterise(x, y, step=(0.333, 0.333), grid="square", file=FILE)
    np.testing.assert_array_equal(raster.col, col)
    assert raster.step[0] == pytest.approx(1 / 3)


def test_promised_points():
    assert promised_points(4, 10, 10) == 40
    assert promised_points(5, 10, 9) == 3 * 10 + 2 * 9


def test_thinned_points_widen_the_step():
    row, col, x, y = grid_points(5, 6, 1.0, 1.5, False)
    raster = rasterise(x, y, step=(0.25, 0.5), grid="square", file=FILE)
    assert raster.step == (1.0, 1.5)
    np.testing.assert_array_equal(raster.row, row)
    np.testing.assert_array_equal(raster.col, col)
    assert len(raster.notes) == 2


@pytest.mark.parametrize("told", [(None, None), (1.0, SIDE), (SIDE, 1.0), (SIDE, 0.5), (2 * SIDE, 0.5)])
@pytest.mark.parametrize("grid", [None, "hexagonal"])
@pytest.mark.parametrize("columns", [12, 13])
@pytest.mark.parametrize("first", [0, 1])
def test_a_hexagonal_grid_whose_columns_are_shifted(told, grid, columns, first):
    row, col = np.divmod(np.arange(9 * columns), columns)
    x, y = col * SIDE + 3.0, row + 0.5 * (col % 2 == first) + 7.0
    # a few points are missing, as of the cells of a map that was cut out
    keep = np.delete(np.arange(x.size), [1, 20, 31])
    raster = rasterise(np.round(x[keep], 4), np.round(y[keep], 4), step=told, grid=grid, file=FILE)
    assert (raster.grid, raster.shape) == ("hexagonal", (18, (columns + 1) // 2))
    assert raster.step == pytest.approx((2 * SIDE, 0.5), rel=1e-3)
    assert is_turned(raster.step)
    assert any("turned by 90 degrees" in note for note in raster.notes)
    grid_x, grid_y = raster.coordinates()
    np.testing.assert_allclose(grid_x[raster.row, raster.col] + raster.origin[0], x[keep], atol=2e-3)
    np.testing.assert_allclose(grid_y[raster.row, raster.col] + raster.origin[1], y[keep], atol=2e-3)


def test_a_chessboard_of_no_hexagons_stays_square():
    row, col = np.divmod(np.arange(81), 9)
    keep = (row + col) % 2 == 0
    raster = rasterise(col[keep] * 1.0, row[keep] * 1.0, step=(1.0, 1.0), grid=None, file=FILE)
    assert (raster.grid, raster.step) == ("square", (1.0, 1.0))


def test_points_scattered_over_a_fine_grid_are_a_map_and_a_step_too_small_is_not(tmp_path) -> None:
    """A list of places that a stage was sent to, one in forty cells; the same number of cells by a wrong step."""
    rng = np.random.default_rng(3)
    places = rng.choice(80 * 80, 160, replace=False)
    row, col = np.divmod(places, 80)
    found = rasterise(col * 0.5, row * 0.5, step=(0.5, 0.5), grid="square", file=tmp_path / "next.ang")
    assert found.step == (0.5, 0.5)
    assert (found.row - found.row.min() == row - row.min()).all()
    row, col = np.divmod(np.arange(160), 16)
    regular = rasterise(col * 3.5, row * 3.5, step=(0.5, 0.5), grid="square", file=tmp_path / "wrong.ang")
    assert regular.step == (3.5, 3.5)
    assert all("the points decide" in note for note in regular.notes)
    far = np.append(col, 5000)
    with pytest.raises(InputError, match="too far apart"):
        rasterise(far * 0.5, np.append(row, 3) * 0.5, step=(0.5, 0.5), grid="square", file=tmp_path / "far.ang")
