"""Statistics, figures and intervals of maps whose grains are known, and of a real one."""

from __future__ import annotations

import numpy as np
import pytest
from painted import TITANIUM, noisy_samples, painted, turned

from grainlight.constants import constants
from grainlight.crystal.euler import multiply
from grainlight.crystal.frames import CrystalFrame
from grainlight.crystal.symmetry import disorientation
from grainlight.grains.grain_map import WITH_INTERVAL, find_grains
from grainlight.grains.interval import Interval, interval
from grainlight.grains.matching import adjusted_rand
from grainlight.grains.special import twins
from grainlight.grains.statistics import kernel_average, neighbour_pairs
from grainlight.grains.table import figure_table, grain_table
from grainlight.maps.orientation_map import OrientationMap
from tests.real_files import RealFiles


def test_four_grains(quarters) -> None:
    found = find_grains(quarters)
    grains = found.grains
    np.testing.assert_array_equal(grains.pixels, 48)
    np.testing.assert_allclose(grains.area, 12.0)
    np.testing.assert_allclose(grains.diameter, np.sqrt(48 / np.pi))
    np.testing.assert_allclose(grains.x, [1.75, 5.75, 1.75, 5.75])
    np.testing.assert_allclose(grains.y, [1.25, 1.25, 4.25, 4.25])
    np.testing.assert_allclose(grains.aspect, 8 / 6)
    np.testing.assert_allclose(grains.azimuth, 0.0, atol=1e-6)
    np.testing.assert_allclose([grains.gos, grains.kam], 0.0, atol=1e-5)
    np.testing.assert_array_equal(grains.neighbours, 2)
    np.testing.assert_array_equal(neighbour_pairs(found.labels, found.edges), [[1, 2], [1, 3], [2, 4], [3, 4]])
    assert grains.on_edge.all()
    # nothing inside to average, and the length is that of the cross
    assert np.isnan(found.figures["mean_diameter"].value)
    assert found.figures["boundary_density"].value == pytest.approx((12 + 16) * 0.5 / (12 * 16 * 0.25))
    assert found.agreement.shape == (4,)
    assert np.isnan(found.agreement).all()


def ellipse(azimuth: float, long: float = 20.0, short: float = 8.0) -> np.ndarray:
    row, column = np.indices((61, 61)) - 30.0
    along = column * np.cos(np.radians(azimuth)) - row * np.sin(np.radians(azimuth))
    across = column * np.sin(np.radians(azimuth)) + row * np.cos(np.radians(azimuth))
    return (along / long) ** 2 + (across / short) ** 2 <= 1


@pytest.mark.parametrize("azimuth", [0.0, 30.0, 90.0, 135.0])
def test_ellipse_and_edge_flag(azimuth: float) -> None:
    found = find_grains(painted(ellipse(azimuth).astype(int), turned(0, 20)))
    inner = int(np.flatnonzero(~found.grains.on_edge)[0])
    assert found.grains.on_edge.sum() == 1
    assert found.grains.aspect[inner] == pytest.approx(2.5, rel=0.03)
    # counter-clockwise as seen, rows growing downward
    assert abs((found.grains.azimuth[inner] - azimuth + 90) % 180 - 90) < 1.5
    assert found.figures["mean_diameter"].value == pytest.approx(found.grains.diameter[inner])


def test_mean_orientation_is_that_of_any_equivalent() -> None:
    from grainlight.crystal.symmetry import rotations

    rng = np.random.default_rng(3)
    labels = np.zeros((10, 10), int)
    q = painted(labels, turned(17)).quaternions
    vector = rng.normal(size=(10, 10, 3)) * np.radians(1.0) / 2
    turn = np.concatenate([np.ones((10, 10, 1)), vector], -1)
    q = multiply(turn / np.linalg.norm(turn, axis=-1, keepdims=True), q)
    q = multiply(rotations("6/mmm")[rng.integers(12, size=(10, 10))], q)
    found = find_grains(OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,)), threshold=8.0)
    assert len(found.grains) == 1
    assert disorientation(found.grains.orientation[0], turned(17)[0]) < 0.3
    # mean length of a vector with three normal components of one degree
    assert found.grains.gos[0] == pytest.approx(np.sqrt(8 / np.pi), rel=0.15)


def test_kernel_average_of_a_gradient() -> None:
    labels = np.arange(12)[None].repeat(5, 0)
    ebsd = painted(labels, turned(*(0.5 * np.arange(12))))
    found = find_grains(ebsd)
    assert len(found.grains) == 1
    # two of four neighbours are half a degree away, one of three at the edges left and right
    np.testing.assert_allclose(found.kam[2, 1:-1], 0.25, atol=1e-4)
    np.testing.assert_allclose(found.kam[2, 0], 0.5 / 3, atol=1e-4)
    assert np.isnan(kernel_average(found.angle, found.edges, limit=0.0)[0]).all() or found.angle.min() == 0
    assert found.grains.gos[0] == pytest.approx(0.5 * 3, rel=0.01)


@pytest.mark.parametrize("frame", list(CrystalFrame))
def test_twin_share_in_either_crystal_frame(frame: CrystalFrame) -> None:
    labels = np.zeros((20, 20), int)
    labels[8:12] = 1
    parent = turned(11)[0]
    twin = multiply(twins(4.686 / 2.95)[0].rotation, parent)
    third = multiply(np.array([np.cos(0.2), np.sin(0.2), 0.0, 0.0]), parent)
    labels[:, 15:] = 2
    ebsd = painted(labels, np.stack([parent, twin, third])).in_crystal_frame(frame)
    found = find_grains(ebsd)
    assert len(found.grains) == 4
    assert found.figures["twin_fraction"].value == pytest.approx(30 / 50)
    (name,) = (key for key in found.figures if key.startswith("fraction of twin {10-12}"))
    assert found.figures[name].value == pytest.approx(30 / 50)


def test_samples_that_agree_leave_only_the_margins(quarters) -> None:
    found = find_grains(quarters, noisy_samples(quarters, 3, 0.1))
    np.testing.assert_allclose(found.agreement, 1.0)
    one = found.figures["grains"]
    assert one.low <= 4 < one.high
    assert one.spread == pytest.approx(0.0, abs=1e-6)
    for name in WITH_INTERVAL:
        values = getattr(found.grains, name)
        assert np.all(found.low[name] <= values + 1e-6)
        assert np.all(found.high[name] >= values - 1e-6)


def test_samples_that_disagree_widen_the_intervals(quarters) -> None:
    moved = np.concatenate([quarters.quaternions[:, :1], quarters.quaternions[:, :-1]], axis=1)
    samples = np.stack([quarters.quaternions, moved]).astype(np.float16)
    near, far = (find_grains(quarters, some, minimum_pixels=16) for some in (samples[[0, 0]], samples))
    assert len(near.grains) == len(far.grains) == 4
    assert np.all(far.high["area"] - far.low["area"] > near.high["area"] - near.low["area"])
    assert far.agreement.mean() < near.agreement.mean()
    at = far.edges.right(far.probability[1])
    assert at[2, 7] < near.edges.right(near.probability[1])[2, 7]
    with pytest.raises(ValueError, match="shape"):
        find_grains(quarters, samples[:, :-1])


def test_intervals() -> None:
    assert interval("grains", 100.0, []).low != interval("grains", 100.0, []).low
    wide, narrow = interval("grains", 100.0, [80, 120]), interval("grains", 100.0, [99, 101])
    assert wide.low < narrow.low < 100 < narrow.high < wide.high
    assert interval("twin_fraction", 0.01, [0.0, 0.05]).low == 0.0
    assert Interval(1.0, 0.5, 2.0).holds(1.5)
    assert not Interval(1.0, 0.5, 2.0).holds(2.5)


def test_tables_hold_every_grain_and_figure(quarters) -> None:
    found = find_grains(quarters, noisy_samples(quarters, 2, 0.1))
    lines = grain_table(found).splitlines()
    assert len(lines) == 1 + 4
    assert {"id", "area_um2", "area_um2_low", "diameter_um_high", "phi1_deg"} <= set(lines[0].split(","))
    assert len({len(line.split(",")) for line in lines}) == 1
    assert [line.split(",")[0] for line in figure_table(found).splitlines()[1:]] == list(found.figures)


def test_hexagonal_grid_finds_the_same_grains() -> None:
    row, column = np.indices((30, 30))
    x, y = column + 0.5 * (row % 2), row * np.sqrt(3) / 2
    labels = (np.hypot(x - 15, y - 13) < 8).astype(int)
    square = painted(labels, turned(0, 20), (1.0, np.sqrt(3) / 2))
    found = find_grains(square.replace(grid="hexagonal", x=x, y=y))
    np.testing.assert_array_equal(found.labels == found.labels[0, 0], labels == 0)
    inner = ~found.grains.on_edge
    assert found.grains.area[inner][0] == pytest.approx(np.pi * 64, rel=0.05)
    # sides of hexagons overstate a length, as those of squares do
    assert 1.0 < found.edges.length[found.boundary].sum() / (2 * np.pi * 8) < 1.3


def test_a_hexagonal_grid_turned_by_90_degrees_has_the_grains_of_its_mirror_image() -> None:
    """The same points with x and y exchanged: figures of size and boundary, and those of every grain, stay."""
    row, column = np.indices((32, 26))
    across, down = column + 0.5 * (row % 2), row * np.sqrt(3) / 2
    labels = (np.hypot(across - 13, 1.4 * (down - 13)) < 8).astype(int)
    square = painted(labels, turned(0, 20))
    upright = square.replace(grid="hexagonal", x=across, y=down, step=(1.0, np.sqrt(3) / 2))
    # rows of the mirror image: all points of one y, every second column
    pick = labels.reshape(16, 2, 26).transpose(2, 1, 0).reshape(52, 16)
    row, column = np.indices(pick.shape)
    x, y = np.sqrt(3) * (column + 0.5 * (row % 2)), 0.5 * row
    mirror = painted(pick, turned(0, 20)).replace(grid="hexagonal", x=x, y=y, step=(np.sqrt(3), 0.5))
    one, other = find_grains(upright), find_grains(mirror)
    for name in ("area", "diameter", "aspect"):
        expected = np.sort(getattr(one.grains, name))
        np.testing.assert_allclose(np.sort(getattr(other.grains, name)), expected, rtol=1e-5)
    assert len(other.grains) == len(one.grains) == 2
    lengths = [found.edges.length[found.boundary].sum() for found in (one, other)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)


def test_grain_map_of_a_real_file(shared_data: RealFiles) -> None:
    """The grains that another program found, at its threshold of 5 degrees, of the same scan."""
    import h5py

    from grainlight.maps.io import load_ebsd

    ebsd = load_ebsd(shared_data / "pymicro/Ti64-200x200.ang")
    with h5py.File(shared_data / "pymicro/Ti64-200x200_data.h5") as file:
        theirs = file["CellData/grain_map"][:]
    found = find_grains(ebsd, minimum_pixels=1)
    assert len(found.grains) == theirs.max() == 359
    assert adjusted_rand(found.labels, theirs) == pytest.approx(1.0)
    assert adjusted_rand(find_grains(ebsd).labels, theirs) > 0.999


def test_samples_of_other_weights_give_no_intervals_and_shares_for_probabilities(quarters) -> None:
    samples = noisy_samples(quarters, 3, 0.1)
    own, other = (find_grains(quarters, samples, calibrated=calibrated) for calibrated in (True, False))
    np.testing.assert_array_equal(own.labels, other.labels)
    np.testing.assert_array_equal(own.agreement, other.agreement)
    assert set(own.low) == set(WITH_INTERVAL)
    assert other.low == other.high == other.spread == {}
    assert all(np.isnan([one.low, one.high]).all() for one in other.figures.values())
    # every member has the boundaries: the table says 0.936 of that, the share is 1
    assert set(np.unique(other.probability)) == {0.0, 1.0}
    assert own.probability.max() == pytest.approx(constants().grain_boundaries.share[-1])
