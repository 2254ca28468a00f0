"""The task is what it says: noise of the stated size, points where they belong, seeds that repeat."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import SampleFrame
from grainlight.errors import InputError
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.metrics import disorientation, light_nrmse
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_points_lie_on_the_grid(section, scale):
    task = degrade(section, scale=scale, level=None, noise_deg=0.5)
    rows, cols = task.coarse.shape
    assert task.measured.shape == ((rows - 1) * scale + 1, (cols - 1) * scale + 1)
    assert task.measured.sum() == rows * cols
    assert np.array_equal(task.quaternions[::scale, ::scale], task.coarse.quaternions)
    assert task.coarse.step == (0.5 * scale, 0.5 * scale)
    assert task.light is None


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_noise_has_the_stated_rms(section, noise):
    task = degrade(section, scale=1, level=None, noise_deg=noise)
    angle = disorientation(task.quaternions, task.truth)
    assert np.sqrt((angle**2).mean()) == pytest.approx(noise, rel=0.03, abs=1e-5)


def test_noise_has_no_preferred_axis(section):
    from grainlight.crystal.euler import conjugate, multiply

    task = degrade(section, scale=1, level=None, noise_deg=1.0)
    turn = multiply(task.quaternions, conjugate(task.truth))
    vector = 2 * np.degrees(turn[..., 1:] * np.sign(turn[..., :1]))
    assert np.allclose(vector.std(axis=(0, 1)), 1 / np.sqrt(3), rtol=0.05)
    assert np.abs(vector.mean(axis=(0, 1))).max() < 0.05


def test_seed_repeats_and_differs(section):
    one, same, other = (degrade(section, scale=4, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one.quaternions, same.quaternions)
    assert np.array_equal(one.light, same.light)
    assert not np.array_equal(one.quaternions, other.quaternions)
    assert not np.array_equal(one.stack.images, other.stack.images)


def test_holes_and_misindexing(section):
    task = degrade(section, scale=2, level=None, holes=0.2, misindexed=0.05, noise_deg=0.1)
    lost = 1 - task.coarse.indexed.mean()
    assert 0.2 <= lost < 0.3
    assert task.measured.sum() == task.coarse.indexed.sum()
    assert (task.coarse.phase_id[~task.coarse.indexed] == 0).all()
    angle = disorientation(task.quaternions, task.truth)
    assert (angle[task.measured & ~task.wrong] < 1.0).all()
    assert np.median(angle[task.wrong]) > 30
    assert task.wrong.sum() / task.measured.sum() == pytest.approx(0.05, abs=0.02)
    assert not (task.wrong & ~task.measured).any()


def test_light_is_calibrated(section):
    clean, corrupted = (degrade(section, scale=4, level=level, seed=1) for level in ("clean", "corrupted"))
    # A0 carries little where reflectance hardly depends on inclination, so it is left out here
    good, bad = (light_nrmse(task.light[1:], task.clean_light[1:]) for task in (clean, corrupted))
    assert good < 0.5 * bad
    assert bad < 0.6
    assert (np.abs(corrupted.clean_light) < 1.5).all()
    assert clean.sigma.shape == (3, 97, 97)
    assert clean.stack.images.shape == (18, 97, 97)
    assert clean.stack.step == 0.5


def test_calibration_sees_measured_points_only(section):
    """A map that is wrong everywhere between the points gives the same light for the same images."""
    from grainlight.evaluation.degrade import _calibrated

    task = degrade(section, scale=4, level="clean", seed=1)
    spoiled = task.quaternions.copy()
    spoiled[~task.measured] = np.random.default_rng(0).standard_normal((int((~task.measured).sum()), 4))
    light, sigma, _ = _calibrated(task.stack, spoiled, task.measured, task.truth[::-1], task.noise)
    assert np.array_equal(light, task.light)
    assert np.array_equal(sigma, task.sigma)


def test_frame_of_the_map_does_not_matter(section):
    turned = section.in_frame(SampleFrame.EDAX1)
    one, other = (degrade(m, scale=4, level=None, noise_deg=0.0) for m in (section, turned))
    assert disorientation(one.truth, other.truth).max() < 1e-4
    assert other.coarse.sample_frame is SampleFrame.S


def test_other_phases_do_not_count(section):
    phase_id = section.phase_id.copy()
    phase_id[:20] = 2
    mixed = section.replace(phase_id=phase_id, phases=(*section.phases, Phase(2, "beta", "m-3m")))
    task = degrade(mixed, scale=4, level=None)
    assert not task.valid[:20].any()
    assert not task.measured[:20].any()


def test_refusals(section):
    cubic = OrientationMap.from_quaternions(section.quaternions, (0.5, 0.5), (Phase(1, "Ni", "m-3m"),))
    with pytest.raises(InputError, match="6/mmm"):
        degrade(cubic, scale=2)
    with pytest.raises(InputError, match="scale"):
        degrade(section, scale=80)
