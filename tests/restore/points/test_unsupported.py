"""Noise is found where neither neighbours nor quality speak for a point, and real grains are left alone."""

from __future__ import annotations

import numpy as np
import pytest

import grainlight as gl
from grainlight.crystal.euler import multiply, quaternion_from_bunge
from grainlight.grains.grain_map import find_grains
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.unsupported import find_noise, without_noise
from grainlight.restore.result import MEASURED, NOT_RESTORED

from ..conftest import TITANIUM, section_map

SIZE = 60


def noisy(seed: int, share: float, spread: float = 0.5, radius: float = 8.0) -> tuple[OrientationMap, np.ndarray]:
    """A bicrystal with a hole and scattered points whose orientations are noise, and which points these are; quality
    as both vendors tell it, overlapping a little."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((SIZE, SIZE))
    grains = quaternion_from_bunge(np.radians([[20.0, 40.0, 10.0], [110.0, 75.0, 35.0]]))
    vector = rng.normal(size=(SIZE, SIZE, 3)) * np.radians(spread) / 2 / np.sqrt(3)
    turn = np.concatenate([np.ones((SIZE, SIZE, 1)), vector], -1)
    metal = multiply(turn / np.linalg.norm(turn, axis=-1, keepdims=True), grains[(column + 0.2 * row > 36).astype(int)])
    wrong = (np.hypot(row - 33, column - 20) < radius) | (rng.random((SIZE, SIZE)) < share)
    random = rng.normal(size=(SIZE, SIZE, 4))
    q = np.where(wrong[..., None], random / np.linalg.norm(random, axis=-1, keepdims=True), metal)
    ci = np.where(
        wrong, np.abs(rng.normal(0, 0.06, q.shape[:2])), np.clip(rng.normal(0.45, 0.13, q.shape[:2]), 0.02, 1)
    )
    mad = np.where(wrong, rng.normal(1.2, 0.25, q.shape[:2]), rng.normal(0.5, 0.15, q.shape[:2])).clip(0.1)
    q = np.where(q[..., :1] < 0, -q, q)
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,), fields={"ci": ci, "mad": mad}), wrong


@pytest.mark.parametrize(("share", "spread"), [(0.0, 0.5), (0.06, 0.5), (0.06, 4.0), (0.3, 0.5)])
@pytest.mark.parametrize("fields", [("ci",), ("mad",), ("ci", "mad")])
def test_noise_is_found_and_metal_is_kept(share: float, spread: float, fields: tuple[str, ...]) -> None:
    ebsd, wrong = noisy(3, share, spread)
    found = find_noise(ebsd.replace(fields={name: ebsd.fields[name] for name in fields}))
    assert found.field in fields
    assert found.found[wrong].mean() > (0.9 if "mad" in fields else 0.95)
    assert found.found[~wrong].mean() < 0.002


def test_the_place_of_a_hole_tells_without_quality() -> None:
    ebsd, wrong = noisy(4, 0.05)
    hole = np.hypot(*(np.indices(ebsd.shape) - np.array([33, 20])[:, None, None])) < 8
    for fields in ({}, {"ci": np.ones(ebsd.shape)}):
        found = find_noise(ebsd.replace(fields=fields))
        assert found.field == ""
        assert found.found[hole].mean() > 0.95
        assert not found.found[~wrong].any()


def test_good_quality_speaks_for_a_point() -> None:
    ebsd, wrong = noisy(5, 0.06)
    rng = np.random.default_rng(0)
    same = rng.normal(0.5, 0.1, ebsd.shape)
    assert not find_noise(ebsd.replace(fields={"ci": same})).found.any()
    assert wrong.any()


@pytest.mark.parametrize("every", [1, 3, 5])
def test_small_grains_are_no_noise(every: int) -> None:
    """Grains of one and two points, whose quality is a little worse near boundaries."""
    ebsd = section_map(8, 129, 9.0)
    labels = find_grains(ebsd, minimum_pixels=1).labels
    near = np.zeros(ebsd.shape, bool)
    for axis in (0, 1):
        near |= labels != np.roll(labels, 1, axis)
    ci = np.random.default_rng(1).normal(0.5, 0.12, ebsd.shape) - 0.12 * near
    found = find_noise(ebsd.replace(fields={"ci": ci}).every(every))
    assert found.found.mean() < 0.005
    assert not find_noise(ebsd.every(every)).found.any()


def test_nothing_to_compare() -> None:
    ebsd, _ = noisy(6, 0.1)
    for part in (ebsd.cropped(1, 1), ebsd.cropped(4, 4), ebsd.replace(phase_id=np.zeros(ebsd.shape, np.int16))):
        assert not find_noise(part).found.any()
    spoilt = ebsd.replace(fields={"ci": np.where(ebsd.fields["ci"] < 0.1, np.nan, ebsd.fields["ci"])})
    assert find_noise(spoilt).field == ""


def test_it_is_said_and_the_points_are_not_indexed() -> None:
    ebsd, _ = noisy(7, 0.06)
    left, found = without_noise(ebsd)
    assert (left.phase_id[found.found] == 0).all()
    assert (left.quaternions[found.found] == [1, 0, 0, 0]).all()
    count = f"{found.found.sum():,} of 3,600 indexed points"
    assert count in left.notes[-1]
    assert "--keep-noise" in left.notes[-1]
    assert without_noise(left)[0].notes[-1:] == left.notes[-1:]


def test_a_noisy_bicrystal_with_a_hole_is_restored_as_two_grains_and_a_hole() -> None:
    ebsd, wrong = noisy(9, 0.06)
    result = gl.enhance(ebsd, scale=2, quality="fast")
    assert len(find_grains(result.map, minimum_pixels=4).grains) == 2
    hole = np.hypot(*(np.indices(ebsd.shape) - np.array([33, 20])[:, None, None])) < 6
    points = result.source[::2, ::2]
    assert (points[hole] == NOT_RESTORED).all()
    assert (points[wrong] == MEASURED).mean() < 0.01
    assert result.record["noise_points"]["points"] > 0.95 * wrong.sum()
    assert result.record["holes"]["places"] == 1
    said = " ".join(result.record["warnings"])
    assert "are taken as noise" in said
    assert "not restored" in said
    kept = gl.enhance(ebsd, scale=2, quality="fast", keep_noise=True, fill_holes=6)
    assert len(find_grains(kept.map, minimum_pixels=4).grains) > 5


# Share of the indexed points that are taken as noise. Of the steel and nickel maps they are the lone points of worst
# quality, and around the sample of IN100 a rim of noise.
REAL = {
    "pymicro/Ti64-200x200.ang": (0.0, 0.0),
    "pymicro/Ti_ebsd_demo_joao.h5": (0.0, 0.0),
    "lightform/Sample.cpr": (0.0, 0.001),
    "defdap/testDataEBSD.cpr": (0.0, 0.001),
    "ebsdlib/EdaxAngOnly.h5": (0.0, 0.01),
    "ebsdlab/EBSD.ang": (0.0, 0.01),
    "orix_data/sdss_ferrite_austenite.ang": (0.0, 0.005),
    "dream3d/Small_IN100_Slice1.dream3d": (0.1, 0.15),
}


@pytest.mark.parametrize("name", REAL)
def test_real_scans_lose_next_to_nothing(shared_data, name: str) -> None:
    ebsd = load_ebsd(shared_data / name)
    least, most = REAL[name]
    assert least <= find_noise(ebsd).found.sum() / ebsd.indexed.sum() <= most
