"""Images that show nothing are told from those that do, before anything is fitted to them."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.maps.images.condition import condition
from grainlight.maps.images.margin import zero_is_margin
from grainlight.maps.light_stack import LightStack
from grainlight.restore.light.images.recorded import recorded

ANGLES = np.arange(0.0, 180.0, 10.0)


def light(images=None, angles=ANGLES, saturation=4095.0):
    if images is None:
        images = np.random.default_rng(0).integers(900, 3000, (len(angles), 40, 50)).astype(np.uint16)
    return LightStack(images, angles, 0.5, saturation=saturation)


def test_good_images_are_left_alone():
    good = light()
    found = condition(good)
    assert found.light is good
    assert found.notes == ()
    assert found.reason is None


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (np.zeros((18, 9, 9), np.uint16), "is 0"),
        (np.full((18, 9, 9), 900, np.uint16), "is 900"),
        (np.full((18, 9, 9), 4095, np.uint16), "saturated"),
        (np.repeat(np.arange(18, dtype=np.uint16), 81).reshape(18, 9, 9) + 900, "contrast"),
        (np.repeat(light().images[:1], 18, 0), "1 image, again"),
        (np.repeat(light().images[:3], 6, 0), "3 images, again"),
    ],
)
def test_images_that_are_worth_nothing(images, word):
    found = condition(light(images))
    assert found.light is None
    assert word in (found.reason or "")


@pytest.mark.parametrize(("share", "used"), [(0.999, False), (0.02, True), (0.004, True)])
def test_the_share_that_is_saturated_is_stated(share, used):
    images = light().images.copy()
    clipped = np.random.default_rng(1).random(images.shape[1:]) < share
    images[:, clipped] = 4095
    found = condition(light(images))
    assert (found.light is not None) == used
    told = found.reason if found.reason else " ".join(found.notes)
    assert ("saturated" in told) == (float(clipped.mean()) > 0.02 or not used)


def test_images_without_contrast_are_left_out():
    images = light().images.copy()
    images[7], images[3] = 0, 1234
    found = condition(light(images))
    assert found.light is not None
    np.testing.assert_array_equal(found.light.angles, np.delete(ANGLES, [3, 7]))
    assert "30 degrees, 70 degrees" in found.notes[0]


def test_copies_are_said_and_of_few_images_refused():
    found = condition(light(np.repeat(light().images[::2], 2, 0)))
    assert found.light is not None
    assert "9 of 18" in found.notes[0]
    few = light(np.repeat(light().images[:1], 3, 0), np.full(3, np.nan))
    assert condition(few).light is None


@pytest.mark.parametrize("kind", ["half", "corners"])
def test_margins_are_no_dark_metal(kind):
    images = light().images.copy()
    row, column = np.mgrid[:40, :50]
    for k, image in enumerate(images):
        image[column < 20 if kind == "half" else row + column < 2 + k] = 0
    assert zero_is_margin(images)
    found = recorded(light(images))
    assert np.array_equal(np.isnan(found.light.images), images == 0)
    assert "margins" in found.told[0]


def test_an_image_of_one_count_beside_its_margins_is_left_out():
    images = light().images.copy()
    images[:, :, :20] = 0
    images[4, :, 20:] = 1234
    found = condition(light(images))
    assert found.light is not None
    np.testing.assert_array_equal(found.light.angles, np.delete(ANGLES, 4))


def test_dark_metal_is_no_margin():
    rng = np.random.default_rng(3)
    images = rng.poisson(rng.gamma(0.5, 40, (18, 40, 50))).astype(np.uint16)  # down to 0 by and by
    assert float((images == 0).mean()) > 0.01
    dark = light(images)
    assert not zero_is_margin(images)
    assert recorded(dark).light is dark
    assert not zero_is_margin((light().images > 1500).astype(np.uint8))
