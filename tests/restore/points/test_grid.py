from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import point_steps
from grainlight.restore.points.grid import (
    REACH,
    PointGrid,
    check_usable,
    one_in_each_cell,
    output_shape,
    pixels,
    rasterise,
)

from ..conftest import STEEL, TITANIUM, section_map


def quaternions(grid: PointGrid) -> np.ndarray:
    """Measured orientations (H, W, 4) in frame S with X along a; the identity where nothing was measured."""
    found = np.tile([1.0, 0.0, 0.0, 0.0], (*grid.shape, 1))
    found[grid.measured] = grid.measured_points
    return found


@pytest.mark.parametrize("scale", range(1, 9))
def test_the_output_grid_holds_every_point(scale: int) -> None:
    ebsd = section_map(1, 17).every(2)
    rows, columns, step = output_shape(ebsd, scale)
    assert (rows, columns) == (scale * 8 + 1, scale * 8 + 1)
    assert step == pytest.approx(1.0 / scale)
    grid = rasterise(ebsd, scale)
    assert grid.measured.sum() == ebsd.indexed.sum()
    assert np.array_equal(np.argwhere(grid.measured)[0], (0, 0))
    assert np.allclose(quaternions(grid)[::scale, ::scale], ebsd.quaternions)


def test_points_are_placed_by_position_and_turned_to_frame_s() -> None:
    ebsd = section_map(2, 9)
    turned = ebsd.in_frame(SampleFrame.EDAX1)
    dots = (quaternions(rasterise(turned, 3)) * quaternions(rasterise(ebsd, 3))).sum(-1)
    assert np.allclose(np.abs(dots), 1.0)


@pytest.mark.parametrize("indented", [0, 1])
def test_a_hexagonal_grid_gets_a_square_output_with_every_point(indented: int) -> None:
    q = section_map(3, 12).quaternions
    rows, columns = 12, 12
    step = (1.0, np.sqrt(3) / 2)
    row, column = np.indices((rows, columns))
    x = column * step[0] + ((row + indented) % 2) * 0.5
    x = x - x[0, 0]
    ebsd = OrientationMap(q, np.ones((rows, columns), np.int16), x, row * step[1], (TITANIUM,), step, grid="hexagonal")
    grid = rasterise(ebsd, 2)
    assert grid.measured.sum() == rows * columns
    assert grid.shape[0] >= 2 * (rows - 1) + 1
    assert grid.shape[1] >= 2 * (columns - 1) + 1
    assert -0.5 * indented - grid.step < grid.left <= -0.5 * indented
    pixel = pixels(ebsd, 2)
    off = np.hypot(pixel[..., 1] * grid.step + grid.left - x, pixel[..., 0] * grid.step - row * step[1])
    assert off.max() <= grid.step / np.sqrt(2) + 1e-9


def test_other_phases_are_told_apart() -> None:
    ebsd = section_map(4, 21)
    phase = ebsd.phase_id.copy()
    phase[:, 10:] = STEEL.id
    grid = rasterise(ebsd.replace(phase_id=phase, phases=(TITANIUM, STEEL)), 2)
    assert grid.other[:, 25:].all()
    assert not grid.other[:, :16].any()
    assert not grid.measured[:, 20:].any()
    assert (grid.phase_id[grid.other] == STEEL.id).all()


def test_maps_that_cannot_be_used_are_refused() -> None:
    ebsd = section_map(4, 9)
    with pytest.raises(InputError, match="no point of the map is indexed"):
        check_usable(ebsd.replace(phase_id=np.zeros_like(ebsd.phase_id)))
    with pytest.raises(InputError, match=r"Beta \(m-3m\)"):
        check_usable(ebsd.replace(phase_id=np.full_like(ebsd.phase_id, 2), phases=(STEEL,)))


def test_a_line_scan_has_the_step_of_its_line() -> None:
    ebsd = section_map(6, 21)
    line = ebsd.replace(
        quaternions=ebsd.quaternions[:1],
        phase_id=ebsd.phase_id[:1],
        x=ebsd.x[:1],
        y=ebsd.y[:1],
        step=(0.5, 0.01),
    )
    assert output_shape(line, 2) == (1, 41, 0.25)
    assert rasterise(line, 2).measured.sum() == 21


def _hexagonal(rows: int, columns: int, step: tuple[float, float], longer: bool, seed: int = 3) -> OrientationMap:
    """Rows 1, 3, ... shifted to the right by half a step (longer: to the left); their last point is missing."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((rows, columns))
    x = column * step[0] + (row % 2) * (-0.5 if longer else 0.5) * step[0]
    q = rng.normal(size=(rows, columns, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    phase_id = np.ones((rows, columns), np.int16)
    phase_id[(0 if longer else 1) :: 2, -1] = -1
    phase_id[3, 4] = 0
    q = np.where(q[..., :1] < 0, -q, q)
    return OrientationMap(q, phase_id, x, row * step[1], (TITANIUM,), step, grid="hexagonal")


def assert_every_point_once(ebsd: OrientationMap, scale: int) -> None:
    """Each 6/mmm point has a pixel of its own, the one that it lies in, and is there as it was measured."""
    grid = rasterise(ebsd, scale)
    known = ebsd.is_6mmm
    at = pixels(ebsd, scale)[known]
    flat = at[:, 0] * grid.shape[1] + at[:, 1]
    assert np.unique(flat).size == known.sum() == grid.measured.sum()
    assert grid.measured[tuple(at.T)].all()
    canonical = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    assert np.array_equal(quaternions(grid)[tuple(at.T)], canonical.quaternions[known])
    assert np.array_equal(grid.nearest[tuple(at.T)], np.flatnonzero(known))
    assert grid.step == pytest.approx(min(point_steps(ebsd.step, ebsd.grid)) / scale)
    off = np.stack((ebsd.y, ebsd.x - grid.left), -1)[known] / grid.step - at
    assert np.abs(off).max() <= 0.5 + 1e-5


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize("step", [(1.0, np.sqrt(3) / 2), (1.0, 1.0), (0.25, 0.3), (1.0, 0.2), (np.sqrt(3), 0.5)])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_hexagonal_points_are_used_once_and_unchanged(scale: int, step: tuple[float, float], longer: bool) -> None:
    assert_every_point_once(_hexagonal(9, 14, step, longer), scale)


def test_pixels_between_hexagonal_points_know_the_nearest_one() -> None:
    ebsd = _hexagonal(9, 14, (1.0, np.sqrt(3) / 2), False)
    grid = rasterise(ebsd, 4)
    row, column = np.indices(grid.shape)
    pixels = np.stack((row, column), -1).reshape(-1, 1, 2) * grid.step
    points = np.stack((ebsd.y, ebsd.x - grid.left), -1)[ebsd.indexed]
    distance = np.linalg.norm(pixels - points, axis=-1)
    flat = np.flatnonzero(ebsd.indexed)
    taken = distance[np.arange(len(distance)), np.searchsorted(flat, grid.nearest.ravel())]
    np.testing.assert_allclose(taken, distance.min(axis=1), atol=0.5 * grid.step * np.sqrt(2))
    assert np.isclose(taken, distance.min(axis=1)).mean() > 0.95


@pytest.mark.parametrize("scale", [1, 2])
def test_a_real_hexagonal_grid(shared_data, scale: int) -> None:
    """A copper map stands for the grid; its orientations are taken for titanium's."""
    from grainlight.maps.io import load_ebsd

    copper = load_ebsd(shared_data / "ebsdlab/EBSD.ang")
    assert copper.grid == "hexagonal"
    ebsd = copper.replace(phases=(TITANIUM,), phase_id=np.minimum(copper.phase_id, 1))
    assert ebsd.is_6mmm.sum() > 1000
    assert_every_point_once(ebsd, scale)


def test_a_hexagonal_map_is_restored_and_written_with_every_point(tmp_path) -> None:
    import grainlight as gl

    full = section_map(5, 65)
    row, column = np.indices((20, 20))
    x, y = column * 1.5 + (row % 2) * 0.75, row * 1.5 * np.sqrt(3) / 2
    # what a hexagonal scan of the section sees
    q = full.quaternions[np.rint(y / 0.5).astype(int), np.rint(x / 0.5).astype(int)]
    phase_id = np.ones(q.shape[:2], np.int16)
    phase_id[1::2, -1] = -1
    q[phase_id < 0] = [1, 0, 0, 0]
    ebsd = OrientationMap(q, phase_id, x, y, (TITANIUM,), (1.5, 1.5 * np.sqrt(3) / 2), grid="hexagonal")
    result = gl.enhance(ebsd, scale=2, quality="fast")
    at = tuple(pixels(ebsd, 2)[ebsd.indexed].T)
    assert result.measured.sum() == ebsd.indexed.sum()
    np.testing.assert_allclose(result.measured_quaternions[at], ebsd.quaternions[ebsd.indexed], atol=1e-12)
    result.save(tmp_path / "fine.ctf")
    assert gl.load_ebsd(tmp_path / "fine.ctf").shape == result.map.shape


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_nearest_point_is_that_of_a_search(scale: int) -> None:
    """Axis by axis on a square grid, with holes and unequal steps, is as near as a search among all points."""
    rng = np.random.default_rng(scale)
    ebsd = section_map(7, 19)
    phase_id = np.where(rng.random(ebsd.shape) < 0.3, 0, 1).astype(np.int16)
    phase_id[5:12, 6:15] = -1
    ebsd = ebsd.replace(phase_id=phase_id, y=ebsd.y * 1.3, step=(ebsd.step[0], ebsd.step[1] * 1.3))
    grid = rasterise(ebsd, scale, REACH)
    points = np.stack((ebsd.y, ebsd.x - grid.left), -1).reshape(-1, 2) / grid.step
    centres = np.stack(np.indices(grid.shape), -1).reshape(-1, 2)
    apart = np.linalg.norm(centres[:, None] - points[ebsd.indexed.ravel()], axis=-1).min(1).reshape(grid.shape)
    found = np.linalg.norm(centres - points[grid.nearest.ravel()], axis=-1).reshape(grid.shape)
    assert ebsd.indexed.ravel()[grid.nearest].all()
    own = grid.measured
    assert np.allclose(found[~own], apart[~own])
    assert np.array_equal(grid.reached, apart <= REACH * scale * 1.3)


@pytest.mark.parametrize(("reach", "steps"), [(REACH, REACH), (3.0, 3.0), (0.0, 0.75)])
def test_a_hole_is_filled_as_far_as_asked(reach: float, steps: float) -> None:
    """Distances from the nearest point, counted in steps of the EBSD; whole cells are always there."""
    q = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (30, 30, 4))
    phase_id = np.ones((30, 30), np.int16)
    phase_id[5:25, 5:25] = phase_id[2, 2] = 0
    ebsd = OrientationMap.from_quaternions(q, (2.0, 2.0), (TITANIUM,), phase_id=phase_id)
    grid = rasterise(ebsd, 2, reach)
    row, column = np.indices(grid.shape) / 2
    at = np.argwhere(phase_id > 0)
    apart = np.hypot(row[..., None] - at[:, 0], column[..., None] - at[:, 1]).min(-1)
    assert np.array_equal(grid.reached, apart <= steps)
    assert grid.reached[4, 4] == (reach != 0.0)
    assert not grid.reached[29, 29]
    assert grid.reach_stated


def test_one_point_in_each_cell() -> None:
    """Of points in a square of the first scan's step the one nearest its middle stays; a regular scan stays whole."""
    q = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (17, 17, 4)).copy()
    phase_id = np.full((17, 17), -1, np.int16)
    phase_id[::4, ::4] = 1
    regular = rasterise(OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,), phase_id=phase_id), 1)
    np.testing.assert_array_equal(one_in_each_cell(regular, 4).measured, regular.measured)
    more = phase_id.copy()
    more[3:6, 3:6] = 1
    more[0, 0] = -1
    more[1, 1] = more[1, 0] = 1
    merged = rasterise(OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,), phase_id=more), 1)
    kept = one_in_each_cell(merged, 4).measured
    expected = regular.measured.copy()
    expected[0, 0] = False
    expected[1, 0] = True
    np.testing.assert_array_equal(kept, expected)
