from __future__ import annotations

import numpy as np
import pytest

from grainlight.evaluation.degrade import degrade
from grainlight.restore.points.noise import estimate_noise

from ..conftest import section_map


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_the_noise_of_a_map_is_found(noise: float) -> None:
    coarse = degrade(section_map(11, 129, 30.0), scale=2, level=None, seed=3, noise_deg=noise).coarse
    assert estimate_noise(coarse).noise == pytest.approx(noise, rel=0.35)


def test_known_noise_is_taken_and_the_rest_is_drift() -> None:
    coarse = degrade(section_map(11, 129, 30.0), scale=2, level=None, seed=3, noise_deg=1.0).coarse
    assert estimate_noise(coarse, 1.0).noise == 1.0
    assert estimate_noise(coarse, 0.3).gradient > estimate_noise(coarse, 1.0).gradient


def test_a_tiny_map_is_taken_for_usual() -> None:
    assert estimate_noise(section_map(1, 5)).noise == 0.5


def test_a_map_without_grain_insides_says_nothing_of_noise() -> None:
    ebsd = section_map(3, 65)
    q = np.random.default_rng(0).normal(size=(65, 65, 4))
    chaos = ebsd.replace(quaternions=q / np.linalg.norm(q, axis=-1, keepdims=True))
    found = estimate_noise(chaos)
    assert found.noise == 0.5
    assert found.gradient == 0
    assert estimate_noise(chaos, 0.7).noise == 0.7
