"""Light in its stated place is used on few grains, and on a part of the map; light of another place is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.register.register import register
from grainlight.synth import camera

ROW, COLUMN = np.mgrid[:97, :113]
FIELDS = {
    "straight": (COLUMN > 60).astype(int),
    "oblique": (COLUMN + 0.6 * ROW > 85).astype(int),
    "round": ((COLUMN - 50) ** 2 + (ROW - 45) ** 2 < 30**2).astype(int),
    "corner": ((COLUMN < 45) & (ROW < 50)).astype(int),
    "lamellae": (COLUMN - ROW // 2) // 12 % 2,
    "three": (COLUMN > 50).astype(int) + ((COLUMN > 50) & (ROW > 40)),
}


def made(name: str, level: str = "corrupted") -> tuple[OrientationMap, LightStack]:
    """A field of two or three grains at every fourth point with half a degree of noise, and its light in place."""
    seed = list(FIELDS).index(name)
    rng = np.random.default_rng(seed)
    # c-axes that lean to different sides
    euler = np.radians([[rng.uniform(0, 30) + 50 * k, 35 + 20 * k, 10] for k in range(3)])[FIELDS[name]]
    coarse = euler[::4, ::4] + np.radians(0.3) * rng.normal(size=euler[::4, ::4].shape)
    full = OrientationMap.from_quaternions(quaternion_from_bunge(euler), (0.5, 0.5), (TITANIUM,), source="made")
    ebsd = OrientationMap.from_quaternions(quaternion_from_bunge(coarse), (2.0, 2.0), (TITANIUM,), source="made")
    settings = replace(camera.PRESETS[level](seed, metal="Ti"), angles=tuple(range(0, 180, 15)))
    shot = camera.simulate_stack(torch.from_numpy(full.c_axes()), settings, torch.Generator().manual_seed(seed))
    return ebsd, LightStack(shot.images.numpy(), np.arange(0.0, 180.0, 15.0), 0.5, saturation=4095.0)


def first_of(light: LightStack) -> LightStack:
    """The first image alone."""
    return replace(light, images=light.images[:1], angles=light.angles[:1])


@pytest.mark.parametrize("name", FIELDS)
def test_light_in_its_place_on_few_grains(name):
    ebsd, light = made(name)
    found = register(ebsd, light)
    assert found.trusted
    assert found.moved < 2.0  # half an EBSD step
    assert found.method in ("stated", "translation") or name == "lamellae"


def test_a_place_that_others_equal_is_said_to_be_believed():
    found = register(*made("straight"))
    assert any("believed" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", FIELDS)
def test_light_of_another_field_is_not_used(name):
    ebsd = made(name)[0]
    for other in FIELDS:
        if other != name and {name, other} != {"straight", "three"}:  # they share a boundary
            assert not register(ebsd, made(other, "mild")[1]).trusted, other


@pytest.mark.parametrize("name", ["oblique", "round", "corner", "three"])
def test_one_image_in_its_place(name):
    ebsd, light = made(name)
    found = register(ebsd, first_of(light))
    assert found.trusted
    assert found.moved < 4.0  # an EBSD step: one image need not show every boundary


@pytest.mark.parametrize("name", FIELDS)
def test_one_image_of_another_field_is_not_used(name):
    ebsd = made(name)[0]
    for other in FIELDS:
        if other != name and {name, other} != {"straight", "three"}:
            assert not register(ebsd, first_of(made(other, "mild")[1])).trusted, other


@pytest.mark.parametrize("share", [0.36, 0.5])
@pytest.mark.parametrize("corner", [(0, 0), (20, 30)])
def test_a_part_of_the_field_in_its_place(still, share, corner):
    light = still.light
    high, wide = (int(n * share**0.5) for n in light.shape)
    top, left = corner
    part = light.images[:, top : top + high, left : left + wide]
    place = (light.origin[0] + left * light.step, light.origin[1] + top * light.step)
    found = register(still.task.coarse, replace(light, images=part, origin=place), scale=2)
    assert found.trusted
    assert found.moved < 1.5


@pytest.mark.parametrize("first", [(2, 2), (3, 5), (6, 1)])
def test_a_map_that_begins_some_points_inside_is_found(still, first):
    """From so far off a shift comes to the place, where no point of the stated one tells its side."""
    whole, (top, left) = still.task.coarse, first
    part = OrientationMap.from_quaternions(
        np.array(whole.quaternions[top:-2, left:-2]),
        whole.step,
        whole.phases,
        phase_id=np.array(whole.phase_id[top:-2, left:-2]),
        sample_frame=whole.sample_frame,
        crystal_frame=whole.crystal_frame,
    )
    found = register(part, still.light, scale=2)
    assert found.trusted
    right = 2.0 * np.array([left, top]) - np.array(still.light.origin) / still.light.step
    assert np.hypot(*(found.transform(np.zeros(2)) - right)) < 1


def test_a_photograph_is_not_found_on_few_grains():
    ebsd = made("round")[0]
    rng = np.random.default_rng(5)
    spots = np.zeros((97, 113))
    for y, x, r in zip(rng.uniform(0, 97, 40), rng.uniform(0, 113, 40), rng.uniform(4, 12, 40), strict=True):
        spots[(ROW - y) ** 2 + (COLUMN - x) ** 2 < r**2] = rng.uniform(50, 250)
    photo = LightStack(spots[None].astype(np.float32), np.array([np.nan]), 0.5)
    assert not register(ebsd, photo).trusted
