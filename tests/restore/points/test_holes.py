"""Wide holes stay empty where nothing else is asked for, narrow ones are filled; masked places are never filled."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.grid import REACH, masked, output_shape, rasterise
from grainlight.restore.points.holes import WIDTH, pixels_of, wide_holes

from ..conftest import STEEL, TITANIUM


def plate(missing: np.ndarray, value: int = 0, step: tuple[float, float] = (2.0, 2.0)) -> OrientationMap:
    q = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (*missing.shape, 4))
    phase_id = np.where(missing, value, 1).astype(np.int16)
    return OrientationMap.from_quaternions(q, step, (TITANIUM, STEEL), phase_id=phase_id)


def disc(radius: float, size: int = 40, at: tuple[float, float] = (19.0, 21.0)) -> np.ndarray:
    row, column = np.indices((size, size))
    return np.hypot(row - at[0], column - at[1]) <= radius


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_wide_hole_is_not_filled(value: int, scale: int) -> None:
    hole = disc(7)
    grid = rasterise(plate(hole, value), scale)
    inside = np.argwhere(hole) * scale
    assert not grid.reached[tuple(inside.T)].any()
    # as many pixels as points, and none of the metal's
    assert np.isclose((~grid.reached).sum() / scale**2, hole.sum(), rtol=0.1)
    assert grid.reached[grid.measured].all()
    assert grid.holes is not None
    assert grid.holes.places == 1
    assert rasterise(plate(hole, value), scale, REACH).holes is None


@pytest.mark.parametrize("missing", [disc(2.9), np.abs(np.arange(40) - 20)[:, None] < 3 + np.zeros((1, 40), int)])
def test_a_narrow_place_is_filled(missing: np.ndarray) -> None:
    assert rasterise(plate(missing), 2).reached.all()


def test_a_hole_is_wide_where_a_circle_fits_into_it_and_lines_that_lead_there_are_filled() -> None:
    missing = disc(7)
    missing[19, :] = True
    grid = rasterise(plate(missing), 1)
    assert grid.reached[19, :11].all()
    assert not grid.reached[19, 14:29].any()


def test_a_hole_of_hexagonal_and_unequal_grids() -> None:
    hole = disc(7)
    square = plate(hole, step=(1.0, np.sqrt(3) / 2))
    x = square.x + 0.5 * (np.arange(40) % 2)[:, None]
    for ebsd in (square.replace(grid="hexagonal", x=x), plate(hole, step=(1.0, 1.4))):
        grid = rasterise(ebsd, 2)
        assert grid.holes is not None
        assert 0.9 * hole.sum() <= grid.holes.cells.sum() <= hole.sum()
        assert grid.reached[grid.measured].all()
        share = grid.holes.cells.mean()
        assert np.isclose((~grid.reached).mean(), share, rtol=0.1)


def test_scattered_points_are_no_holes() -> None:
    kept = np.random.default_rng(1).random((120, 120)) < 0.04
    grid = rasterise(plate(~kept, -1), 1)
    assert grid.holes is not None
    assert grid.holes.radius > 2 * WIDTH
    assert not grid.holes.cells.any()


def test_nothing_missing_and_everything() -> None:
    whole = plate(np.zeros((9, 9), bool))
    assert not wide_holes(whole, 2.0).cells.any()
    assert not wide_holes(plate(np.ones((9, 9), bool)), 2.0).cells.any()


def test_pixels_of_points() -> None:
    position = np.stack(np.indices((5, 7)) * 4.0, -1)
    cells = np.zeros((5, 7), bool)
    cells[2, 3] = True
    row, column = np.indices((17, 25))
    near = (np.abs(row - 8) < 2) & (np.abs(column - 12) < 2)
    far = (np.abs(row - 8) > 2) | (np.abs(column - 12) > 2)
    found = pixels_of(cells, position, (17, 25), 4)
    assert found[near].all()
    assert not found[far].any()


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("fine", [False, True])
def test_masked_places_have_no_metal(scale: int, fine: bool) -> None:
    ebsd = plate(np.zeros((40, 40), bool))
    rows, columns, _ = output_shape(ebsd, scale)
    metal = ~disc(2.0)
    if fine:
        row, column = np.indices((rows, columns)) / scale
        metal = np.hypot(row - 19, column - 21) > 2.0
    left, where = masked(ebsd, scale, metal)
    assert (left.phase_id[disc(1.9)] == -1).all()
    assert left.indexed.sum() == (~disc(2.0)).sum()
    grid = rasterise(left, scale, None, where)
    assert grid.metal is not None
    assert np.isclose((~grid.metal).sum(), np.pi * 2.0**2 * scale**2, rtol=0.4)
    # a wide masked place is no hole that somebody has to be told of
    wide, where = masked(ebsd, scale, ~disc(9.0))
    holes = rasterise(wide, scale, None, where).holes
    assert holes is not None
    assert holes.places == 0


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="40 x 40, the points, or 79 x 79, the output"):
        masked(plate(np.zeros((40, 40), bool)), 2, np.ones((40, 41), bool))
