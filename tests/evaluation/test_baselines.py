"""Laws that every baseline keeps, and what each is for."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.evaluation.baselines.guided_copy import guided_copy
from grainlight.evaluation.baselines.half_quadratic import half_quadratic
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.baselines.smooth_light import smooth_light
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.methods import BASELINES
from grainlight.evaluation.metrics import disorientation, score
from grainlight.optics.forward.curves import IDEAL


@pytest.fixture(scope="module")
def task(section):
    return degrade(section, scale=4, level="clean", seed=3)


def sparse(shape, step):
    measured = np.zeros(shape, dtype=bool)
    measured[::step, ::step] = True
    return measured


@pytest.mark.parametrize("name", BASELINES)
def test_uniform_crystal_stays_uniform(name, section):
    q = np.tile(section.quaternions[10, 10], (41, 41, 1))
    flat = section.replace(
        quaternions=q,
        phase_id=section.phase_id[:41, :41],
        x=section.x[:41, :41],
        y=section.y[:41, :41],
    )
    task = degrade(flat, scale=4, level=None, noise_deg=0.0)
    light = np.zeros((5, *task.measured.shape)), np.full((3, *task.measured.shape), np.inf)
    restored = BASELINES[name](task_with_light(task, *light)).quaternions
    assert disorientation(restored, task.truth).max() < 0.01


def task_with_light(task, light, sigma):
    from dataclasses import replace

    return replace(task, light=light, sigma=sigma)


@pytest.mark.parametrize("name", BASELINES)
def test_orientations_are_unit_and_finite(name, task):
    restored = BASELINES[name](task).quaternions
    assert restored.shape == task.truth.shape
    assert np.abs(np.linalg.norm(restored, axis=-1) - 1).max() < 1e-6


@pytest.mark.parametrize("name", ["nearest", "guided copy", "guided copy, denoised light"])
def test_copies_are_copies_of_measured_orientations(name, task):
    restored = BASELINES[name](task).quaternions
    assert np.array_equal(restored[task.measured], task.quaternions[task.measured])
    known = {tuple(q) for q in task.quaternions[task.measured]}
    assert all(tuple(q) in known for q in restored.reshape(-1, 4))


def test_nearest_is_the_nearest():
    q = np.zeros((1, 7, 4))
    q[0, 0, 0] = q[0, 6, 1] = 1.0
    measured = np.array([[True, False, False, False, False, False, True]])
    filled = nearest(q, measured)
    assert filled[0, :3, 0].tolist() == [1.0, 1.0, 1.0]
    assert filled[0, 4:, 1].tolist() == [1.0, 1.0, 1.0]


def test_nothing_measured_is_an_input_error():
    with pytest.raises(InputError, match="no measured orientation"):
        nearest(np.zeros((3, 3, 4)), np.zeros((3, 3), dtype=bool))


def test_guided_copy_follows_perfect_light(section):
    """Where two grains differ in their light, the boundary runs where the light says."""
    import torch

    from grainlight.crystal.euler import c_axis

    half = np.radians(70.0) / 2
    q = np.zeros((17, 17, 4))
    q[..., 0] = 1.0
    q[:, 10:] = [np.cos(half), np.sin(half), 0.0, 0.0]
    measured = sparse((17, 17), 4)
    light = IDEAL.of_axes(torch.from_numpy(c_axis(q))).numpy()
    given = np.where(measured[..., None], q, 0.0)
    for denoise in (False, True):
        restored = guided_copy(given, measured, light, np.full((3, 17, 17), 0.01), denoise=denoise)
        assert disorientation(restored, q).max() < 0.01
    assert disorientation(nearest(given, measured), q).max() > 60


def test_guided_copy_without_light_is_the_nearest_neighbour(section, task):
    unknown = np.zeros_like(task.light), np.full_like(task.sigma, np.inf)
    copied = guided_copy(task.quaternions, task.measured, *unknown)
    row, col = np.indices(task.measured.shape)
    # half-way between points either neighbour is as near
    clear = (row % 4 != 2) & (col % 4 != 2)
    assert np.array_equal(copied[clear], nearest(task.quaternions, task.measured)[clear])


def test_guided_copy_keeps_to_its_radius(task):
    copied = guided_copy(task.quaternions, task.measured, task.light, task.sigma, radius=0.5)
    row, col = np.indices(task.measured.shape)
    clear = (row % 4 != 2) & (col % 4 != 2)
    assert np.array_equal(copied[clear], nearest(task.quaternions, task.measured)[clear])


def test_smoothing_lowers_noise_and_keeps_edges():
    rng = np.random.default_rng(0)
    clean = np.zeros((5, 30, 30))
    clean[:, :, 15:] = 1.0
    noise = 0.1
    noisy = clean + noise * rng.standard_normal(clean.shape)
    light, sigma = smooth_light(noisy, np.full((3, 30, 30), noise), 1.5, 0.7)
    assert np.sqrt(((light - clean) ** 2).mean()) < 0.6 * noise
    blurred, _ = smooth_light(noisy, np.full((3, 30, 30), noise), 1.5)
    at_edge = (slice(None), slice(None), slice(14, 16))
    assert np.abs(light - clean)[at_edge].mean() < 0.2 * np.abs(blurred - clean)[at_edge].mean()
    assert (sigma < noise).all()


def test_half_quadratic_lowers_noise_inside_grains():
    rng = np.random.default_rng(1)
    from grainlight.evaluation.degrade import degrade
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.phase import Phase

    q = np.tile(rng.standard_normal(4), (25, 25, 1))
    full = OrientationMap.from_quaternions(
        q / np.linalg.norm(q, axis=-1, keepdims=True), (1.0, 1.0), (Phase(1, "Ti", "6/mmm"),)
    )
    task = degrade(full, scale=2, level=None, noise_deg=1.0)
    restored = half_quadratic(task.quaternions, task.measured)
    before = np.median(disorientation(task.quaternions, task.truth)[task.measured])
    after = np.median(disorientation(restored, task.truth)[task.measured])
    assert after < 0.7 * before


def test_half_quadratic_keeps_a_sharp_boundary(two_grains):
    q = np.repeat(np.repeat(two_grains, 4, axis=0), 4, axis=1)
    restored = half_quadratic(q, np.ones(q.shape[:2], dtype=bool))
    assert disorientation(restored, q).max() < 0.1


def test_order_of_methods_on_a_synthetic_section(task):
    f1 = {
        name: score(method(task).quaternions, task.truth, task.measured).edge_f1 for name, method in BASELINES.items()
    }
    assert f1["guided copy, denoised light"] > 0.85
    assert f1["guided copy, denoised light"] > f1["guided copy"] - 0.02
    assert f1["guided copy"] > f1["nearest"] + 0.3


def test_guided_copy_beats_nearest_on_real_titanium(shared_data):
    from grainlight.maps.io import load_ebsd

    full = load_ebsd(shared_data / "pymicro/Ti64-200x200.ang")
    task = degrade(full, scale=4, level="clean", seed=0)
    plain, copied = (
        score(BASELINES[name](task).quaternions, task.truth, task.measured, task.valid)
        for name in ("nearest", "guided copy, denoised light")
    )
    assert copied.edge_f1 > plain.edge_f1 + 0.3
    assert copied.near_over_5 < 0.5 * plain.near_over_5
    assert copied.median < plain.median
