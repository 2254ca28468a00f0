"""Pixels that are wrong join a grain and leave its orientation and spread alone."""

from __future__ import annotations

import numpy as np
import pytest
from painted import noisy_samples, painted, turned

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.symmetry import disorientation
from grainlight.grains.grain_map import find_grains
from grainlight.maps.orientation_map import OrientationMap


@pytest.fixture
def two() -> OrientationMap:
    """Two grains of 20 x 15 pixels with noise of a fifth of a degree."""
    ebsd = painted(np.repeat([0, 1], 15)[None].repeat(20, axis=0), turned(5, 40))
    q = noisy_samples(ebsd, 1, 0.2)[0].astype(np.float64)
    return ebsd.replace(quaternions=q / np.linalg.norm(q, axis=-1, keepdims=True))


@pytest.mark.parametrize("share", [0.02, 0.1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_misindexed_pixels_do_not_enter_mean_and_spread(two, share, seed) -> None:
    rng = np.random.default_rng(seed)
    wrong = rng.random(two.shape) < share
    # at the boundary a wrong pixel may join either grain; the mean once started from the first pixel
    wrong[:, 13:17] = False
    wrong[0, 0] = True
    strange = quaternion_from_bunge(rng.uniform([0, 0.4, 0], [6, 1.5, 6], (*two.shape, 3)))
    spoilt = find_grains(two.replace(quaternions=np.where(wrong[..., None], strange, two.quaternions)))
    clean = find_grains(two)
    assert spoilt.grains.pixels.tolist() == clean.grains.pixels.tolist() == [300, 300]
    assert disorientation(spoilt.grains.orientation, clean.grains.orientation, "6/mmm").max() < 0.05
    np.testing.assert_allclose(spoilt.grains.gos, clean.grains.gos, rtol=0.1)
    np.testing.assert_allclose(spoilt.grains.kam, clean.grains.kam, rtol=0.1)
    assert np.isnan(spoilt.kam[wrong]).all()


def test_a_grain_of_small_parts_alone_has_the_orientation_of_the_largest() -> None:
    found = find_grains(painted(np.array([[0, 1, 1, 2]]), turned(0, 20, 40)), minimum_pixels=4)
    assert found.grains.pixels.tolist() == [4]
    assert disorientation(found.grains.orientation[0], turned(20)[0], "6/mmm") < 1e-3
    assert found.grains.gos[0] == pytest.approx(0, abs=1e-3)
