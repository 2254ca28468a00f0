"""The border of the scanned field cuts grains; missing points do not."""

from __future__ import annotations

import numpy as np
import pytest
from painted import painted, turned

from grainlight.grains.edges import edges_of_map
from grainlight.grains.field import border
from grainlight.grains.grain_map import find_grains
from grainlight.maps.orientation_map import OrientationMap


def checkered(size: int = 40, cell: int = 8) -> OrientationMap:
    """Square grains of 8 x 8 points, 25 of them, nine of which touch no border."""
    row, column = np.indices((size, size)) // cell
    number = row * (size // cell) + column
    return painted(number, turned(*(np.arange(number.max() + 1) * 17.0 % 60)))


def without(ebsd: OrientationMap, absent: np.ndarray) -> OrientationMap:
    return ebsd.replace(phase_id=np.where(absent, -1, ebsd.phase_id).astype(np.int16))


def inner(ebsd: OrientationMap) -> int:
    return int((~find_grains(ebsd).grains.on_edge).sum())


def hexagonal(ebsd: OrientationMap) -> OrientationMap:
    x = ebsd.x + 0.5 * ebsd.step[0] * (np.arange(ebsd.shape[0]) % 2)[:, None]
    return ebsd.replace(grid="hexagonal", x=x)


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_missing_points_make_no_border_grain(grid: str, share: float) -> None:
    ebsd = checkered() if grid == "square" else hexagonal(checkered())
    absent = np.random.default_rng(3).random(ebsd.shape) < share
    assert absent.any()
    assert inner(without(ebsd, absent)) == inner(ebsd) == 9


def test_a_lost_line_makes_no_border_grain() -> None:
    ebsd = checkered()
    absent = np.zeros(ebsd.shape, bool)
    absent[20] = True
    # it divides the middle grains
    assert inner(without(ebsd, absent)) == 12


def test_missing_points_in_the_first_row_make_no_border_grain() -> None:
    ebsd = checkered()
    absent = np.zeros(ebsd.shape, bool)
    # down to the second grains
    absent[:8, 20] = True
    assert inner(without(ebsd, absent)) == 9


def test_a_wide_hole_ends_the_field() -> None:
    ebsd = checkered()
    absent = np.zeros(ebsd.shape, bool)
    absent[16:24, 16:24] = True
    # the middle grain is gone and cuts four others
    assert inner(without(ebsd, absent)) == 4
    absent[:] = False
    absent[18:21, 18:21] = True
    assert inner(without(ebsd, absent)) == 9


def test_the_field_ends_where_a_notch_or_a_round_rim_does() -> None:
    ebsd = checkered()
    notch = np.zeros(ebsd.shape, bool)
    notch[:16, :16] = True
    # the second grain of the diagonal is gone; two have a side, and one a corner only, at the notch
    assert inner(without(ebsd, notch)) == 6
    row, column = np.indices(ebsd.shape)
    rim = np.hypot(row - 19.5, column - 19.5) > 19.5
    found = find_grains(without(ebsd, rim)).grains
    corner = np.hypot(found.x / 0.5 - 19.5, found.y / 0.5 - 19.5) > 14
    assert found.on_edge[corner].all()
    assert (~found.on_edge).sum() == 9


def test_an_interrupted_scan_ends_in_its_last_row() -> None:
    ebsd = checkered()
    absent = np.zeros(ebsd.shape, bool)
    absent[32:] = True
    absent[31, 10:] = True
    assert inner(without(ebsd, absent)) == 6


def test_one_row_and_no_point() -> None:
    ebsd = checkered().rows(slice(0, 1))
    assert inner(without(ebsd, np.arange(40)[None] == 20)) == 0
    assert inner(without(ebsd, np.ones((1, 40), bool))) == 0


@pytest.mark.parametrize("shifted", [0, 1])
@pytest.mark.parametrize("turned_grid", [False, True])
def test_border_of_a_hexagonal_grid_is_where_a_neighbour_is_missing(turned_grid: bool, shifted: int) -> None:
    shape, step = ((12, 9), (np.sqrt(3), 0.5)) if turned_grid else ((9, 12), (1.0, np.sqrt(3) / 2))
    row, column = np.indices(shape)
    x = step[0] * (column + 0.5 * (row % 2) * (1 if shifted else -1))
    ebsd = painted(np.zeros(shape, int), turned(0), step).replace(grid="hexagonal", x=x, y=step[1] * row)
    at = np.stack([ebsd.x, ebsd.y], axis=-1).reshape(-1, 2)
    near = (np.abs(np.linalg.norm(at[:, None] - at, axis=-1) - 1) < 1e-6).sum(1).reshape(shape)
    edge = border(np.ones(shape, np.int32), ebsd, edges_of_map(ebsd))
    np.testing.assert_array_equal(edge, near < 6)
    if turned_grid:
        assert edge[[0, 1, -2, -1]].all()
        assert not edge[3:-3:2, 0 if shifted else -1].any()
