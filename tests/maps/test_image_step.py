"""A step with which the images cannot show the map is refused, with the unit that it is likely to be in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.images.step import check_step
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap

from .samples import TITANIUM

STACK = LightStack(np.ones((1, 80, 96), np.uint8), np.zeros(1), 0.5)  # 48 x 40 um


@pytest.fixture
def ebsd():
    quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (20, 24, 1))
    return OrientationMap.from_quaternions(quaternions, step=(2.0, 2.0), phases=(TITANIUM,))


@pytest.mark.parametrize(
    ("step", "unit"), [(500, "nm"), (0.0005, "mm"), (5000, "Angstrom"), (5e-7, "in m?"), (1e30, "")]
)
def test_steps_that_cannot_be(ebsd, step, unit):
    with pytest.raises(InputError, match=f"{unit}.*um per pixel"):
        check_step(ebsd, replace(STACK, step=step))


@pytest.mark.parametrize("step", [0.1, 0.25, 0.5, 1, 2, 4])
def test_steps_that_can(ebsd, step):
    check_step(ebsd, replace(STACK, step=step))


def test_a_mosaic_and_a_detail_can_be(ebsd):
    check_step(ebsd, replace(STACK, images=np.ones((1, 2000, 2000), np.uint8)))
    check_step(ebsd, replace(STACK, images=np.ones((1, 16, 20), np.uint8)))
