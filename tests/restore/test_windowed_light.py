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
from grainlight.register.warp import lay
from grainlight.restore.light import PlacedLight, place_light
from grainlight.restore.light_source import light_source
from grainlight.restore.place import Placed, place
from grainlight.restore.windowed_light import WindowedLight, place_windowed, usual_levels
from grainlight.restore.windows import windows


@pytest.fixture(scope="module")
def taken() -> tuple[OrientationMap, LightStack, Placed]:
    full = validation_section("equiaxed", 2, 193, first=6_100_000).full
    task = degrade(full, scale=2, level="corrupted", seed=5)
    assert task.stack is not None
    return task.coarse, task.stack, place(task.coarse, 2)


def _windowed(stack: LightStack, placed: Placed, transform: Transform | None = None) -> list[PlacedLight]:
    """The parts of three windows by three, and the whole put together of them."""
    cut = windows(*placed.shape, 64, 48, at_once=1)
    light = place_windowed(light_source(stack, transform, placed.step, placed.left), placed, cut, 0.5)
    assert isinstance(light, WindowedLight)
    state, sigma = torch.zeros(5, *placed.shape), torch.zeros(3, *placed.shape)
    flags = torch.zeros(placed.shape, dtype=torch.uint8)
    parts = [light.part(window) for window in cut]
    for window, part in zip(cut, parts, strict=True):
        state[:, *window.inner], sigma[:, *window.inner] = (
            part.state[:, *window.kept],
            part.sigma[:, *window.kept],
        )
        flags[*window.inner] = part.flags[*window.kept]
    report = light.report | usual_levels([part.report for part in parts], [window.pixels for window in cut])
    return [*parts, PlacedLight(state, sigma, flags, report, light.warnings)]


def _alike(found: PlacedLight, whole: PlacedLight) -> None:
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


def test_stack_of_the_same_grid(taken: tuple[OrientationMap, LightStack, Placed]) -> None:
    _, stack, placed = taken
    _alike(_windowed(stack, placed)[-1], place_light(stack, placed, 0.5))


def test_mirrored_stack_of_another_step_that_hangs_over_the_edge(
    taken: tuple[OrientationMap, LightStack, Placed],
) -> None:
    _, stack, placed = taken
    images = stack.images[:, 20:, 31:].repeat(2, 1).repeat(2, 2)[:, :-1, ::-1]
    half = stack.step / 2
    other = replace(
        stack,
        images=np.ascontiguousarray(images),
        step=half,
        origin=(31 * stack.step - half / 2, 20 * stack.step - half / 2),
        mirror=True,
    )
    _alike(_windowed(other, placed)[-1], place_light(other, placed, 0.5))


def test_finer_stack_that_most_windows_are_not_on(taken: tuple[OrientationMap, LightStack, Placed]) -> None:
    _, stack, placed = taken
    clean = stack.images[:, :90, :100].repeat(3, 1).repeat(3, 2).astype(np.float32)
    noise = np.random.default_rng(0).normal(0.0, 2.0 * np.sqrt(np.maximum(clean, 1.0)))
    third = stack.step / 3
    images = (clean + noise).clip(0.0, 60_000.0).astype(np.float32)
    finer = replace(stack, images=images, step=third, origin=(-third, -third))
    _alike(_windowed(finer, placed)[-1], place_light(finer, placed, 0.5))


def test_moved_stack(taken: tuple[OrientationMap, LightStack, Placed]) -> None:
    _, stack, placed = taken
    turn = np.radians(0.4)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / stack.step
    side = stack.shape[0] * placed.step
    there = Transform(matrix, np.array([-0.3, 0.2]), (0.0, 0.0, side, side))
    rows, columns = placed.shape
    laid = lay(stack, there, rows=rows, columns=columns, step=placed.step, left=placed.left)
    _alike(_windowed(stack, placed, there)[-1], place_light(laid, placed, 0.5))


def test_the_full_scale_is_that_of_all_images(taken: tuple[OrientationMap, LightStack, Placed]) -> None:
    _, stack, placed = taken
    assert stack.images.max() > 1023
    images = np.clip(stack.images, 0, 4000).astype(np.uint16)
    images[:, :64, :64] = np.minimum(images[:, :64, :64], 1022)
    images[0, 5, 7] = 1023
    images[3, 100, 100] = 3000
    source = light_source(replace(stack, images=images, saturation=None), None, placed.step, placed.left)
    assert not source.harmonics(slice(0, 64), slice(0, 64)).clipped.any()
    images[3, 100, 100] = 4095
    source = light_source(replace(stack, images=images, saturation=None), None, placed.step, placed.left)
    assert source.harmonics(slice(96, 128), slice(96, 128)).clipped.any()


def test_light_of_another_place_is_not_used(taken: tuple[OrientationMap, LightStack, Placed]) -> None:
    _, stack, placed = taken
    noise = np.random.default_rng(0).poisson(500, stack.images.shape).astype(np.uint16)
    cut = windows(*placed.shape, 64, 48, at_once=1)
    source = light_source(replace(stack, images=noise), None, placed.step, placed.left)
    light = place_windowed(source, placed, cut, 0.5)
    assert isinstance(light, PlacedLight)
    assert light.report == {"used": False}
    part = light.part(cut[4])
    assert torch.isinf(part.sigma).all()
    assert part.state.shape[1:] == part.flags.shape
