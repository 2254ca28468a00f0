"""Images that the others contradict are left out, images out of order are put into it, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import LEVELS, Level, degrade
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.light.images.wrong_images import check_images


def taken(full: OrientationMap, level: Level, damage: Damage | None = None) -> LightStack:
    found = degrade(full, scale=4, level=level, seed=2, damage=damage).stack
    assert found is not None
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_honest_stacks_stay_as_they_are(full: OrientationMap, level: Level) -> None:
    stack = taken(full, level)
    found = check_images(stack)
    assert found.light is stack
    assert found.told == ()


@pytest.mark.parametrize("kind", ["repeated", "moved image", "inverted", "order"])
@pytest.mark.parametrize("level", ["clean", "mild"])
def test_a_wrong_image_is_left_out(full: OrientationMap, kind: str, level: Level) -> None:
    right, wrong = taken(full, level), taken(full, level, Damage(kind, 1, 4))
    changed = (right.images != wrong.images).any((1, 2))
    found = check_images(wrong)
    left = np.isin(wrong.angles, found.light.angles)
    assert not left[changed].any()
    assert left[~changed].all()
    assert "are not used" in found.told[0]


@pytest.mark.parametrize("level", ["clean", "corrupted", "severe"])
def test_images_in_any_order_are_sorted(full: OrientationMap, level: Level) -> None:
    right, wrong = taken(full, level), taken(full, level, Damage("order", 3, 4))
    found = check_images(wrong)
    assert len(found.light.images) == len(right.images)
    # Neighbours in the order found are neighbours in angle; where it begins, and which way it runs, light cannot tell.
    place = [next(k for k, x in enumerate(right.images) if (x == image).all()) for image in found.light.images]
    steps = np.mod(np.diff(place), 18)
    assert (steps == 1).all() or (steps == 17).all()
    assert "another order" in found.told[0]


def test_few_images_are_not_judged(full: OrientationMap) -> None:
    stack = taken(full, "clean", Damage("order", 3, 4))
    few = LightStack(stack.images[:7], stack.angles[:7], stack.step)
    assert check_images(few).light is few
