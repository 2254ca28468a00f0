"""Images in another order than their angles are recognised from the light alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.images.light_order import true_angles
from grainlight.maps.light_stack import LightStack
from grainlight.restore.light.registration import screened

TENS = np.arange(0.0, 180.0, 10.0)


def stack(angles=TENS, noise=0.02, seed=0):
    """Twelve grains whose light is of two harmonics, with noise."""
    rng = np.random.default_rng(seed)
    grain = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 12, 0), 12, 1)
    t = np.radians(angles)[:, None]
    size, phase = rng.uniform(0.1, 0.3, (2, 12)), rng.uniform(0, 2 * np.pi, (2, 12))
    light = 1 + size[0] * np.cos(2 * t + phase[0]) + 0.4 * size[1] * np.cos(4 * t + phase[1])
    images = 1000 * light[:, grain] * (1 + noise * rng.normal(size=(len(angles), *grain.shape)))
    return LightStack(images.astype(np.float32), np.asarray(angles), 0.5)


def spelt(numbers):
    return np.array(sorted(range(len(numbers)), key=lambda k: f"{numbers[k]:g}"))


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("angles", [TENS, np.arange(0, 360, 20.0), np.linspace(3, 176, 12), TENS[::-1]])
def test_the_right_order_is_no_matter(noise, angles):
    assert true_angles(stack(angles, noise)) == (None, None)


@pytest.mark.parametrize("numbers", [TENS, np.arange(18), np.arange(1, 19)])
def test_the_order_of_a_shell_is_recognised(numbers):
    light, order = stack(), spelt(numbers)
    found, told = true_angles(replace(light, images=light.images[order]))
    assert told is None
    assert found is not None
    np.testing.assert_array_equal(found, TENS[order])
    # and angles in that order for images in the right one
    found, _ = true_angles(replace(light, angles=TENS[order]))
    assert found is not None
    np.testing.assert_array_equal(found, TENS)


def test_the_order_of_the_names_is_recognised():
    light, order = stack(), np.random.default_rng(2).permutation(18)
    paths = tuple(Path(f"IMG_{k}.jpg") for k in order)
    found, _ = true_angles(replace(light, images=light.images[order], paths=paths))
    assert found is not None
    np.testing.assert_array_equal(found, TENS[order])


@pytest.mark.parametrize("seed", range(4))
def test_a_random_order_is_said_to_fit_none(seed):
    light, order = stack(seed=seed), np.random.default_rng(seed).permutation(18)
    found, told = true_angles(replace(light, images=light.images[order]))
    assert found is None
    assert told is not None
    assert "fit no order" in told
    assert told in screened(replace(light, images=light.images[order])).notes


def test_noise_and_few_images_have_no_order():
    noise = np.random.default_rng(0).poisson(800, (18, 30, 40)).astype(np.float32)
    assert true_angles(LightStack(noise, TENS, 0.5)) == (None, None)
    few = stack(np.arange(0, 180, 30.0))
    assert true_angles(replace(few, images=few.images[::-1][[0, 3, 1, 5, 2, 4]])) == (None, None)


def test_the_way_on_is_named():
    light, order = stack(), spelt(TENS)
    with pytest.raises(InputError, match="another order") as caught:
        screened(replace(light, images=light.images[order]))
    assert "--angles 0,10,100,110" in str(caught.value)
