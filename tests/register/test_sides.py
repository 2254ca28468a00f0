"""Points on their own sides of boundaries: closer than a fit of the light, and no freedom that nothing pays for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.misplaced import Misplaced, askew, misplace
from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.register.fine.evidence import halves, sound
from grainlight.register.fine.fit import Follow, fit
from grainlight.register.fine.sides import _own_light, refine, sided
from grainlight.register.fixed import fixed_map
from grainlight.register.level import Pair, PyramidLevel
from grainlight.register.moving import moving_light
from grainlight.register.register import register
from grainlight.register.transform import Transform, stated

from .conftest import section_map


def pair_of(task: Misplaced) -> Pair:
    fixed = fixed_map(task.task.coarse)
    return Pair(fixed, moving_light(task.light, fixed.step / task.task.scale * 1.001, fixed.broad), task.light.step)


def rms(task: Misplaced, found: Transform) -> float:
    return float(np.sqrt((task.residual(found) ** 2).mean()))


@pytest.fixture(scope="module", params=[31, 32])
def scanned(request: pytest.FixtureRequest) -> Misplaced:
    """Every 4th point of a section, askew and with drift; corrupted light."""
    return misplace(
        section_map(request.param, 133), askew(request.param), scale=4, level="corrupted", seed=request.param
    )


@pytest.fixture(scope="module")
def in_place() -> Misplaced:
    return misplace(section_map(31, 153), replace(askew(0), **_NOTHING), scale=4, level="corrupted", seed=31)


_NOTHING = {
    "rotation": 0.0,
    "scale": 0.0,
    "stretch": 0.0,
    "shear": 0.0,
    "shift": (0.0, 0.0),
    "drift": ((0.0, 0.0), (0.0, 0.0)),
}


def test_a_quarter_of_a_pixel_at_scale_four(scanned: Misplaced) -> None:
    found = register(scanned.task.coarse, scanned.light, scale=4)
    true = rms(scanned, found.transform)
    assert found.trusted
    assert found.method == "deformable"
    assert true < 0.25
    assert 0.5 * true < found.residual < 3 * true


def test_sides_are_closer_than_a_fit_of_the_light(scanned: Misplaced) -> None:
    pair = pair_of(scanned)
    use = np.ones(len(pair.fixed.points), dtype=bool)
    start = stated(scanned.light, pair.fixed.extent)
    fitted = fit(pair, fit(pair, start, "affine", use), "deformable", use, levels=(1.0, 0.5, 0.0))
    found = refine(pair, fitted, "deformable", use, drift=(2.0, 1.0))
    assert found is not None
    assert rms(scanned, found.transform) < 0.9 * rms(scanned, fitted)
    # and whatever the halves of the points tell alone is near what all of them tell
    for part in halves(pair.fixed):
        half = refine(pair, fitted, "deformable", part, drift=(2.0, 1.0))
        assert half is not None
        assert half.transform.distance(found.transform) < 0.5


def test_drift_is_taken_where_there_is_some(scanned: Misplaced, in_place: Misplaced) -> None:
    for task, drifted in ((scanned, True), (in_place, False)):
        pair = pair_of(task)
        use = np.ones(len(pair.fixed.points), dtype=bool)
        start = fit(pair, stated(task.light, pair.fixed.extent), "affine", use)
        straight = refine(pair, start, "affine", use)
        bent = refine(pair, fit(pair, start, "deformable", use), "deformable", use, drift=(2.0, 1.0))
        assert straight is not None
        assert bent is not None
        assert (bent.evidence_over(straight) > 5) is drifted
        if not drifted:
            # three parameters an axis gain what chance gives them
            assert straight.gain_over(sided(pair, stated(task.light, pair.fixed.extent), use)) < 14
            assert rms(task, straight.transform) < 0.2


def test_a_blot_does_not_speak(scanned: Misplaced) -> None:
    spoilt = damage_stack(scanned.light.images, scanned.light.angles, Damage("bright", 2, 7))
    task = replace(scanned, light=replace(scanned.light, images=spoilt.images))
    pair = pair_of(task)
    use = np.ones(len(pair.fixed.points), dtype=bool)
    placed = fit(pair, stated(task.light, pair.fixed.extent), "affine", use)
    row, column = np.rint(placed(pair.fixed.points)).astype(int).T[::-1]
    high, wide = task.light.shape
    under = spoilt.region[row.clip(0, high - 1), column.clip(0, wide - 1)]
    kept = sound(pair, placed, use)
    assert under.sum() > 100
    assert (~kept)[under].mean() > 0.8
    assert (~kept)[~under].mean() < 0.2
    found = register(task.task.coarse, task.light, scale=4)
    assert found.trusted
    assert rms(task, found.transform) < 0.4


def test_light_of_another_section_leaves_all_points(scanned: Misplaced) -> None:
    light = scanned.light
    pair = pair_of(replace(scanned, light=replace(light, images=light.images[:, ::-1, ::-1].copy())))
    use = np.ones(len(pair.fixed.points), dtype=bool)
    assert sound(pair, stated(light, pair.fixed.extent), use).sum() > 0.3 * len(use)


def test_nothing_is_told_without_boundaries() -> None:
    full = section_map(33, 97)
    q = np.broadcast_to(full.quaternions[:1, :1], full.quaternions.shape).copy()
    task = misplace(full.replace(quaternions=q), replace(askew(0), **_NOTHING), scale=4, level="clean", seed=1)
    pair = pair_of(task)
    use = np.ones(len(pair.fixed.points), dtype=bool)
    assert refine(pair, stated(task.light, pair.fixed.extent), "affine", use) is None


def test_where_no_point_is_on_the_images_nothing_is_read():
    images = torch.zeros(1, 5, 8, 9)
    assert PyramidLevel._read(images, np.zeros((0, 2))).shape == (5, 1, 0)
    assert PyramidLevel._read(images, np.zeros((4, 0, 2))).shape == (5, 4, 0)
    assert PyramidLevel._read(images, np.zeros((4, 3, 2))).shape == (5, 4, 3)


def test_a_grain_shows_the_light_of_its_own_points() -> None:
    rng = np.random.default_rng(0)
    row, column = np.indices((12, 16)).reshape(2, -1)
    right = column >= 8
    expected = np.stack((20.0 * right, -10.0 * right)).astype(np.float32)
    beside = np.stack((np.where(right, 3.0, -2.0), np.where(right, 0.0, 1.0)))
    noise = rng.normal(0, 0.3, beside.shape)
    noise[:, rng.random(len(row)) < 0.1] += 8.0
    rest = (beside + noise).astype(np.float32)
    state = Follow(rest, np.ones(len(row), np.float32), np.ones(2), np.zeros((2, 2)), np.ones(2))
    light, left = _own_light((12, 16), (row, column), expected, state)
    assert np.abs(light - expected - beside).max() < 0.5
    assert (left < 0.8).all()


def test_where_no_point_lies_in_the_light_its_grain_shows_what_its_axis_says() -> None:
    expected = np.ones((2, 12), np.float32)
    state = Follow(np.zeros((2, 12), np.float32), np.zeros(12, np.float32), np.zeros(2), np.zeros((2, 2)), np.ones(2))
    light, left = _own_light((3, 4), tuple(np.indices((3, 4)).reshape(2, -1)), expected, state)
    assert (light == expected).all()
    assert (left == 1).all()


def test_what_is_left_open_is_as_wide_as_the_error() -> None:
    """Once no point contradicts its side, the error is that of the whole range of such places, not of one of them."""
    truth = replace(askew(31), drift=_NOTHING["drift"])
    task = misplace(section_map(31, 133), truth, scale=4, level="corrupted", seed=31)
    pair = pair_of(task)
    start = fit(pair, stated(task.light, pair.fixed.extent), "affine", np.ones(len(pair.fixed.points), dtype=bool))
    rng = np.random.default_rng(0)
    wrong, said = [], []
    for _ in range(8):
        found = refine(pair, start, "affine", rng.random(len(pair.fixed.points)) < 0.3)
        assert found is not None
        wrong.append(rms(task, found.transform))
        said.append(found.chance)
    assert 0.8 < np.sqrt(np.mean(np.square(said)) / np.mean(np.square(wrong))) < 1.8
