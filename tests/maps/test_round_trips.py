"""Every format that is written and can be read again, there and back several times: nothing moves, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io import load_ebsd, losses, save_ebsd
from grainlight.maps.io.save import OUTPUT_FORMATS
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.raster import is_turned
from grainlight.restore.result import Result
from grainlight.restore.saved import load_result

NOT_READ = (".vti", ".tif", ".tiff", ".png")
READ = [ending for ending in OUTPUT_FORMATS if ending not in NOT_READ]
PHASES = (
    Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0),
    Phase(3, "Ti \u03b2", "m-3m", 3.32, 3.32, 3.32, 90.0, 90.0, 90.0),
    Phase(4, "Quarz", "-3m", 4.913, 4.913, 5.405, 90.0, 90.0, 120.0),
)
FIELDS = {
    "iq": (0.0, 3000.0, 1),
    "ci": (0.01, 1.0, 3),
    "sem": (0.0, 200.0, 0),
    "fit": (0.2, 2.0, 3),
    "mad": (0.1, 1.5, 4),
    "bc": (1.0, 255.0, 0),
    "bs": (1.0, 255.0, 0),
    "bands": (4.0, 10.0, 0),
}


def drawn(shape=(9, 12), step=(0.3, 0.45), origin=(17.25, 3.6), grid="square", turned=False) -> OrientationMap:
    """Three phases with a gap in their numbers, some points not indexed, every vendor's quality fields."""
    rng = np.random.default_rng(4)
    phase_id = rng.choice([0, 1, 3, 4], size=shape, p=[0.1, 0.5, 0.2, 0.2]).astype(np.int16)
    q = quaternion_from_bunge(rng.uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (*shape, 3)))
    q[phase_id == 0] = [1, 0, 0, 0]
    fields = {
        name: rng.uniform(low, high, shape).round(places).astype(np.float32)
        for name, (low, high, places) in FIELDS.items()
    }
    fields["ci"][phase_id == 0] = -1.0
    made = OrientationMap.from_quaternions(
        q,
        step,
        PHASES,
        phase_id=phase_id,
        sample_frame=SampleFrame.EDAX1,
        crystal_frame=CrystalFrame.X_ALONG_A,
        fields=fields,
    ).replace(origin=origin)
    if grid == "hexagonal":
        dx = step[0]
        dy = dx * 3**0.5 / (6 if turned else 2)
        rows, cols = np.indices(shape)
        made = made.replace(x=cols * dx + rows % 2 * dx / 2, y=rows * dy, step=(dx, dy), grid="hexagonal")
    return made


def through(ebsd: OrientationMap, path: Path) -> OrientationMap:
    save_ebsd(ebsd, path)
    return load_ebsd(path)


def assert_same(before: OrientationMap, after: OrientationMap, ending: str) -> None:
    chosen = OUTPUT_FORMATS[ending]
    assert (after.shape, after.grid) == (before.shape, before.grid)
    np.testing.assert_allclose(after.step, before.step, rtol=1e-5)
    np.testing.assert_allclose(after.origin, before.origin, rtol=0, atol=1e-4 * max(before.step))
    np.testing.assert_allclose(after.x, before.x, atol=2e-4)
    np.testing.assert_allclose(after.y, before.y, atol=2e-4)
    expected = before.in_frame(after.sample_frame).in_crystal_frame(after.crystal_frame)
    at = before.indexed
    np.testing.assert_array_equal(after.indexed, at)
    turn = np.abs((expected.quaternions * after.quaternions).sum(-1))[at]
    assert np.degrees(2 * np.arccos(np.clip(turn, 0, 1))).max() < 0.02
    # numbers follow the order of the phases, which stays
    names = {phase.id: phase.name for phase in before.phases}, {phase.id: phase.name for phase in after.phases}
    assert [names[1][n] for n in after.phase_id[at]] == [names[0][n] for n in before.phase_id[at]]
    for one, other in zip(before.phases, after.phases, strict=True):
        assert replace(other, id=one.id, a=one.a, b=one.b, c=one.c, gamma=one.gamma, alpha=90.0, beta=90.0) == one
        np.testing.assert_allclose(other.lattice, one.lattice, rtol=2e-4)
    kept = (
        before.fields
        if chosen.fields is None
        else {name: before.fields[name] for name in chosen.fields if name in before.fields}
    )
    for name, values in kept.items():
        if name == "error":
            continue  # .ctf and .h5oina count errors otherwise
        where = at if name == "ci" else before.present
        np.testing.assert_allclose(after.fields[name][where], values[where], rtol=2e-4, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("ending", READ)
@pytest.mark.parametrize("origin", [(0.0, 0.0), (17.25, 3.6), (12345.678, 90000.3217), (0.15, 0.225)])
def test_square(tmp_path, ending, origin):
    before = drawn(origin=origin)
    after = before
    for trip in range(3):
        after = through(after, tmp_path / f"{trip}{ending}")
        assert_same(before, after, ending)
        assert after.notes == () or ending in (".dream3d",), after.notes


@pytest.mark.parametrize("ending", [e for e in READ if e not in (".ang",)])
def test_places_below_zero(tmp_path, ending):
    """OIM takes none: of `.ang` it is said (`losses`)."""
    before = drawn(origin=(-5.1, -0.45))
    assert_same(before, through(through(before, tmp_path / f"a{ending}"), tmp_path / f"b{ending}"), ending)
    assert not any("origin" in loss for loss in losses(before, tmp_path / f"a{ending}"))
    assert any("origin" in loss for loss in losses(before, tmp_path / "a.ang"))


@pytest.mark.parametrize("ending", [e for e in READ if OUTPUT_FORMATS[e].hexagonal])
@pytest.mark.parametrize("turned", [False, True])
def test_hexagonal_grids(tmp_path, ending, turned):
    before = drawn(grid="hexagonal", turned=turned)
    after = before
    for trip in range(3):
        after = through(after, tmp_path / f"{trip}{ending}")
        assert_same(before, after, ending)
        assert is_turned(after.step) is turned


@pytest.mark.parametrize("ending", [e for e in READ if not OUTPUT_FORMATS[e].hexagonal])
def test_formats_that_hold_no_hexagonal_grid_say_so(tmp_path, ending):
    with pytest.raises(ValueError, match="hexagonal grid"):
        save_ebsd(drawn(grid="hexagonal"), tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [e for e in READ if OUTPUT_FORMATS[e].absent])
def test_places_without_a_point(tmp_path, ending):
    before = drawn()
    phase_id = before.phase_id.copy()
    phase_id[2:4, 3:8] = -1
    q = before.quaternions.copy()
    q[phase_id < 0] = [1, 0, 0, 0]
    before = before.replace(phase_id=phase_id, quaternions=q)
    after = through(through(before, tmp_path / f"a{ending}"), tmp_path / f"b{ending}")
    np.testing.assert_array_equal(after.present, before.present)
    assert_same(before, after, ending)


@pytest.mark.parametrize("first", READ)
@pytest.mark.parametrize("second", READ)
def test_from_any_format_to_any_other(tmp_path, first, second):
    before = drawn()
    middle = through(before, tmp_path / f"a{first}")
    after = through(middle, tmp_path / f"b{second}")
    assert_same(middle, after, second)
    np.testing.assert_allclose(after.origin, before.origin, atol=1e-4)


def test_the_npz_of_a_result(tmp_path):
    before = drawn(step=(0.3, 0.3))
    layer = np.full(before.shape, 0.5, np.float32)
    result = Result(
        before,
        uncertainty=layer,
        boundary=layer,
        source=np.ones(before.shape, np.uint8),
        light=np.zeros((5, *before.shape), np.float32),
        measured=before.indexed,
        measured_points=before.quaternions[before.indexed],
        correction=layer,
        record={"frames": {"sample": "edax1", "crystal": "a"}, "ebsd": {"phases": {}}},
    )
    after = result
    for trip in range(2):
        after.save(tmp_path / f"{trip}.ctf")
        after = load_result(tmp_path / f"{trip}.npz")
        for found in (after.map, load_ebsd(tmp_path / f"{trip}.npz")):
            assert found.phases == before.phases
            np.testing.assert_array_equal(found.phase_id, before.phase_id)
            assert (found.origin, found.step) == (before.origin, before.step)
            for name, values in before.fields.items():
                np.testing.assert_array_equal(found.fields[name], values)
            assert np.abs(np.abs((found.quaternions * before.quaternions).sum(-1)) - 1).max() < 1e-6


def test_one_row_and_one_column(tmp_path):
    for shape in ((1, 7), (6, 1)):
        for ending in READ:
            before = drawn(shape=shape, step=(0.3, 0.3))
            after = through(before, tmp_path / f"a{ending}")
            assert after.shape == shape
            np.testing.assert_allclose(after.step, before.step, rtol=2e-6)
            np.testing.assert_allclose(after.origin, before.origin, atol=1e-4)
