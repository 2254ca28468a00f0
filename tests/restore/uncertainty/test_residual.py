"""Light and map contradict each other where the map is wrong, not where it is noisy or has a boundary."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.constants import constants
from grainlight.crystal.euler import c_axis, quaternion_from_bunge
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.state import GROUP_OF_CHANNEL
from grainlight.restore.uncertainty.misassignment import misassignment_probability
from grainlight.restore.uncertainty.residual import normalised_residual


def grains(*tilts: float) -> np.ndarray:
    """Orientations (40, 40, 4) of vertical bands with the c-axis tilted by so many degrees."""
    tilt = np.repeat(np.radians(tilts), 40 // len(tilts))[None].repeat(40, 0)
    return quaternion_from_bunge(np.stack([0.5 + 0 * tilt, tilt, 0 * tilt], -1))


def lit(q: np.ndarray, noise: float = 0.1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    clean = IDEAL.of_axes(torch.from_numpy(c_axis(q))).numpy()
    drawn = np.random.default_rng(seed).normal(size=clean.shape) * noise
    return torch.from_numpy(clean + drawn), torch.full((3, *q.shape[:2]), noise)


def test_light_without_curves_is_that_of_a_weak_crystal() -> None:
    q = grains(20, 40, 60, 80)
    np.testing.assert_allclose(
        IDEAL.of_axes(torch.from_numpy(c_axis(q))).numpy(),
        IDEAL.of_axes(torch.from_numpy(c_axis(q))),
        atol=1e-12,
    )
    assert len(GROUP_OF_CHANNEL) == 5


def test_noise_is_about_one() -> None:
    q = grains(60)
    found = normalised_residual(q, *lit(q))
    assert 0.9 < np.median(found) < 1.1
    assert found.max() < 2.0


def test_wrong_grain_stands_out_and_boundaries_do_not() -> None:
    q = grains(30, 70)
    light, sigma = lit(q)
    # a microscope mixes the two sides
    light[:, :, 19:21] = light[:, :, 19:21].mean(-1, keepdim=True)
    wrong = q.copy()
    wrong[10:20, 26:36] = grains(10)[0, 0]
    found = normalised_residual(wrong, light, sigma)
    assert found[12:18, 28:34].min() > 3
    apart = np.ones((40, 40), bool)
    apart[7:23, 23:39] = False
    assert found[apart].max() < 2


def test_unknown_light_says_nothing() -> None:
    q = grains(60)
    light, sigma = lit(q)
    sigma[:, :10] = torch.inf
    found = normalised_residual(q, torch.where(torch.isinf(sigma[:1]), torch.zeros(()), light), sigma)
    assert np.isnan(found[:10]).all()
    assert np.isfinite(found[10:]).all()


@pytest.mark.parametrize("seen", [True, False])
def test_other_grain_grows_with_doubt(seen: bool) -> None:
    raw = np.linspace(0, 2 * constants().uncertainty_lit.raw[-1], 100).astype(np.float32)
    chance = misassignment_probability(raw, np.full(raw.shape, seen))
    assert np.all(np.diff(chance) >= 0)
    assert 0 <= chance[0] < 0.05 < chance[-1] <= 1
