"""Light that is brought to the map window by window is the light of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.reference_map import validation_section
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform
from grainlight.register.warp import warp_stack
from grainlight.restore.large.windows import windows
from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.light.calibration import WindowedLight, calibrate_light, calibrate_source, usual_levels
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.light.source import light_source
from grainlight.restore.points.grid import PointGrid, rasterise


@pytest.fixture(scope="module")
def taken() -> tuple[OrientationMap, LightStack, PointGrid]:
    full = validation_section("equiaxed", 2, 193, first=6_100_000).full
    task = degrade(full, scale=2, level="corrupted", seed=5)
    assert task.stack is not None
    return task.coarse, task.stack, rasterise(task.coarse, 2)


def _windowed(stack: LightStack, grid: PointGrid, transform: Transform | None = None) -> list[CalibratedLight]:
    """The parts of three windows by three, and the whole put together of them."""
    cut = windows(*grid.shape, 64, 48, at_once=1)
    light = calibrate_source(light_source(stack, transform, grid.step, grid.left), grid, cut, 0.5)
    assert isinstance(light, WindowedLight)
    state, sigma = torch.zeros(5, *grid.shape), torch.zeros(3, *grid.shape)
    flags = torch.zeros(grid.shape, dtype=torch.int16)
    parts = [light.part(window) for window in cut]
    for window, part in zip(cut, parts, strict=True):
        state[:, *window.inner], sigma[:, *window.inner] = (
            part.state[:, *window.kept],
            part.sigma[:, *window.kept],
        )
        flags[*window.inner] = part.flags[*window.kept]
    report = light.report | usual_levels([part.report for part in parts], [window.pixels for window in cut])
    return [*parts, CalibratedLight(state, sigma, flags, report, light.warnings)]


def _whole(stack: LightStack, grid: PointGrid) -> CalibratedLight:
    """The light of one window that is the map."""
    light = calibrate_light(RegisteredLight(stack, None), grid, 0.5)
    assert isinstance(light, CalibratedLight)
    return light


def _alike(found: CalibratedLight, whole: CalibratedLight) -> None:
    known = torch.isfinite(found.sigma).all(0)
    assert (known == torch.isfinite(whole.sigma).all(0)).float().mean() > 0.999
    known &= torch.isfinite(whole.sigma).all(0)
    groups = torch.tensor([0, 1, 1, 2, 2])
    assert ((found.state - whole.state) / whole.sigma[groups])[:, known].abs().max() < 0.2
    ratio = (found.sigma / whole.sigma)[:, known]
    assert ratio.log().abs().median() < 0.02
    # The cells that contradictions are counted in begin elsewhere: one pixel in a hundred falls the other way.
    assert (ratio.log().abs() < 0.1).float().mean() > 0.96
    assert (found.flags == whole.flags).float().mean() > 0.96
    for name, value in whole.report.items():
        if isinstance(value, float) and np.isfinite(value):
            near = 0.1 if name.endswith("_deg") else 0.02
            assert found.report[name] == pytest.approx(value, rel=0.1, abs=near), name
    assert set(found.report) == set(whole.report)


def test_stack_of_the_same_grid(taken: tuple[OrientationMap, LightStack, PointGrid]) -> None:
    _, stack, grid = taken
    _alike(_windowed(stack, grid)[-1], _whole(stack, grid))


def test_mirrored_stack_of_another_step_that_hangs_over_the_edge(
    taken: tuple[OrientationMap, LightStack, PointGrid],
) -> None:
    _, stack, grid = taken
    images = stack.images[:, 20:, 31:].repeat(2, 1).repeat(2, 2)[:, :-1, ::-1]
    half = stack.step / 2
    other = replace(
        stack,
        images=np.ascontiguousarray(images),
        step=half,
        origin=(31 * stack.step - half / 2, 20 * stack.step - half / 2),
        mirror=True,
    )
    _alike(_windowed(other, grid)[-1], _whole(other, grid))


def test_finer_stack_that_most_windows_are_not_on(taken: tuple[OrientationMap, LightStack, PointGrid]) -> None:
    _, stack, grid = taken
    clean = stack.images[:, :90, :100].repeat(3, 1).repeat(3, 2).astype(np.float32)
    noise = np.random.default_rng(0).normal(0.0, 2.0 * np.sqrt(np.maximum(clean, 1.0)))
    third = stack.step / 3
    images = (clean + noise).clip(0.0, 60_000.0).astype(np.float32)
    finer = replace(stack, images=images, step=third, origin=(-third, -third))
    _alike(_windowed(finer, grid)[-1], _whole(finer, grid))


def test_moved_stack(taken: tuple[OrientationMap, LightStack, PointGrid]) -> None:
    _, stack, grid = taken
    turn = np.radians(0.4)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / stack.step
    side = stack.shape[0] * grid.step
    there = Transform(matrix, np.array([-0.3, 0.2]), (0.0, 0.0, side, side))
    rows, columns = grid.shape
    registered = warp_stack(stack, there, rows=rows, columns=columns, step=grid.step, left=grid.left)
    _alike(_windowed(stack, grid, there)[-1], _whole(registered, grid))


def test_the_full_scale_is_that_of_all_images(taken: tuple[OrientationMap, LightStack, PointGrid]) -> None:
    _, stack, grid = taken
    assert stack.images.max() > 1023
    images = np.clip(stack.images, 0, 4000).astype(np.uint16)
    images[:, :64, :64] = np.minimum(images[:, :64, :64], 1022)
    images[0, 5, 7] = 1023
    images[3, 100, 100] = 3000
    source = light_source(replace(stack, images=images, saturation=None), None, grid.step, grid.left)
    assert not source.harmonics(slice(0, 64), slice(0, 64)).clipped.any()
    images[3, 100, 100] = 4095
    source = light_source(replace(stack, images=images, saturation=None), None, grid.step, grid.left)
    assert source.harmonics(slice(96, 128), slice(96, 128)).clipped.any()


def test_light_of_another_place_is_not_used(taken: tuple[OrientationMap, LightStack, PointGrid]) -> None:
    _, stack, grid = taken
    noise = np.random.default_rng(0).poisson(500, stack.images.shape).astype(np.uint16)
    cut = windows(*grid.shape, 64, 48, at_once=1)
    source = light_source(replace(stack, images=noise), None, grid.step, grid.left)
    light = calibrate_source(source, grid, cut, 0.5)
    assert isinstance(light, CalibratedLight)
    assert light.report["used"] is False
    assert "no harmonic rises" in light.report["refused"]
    part = light.part(cut[4])
    assert torch.isinf(part.sigma).all()
    assert part.state.shape[1:] == part.flags.shape
