"""What an image did not record is missing in it; what is dark in earnest stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Task, degrade
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.light.recorded import recorded


@pytest.fixture(scope="module")
def stack(lit: Task) -> LightStack:
    assert lit.stack is not None
    return replace(lit.stack, images=lit.stack.images.astype(np.uint16))


def _damaged(full: OrientationMap, kind: str) -> LightStack:
    found = degrade(full, scale=4, level="clean", seed=1, damage=Damage(kind)).stack
    assert found is not None
    return replace(found, images=found.images.astype(np.uint16))


def test_a_whole_stack_stays_as_it_is(stack: LightStack) -> None:
    found = recorded(stack)
    assert found.light is stack
    assert found.told == ()


@pytest.mark.parametrize("kind", ["corners", "border", "lower black"])
def test_black_places_are_missing(full: OrientationMap, stack: LightStack, kind: str) -> None:
    before = _damaged(full, kind)
    found = recorded(before)
    assert found.light is not None
    missing, black = np.isnan(found.light.images), before.images == 0
    assert missing[black].mean() > 0.99
    # A pixel around is mixed with the fill where images are turned back.
    assert (missing & ~black).mean() < 0.1
    there = ~missing
    assert (found.light.images[there] == before.images[there]).all()
    assert "missing" in found.told[0]


def test_images_of_one_count_are_left_out(full: OrientationMap) -> None:
    before = _damaged(full, "black image")
    found = recorded(before)
    assert found.light is not None
    left = (before.images > 0).any((1, 2))
    assert (found.light.angles == before.angles[left]).all()
    assert "4 of 18 images" in found.told[0]


def test_nothing_is_left_of_a_stack_of_zeros(stack: LightStack) -> None:
    found = recorded(replace(stack, images=np.zeros_like(stack.images)))
    assert found.light is None
    assert "not used" in found.told[0]


def test_a_grain_in_extinction_is_dark_and_not_missing(stack: LightStack) -> None:
    """Black in the images in which its harmonics are, as those of a camera without an offset."""
    t = np.radians(stack.angles)
    images = stack.images.copy()
    images[:, :20, :20] = np.maximum(0, np.round(400 * (1 - np.cos(4 * t)) - 40))[:, None, None].astype(np.uint16)
    assert (images == 0).any()
    found = recorded(replace(stack, images=images))
    assert found.light is not None
    assert not np.isnan(found.light.images.astype(float)).any()


def test_what_is_no_number_was_not_recorded(stack: LightStack) -> None:
    images = stack.images.astype(np.float32)
    images[3, :9, :9] = np.nan
    found = recorded(replace(stack, images=images))
    assert found.light is not None
    assert np.isnan(found.light.images).sum() == 81
