"""What an image did not record is missing in it; what is dark in earnest stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Task, degrade
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.light.images.recorded import recorded
from grainlight.restore.light.registration import screened


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
    missing, black = np.isnan(found.light.images), before.images == 0
    assert missing[black].mean() > 0.99
    # A pixel around is mixed with the fill where images are turned back.
    assert (missing & ~black).mean() < 0.1
    there = ~missing
    assert (found.light.images[there] == before.images[there]).all()
    assert "margins" in found.told[0]


def test_images_of_one_count_are_left_out_before(full: OrientationMap) -> None:
    before = _damaged(full, "black image")
    found = screened(before)
    assert found.light is not None
    left = (before.images > 0).any((1, 2))
    assert (found.light.angles == before.angles[left]).all()
    assert not np.isnan(found.light.images.astype(float)).any()
    assert "4 of 18 light images" in found.notes[0]


def test_nothing_is_left_of_a_stack_of_zeros(stack: LightStack) -> None:
    found = screened(replace(stack, images=np.zeros_like(stack.images)))
    assert found.light is None
    assert found.reason is not None
    assert "is 0" in found.reason


@pytest.mark.parametrize("kind", ["corners", "border"])
def test_it_is_said_once_what_was_not_recorded(full: OrientationMap, kind: str) -> None:
    notes = screened(_damaged(full, kind)).notes
    assert len(notes) == 1
    assert "margins" in notes[0]


@pytest.mark.parametrize("fill", [0, 65535])
def test_corners_are_missing_whatever_they_are_filled_with(full: OrientationMap, fill: int) -> None:
    before = _damaged(full, "corners")
    black = before.images == 0
    found = recorded(replace(before, images=np.where(black, fill, before.images).astype(np.uint16), saturation=None))
    assert np.isnan(found.light.images)[black].mean() > 0.99


def test_a_grain_in_extinction_is_dark_and_not_missing(stack: LightStack) -> None:
    """Black in the images in which its harmonics are, as those of a camera without an offset."""
    t = np.radians(stack.angles)
    images = stack.images.copy()
    images[:, :20, :20] = np.maximum(0, np.round(400 * (1 - np.cos(4 * t)) - 40))[:, None, None].astype(np.uint16)
    assert (images == 0).any()
    found = recorded(replace(stack, images=images))
    assert not np.isnan(found.light.images.astype(float)).any()


def test_what_is_no_number_was_not_recorded(stack: LightStack) -> None:
    images = stack.images.astype(np.float32)
    images[3, :9, :9] = np.nan
    found = recorded(replace(stack, images=images))
    assert np.isnan(found.light.images).sum() == 81
