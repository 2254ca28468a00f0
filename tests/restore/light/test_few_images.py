"""Light on its way to the network: one image beats none, what says nothing is left out, flags reach the result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.metrics import score
from grainlight.maps.light_stack import LightStack
from grainlight.restore.light.few_images import calibrate_few
from grainlight.restore.points.grid import rasterise
from grainlight.restore.result import Result
from grainlight.restore.uncertainty.residual import AGAINST_MAP, all_flags


def few(stack: LightStack | None, frames: list[int], angles: list[float] | None = None) -> LightStack:
    assert stack is not None
    return replace(stack, images=stack.images[frames], angles=np.array(angles or stack.angles[frames]))


def edge_f1(task: Task, result: Result) -> float:
    found = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    return score(found.quaternions, task.truth, task.measured).edge_f1


@pytest.fixture(scope="module")
def by_images(lit: Task) -> dict[str, Result]:
    stacks = {
        "none": None,
        "one": few(lit.stack, [0]),
        "unknown": few(lit.stack, [0], [np.nan]),
        "all": lit.stack,
    }
    return {name: gl.enhance(lit.coarse, stack, scale=4, quality="fast", noise=0.5) for name, stack in stacks.items()}


def test_one_image_beats_none_and_eighteen_beat_one(lit: Task, by_images: dict[str, Result]) -> None:
    f1 = {name: edge_f1(lit, result) for name, result in by_images.items()}
    assert f1["none"] + 0.05 < f1["one"] < f1["all"]


def test_the_setting_of_a_single_image_need_not_be_known(by_images: dict[str, Result]) -> None:
    np.testing.assert_array_equal(by_images["one"].map.quaternions, by_images["unknown"].map.quaternions)
    for name, word in (("one", "different angles"), ("unknown", "settings unknown")):
        assert any(word in warning for warning in by_images[name].record["warnings"])


def test_flags_are_in_the_result(tmp_path: Path, by_images: dict[str, Result]) -> None:
    assert by_images["none"].light_flags is None
    flags = by_images["all"].light_flags
    assert flags is not None
    assert flags.shape == by_images["all"].source.shape
    assert flags.dtype == np.uint16
    by_images["all"].save(tmp_path / "a.ang")
    with np.load(tmp_path / "a.npz") as data:
        np.testing.assert_array_equal(data["light_flags"], flags)


def test_light_against_the_restored_map_is_flagged(lit: Task) -> None:
    found = calibrate_few(few(lit.stack, [0, 5]), rasterise(lit.coarse, 4))
    missed = np.ones(lit.measured.shape, np.float32)
    missed[3:6, 4:9], missed[0, 0] = 4.0, np.nan
    flags = all_flags(found, missed)
    assert ((flags & AGAINST_MAP > 0) == (np.nan_to_num(missed) > 2)).all()
    np.testing.assert_array_equal(flags & ~np.uint16(AGAINST_MAP), found.flags.numpy())


def test_images_of_another_place_are_left_out(lit: Task) -> None:
    grid = rasterise(lit.coarse, 4)
    stack = few(lit.stack, [0, 5])
    turned = replace(stack, images=stack.images[:, ::-1, ::-1].copy())
    found = calibrate_few(turned, grid)
    assert bool(np.isinf(found.sigma.numpy()).all())
    assert any("not used" in warning for warning in found.warnings)


def test_an_image_that_shows_nothing_is_dropped_and_the_other_used(lit: Task) -> None:
    stack = few(lit.stack, [0, 5])
    images = stack.images.copy()
    images[1] = np.random.default_rng(0).normal(900, 30, images[1].shape)
    found = calibrate_few(replace(stack, images=images), rasterise(lit.coarse, 4))
    assert any("1 of 2 images" in warning for warning in found.warnings)
    assert np.isfinite(found.sigma.numpy()).mean() > 0.5


def test_a_mirrored_single_image(lit: Task) -> None:
    stack = few(lit.stack, [3])
    grid = rasterise(lit.coarse, 4)
    plain = calibrate_few(stack, grid)
    mirrored = calibrate_few(replace(stack, images=stack.images[:, :, ::-1].copy(), mirror=True), grid)
    np.testing.assert_array_equal(plain.state.numpy(), mirrored.state.numpy())
