"""Regions without contrast are found, and a place that they hid is found without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.kept import made, residual
from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.maps.light_stack import LightStack
from grainlight.register.featureless import without_featureless
from grainlight.register.register import register

STEP = 2.0


@pytest.fixture(scope="module")
def light() -> LightStack:
    return made("equiaxed:7", 153, 4, 4).light


@pytest.mark.parametrize("kind", ["dark", "bright", "grey"])
def test_a_blot_is_as_if_it_had_not_been_recorded(light: LightStack, kind: str) -> None:
    spoilt = damage_stack(light.images, light.angles, Damage(kind, 2, 4))
    found = without_featureless(replace(light, images=spoilt.images), STEP)
    assert found is not None
    lost = np.isnan(found.images).all(0)
    assert lost[spoilt.region].mean() > 0.95
    assert lost[~spoilt.region].mean() < 0.15
    assert (found.images[:, ~lost] == spoilt.images[:, ~lost]).all()


def test_light_of_grains_is_kept(light: LightStack) -> None:
    found = without_featureless(light, STEP)
    assert found is None or np.isnan(found.images).mean() < 0.1


def test_few_images_are_left_as_they_are(light: LightStack) -> None:
    assert without_featureless(replace(light, images=light.images[:3], angles=light.angles[:3]), STEP) is None


def test_what_was_not_recorded_is_no_region(light: LightStack) -> None:
    images = light.images.copy()
    images[:, :60] = np.nan
    found = without_featureless(replace(light, images=images), STEP)
    assert found is None or np.isnan(found.images[:, 70:]).mean() < 0.15


@pytest.mark.parametrize("kind", ["dark", "grey"])
def test_coarse_grains_under_a_blot_find_their_place(kind: str) -> None:
    task = made("equiaxed:7", 153, 4, 4)
    spoilt = damage_stack(task.light.images, task.light.angles, Damage(kind, 2, 4))
    found = register(task.task.coarse, replace(task.light, images=spoilt.images), scale=4)
    assert found.trusted
    assert residual(task, found.transform) < 0.6


def test_light_of_another_section_with_a_blot_is_not_trusted(light: LightStack) -> None:
    task = made("equiaxed:3", 153, 4, 2)
    spoilt = damage_stack(light.images, light.angles, Damage("dark", 2, 4))
    assert not register(task.task.coarse, replace(light, images=spoilt.images), scale=4).trusted
