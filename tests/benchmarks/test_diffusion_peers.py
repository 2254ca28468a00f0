"""Diffusion peers against priors whose posterior is known in closed form, on a tiny map, and ablations of ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.peers import ablations, diffpir, dps, repaint
from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.weights import load_denoiser
from benchmarks.peers.joint_state import LAST_LEVEL, Observation, at_one_level, levels, observe
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.diffusion.state import LIGHT, SIGMA_MAX
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task, degrade
from grainlight.evaluation.methods import Method, restoration
from grainlight.evaluation.metrics import disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

SHAPE = (23, 8, 8)
SOLVERS = {
    "dps": lambda d, seen, g: dps.sample(d, seen, g, steps=100, zeta=3.0),
    "diffpir": lambda d, seen, g: diffpir.sample(d, seen, g, steps=100, strength=1.0),
    "repaint": lambda d, seen, g: repaint.sample(d, seen, g, steps=60, jump=5, resamplings=3),
}


def normal(x: Tensor, sigma: float) -> Tensor:
    """The denoiser of independent standard normal values."""
    return x / (1 + sigma**2)


def alike(x: Tensor, sigma: float) -> Tensor:
    """The denoiser of images whose pixels are all the same standard normal value."""
    count = x[0].numel()
    return x.mean((-2, -1), keepdim=True).expand_as(x) * count / (count + sigma**2)


@pytest.fixture(scope="module")
def task() -> Task:
    """Two grains side by side, every 4th point measured, corrupted light."""
    q = np.empty((33, 33, 4))
    for part, tilt in ((np.s_[:, :15], 20.0), (np.s_[:, 15:], 60.0)):
        q[part] = np.cos(np.radians(tilt) / 2), np.sin(np.radians(tilt) / 2), 0.0, 0.0
    return degrade(OrientationMap.from_quaternions(q, (0.5, 0.5), (Phase(1, "Titanium", "6/mmm"),)), scale=4)


def few(name: str) -> Method:
    """A peer with few steps."""
    return {
        "dps": lambda: dps.dps(steps=20, zeta=60.0),
        "diffpir": lambda: diffpir.diffpir(steps=20),
        "repaint": lambda: repaint.repaint(steps=15, jump=5, resamplings=2),
    }[name]()


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_exact_data_are_kept_and_the_rest_is_drawn_from_the_prior(solver) -> None:
    level = torch.full(SHAPE, SIGMA_MAX)
    level[:, ::2] = 0.05
    values = torch.full(SHAPE, 1.5)
    values[:, 1::2] = 0.0
    found = solver(normal, Observation(values, level), torch.Generator().manual_seed(0))
    assert (found[:, ::2] - 1.5).abs().max() < 0.4
    assert abs(float(found[:, 1::2].mean())) < 0.1


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_what_half_of_the_pixels_measured_reaches_the_others_through_the_denoiser(solver) -> None:
    level = torch.full(SHAPE, SIGMA_MAX)
    level[:, ::2] = 0.05
    values = torch.where(level < 1, 0.7, 0.0)
    found = solver(alike, Observation(values, level), torch.Generator().manual_seed(0))
    assert (found - 0.7).abs().mean() < 0.15


def test_dps_follows_the_data_by_its_gradient_alone() -> None:
    level = torch.full(SHAPE, SIGMA_MAX)
    level[:, :4] = 0.05
    seen = Observation(torch.where(level < 1, 1.0, 0.0), level)
    free, led = (
        dps.sample(normal, seen, torch.Generator().manual_seed(1), steps=100, zeta=zeta) for zeta in (0.0, 1.0)
    )
    misfit, before = ((found - 1.0)[:, :4].square().mean() for found in (led, free))
    assert misfit < 0.05 * before
    # Without spatial correlation the other half does not hear of it.
    torch.testing.assert_close(led[:, 4:], free[:, 4:])


def test_more_of_the_prior_moves_diffpir_away_from_the_data() -> None:
    seen = Observation(torch.full(SHAPE, 2.0), torch.full(SHAPE, 1.0))
    weak, strong = (
        float(diffpir.sample(normal, seen, torch.Generator().manual_seed(1), steps=50, strength=lam).mean())
        for lam in (0.1, 10.0)
    )
    assert 0.0 < strong < weak <= 2.0


def test_repaint_goes_up_and_down_as_published() -> None:
    visited = repaint.plan(repaint.STEPS, repaint.JUMP, repaint.RESAMPLINGS)
    steps = np.diff(visited)
    assert set(steps) == {-1, 1}
    # 24 jumps, 9 times each, of 10 steps: the published schedule of 250 steps.
    assert (steps < 0).sum() == 24 * 9 * 10
    assert (steps > 0).sum() == 250 + 24 * 9 * 10
    assert visited[0] == 0
    assert visited[-1] == 250
    assert visited.count(250) == 1 + 9
    assert repaint.plan(4, 2, 1) == [0, 1, 2, 3, 4]


def test_levels_fall_from_unknown_to_the_last_that_was_trained() -> None:
    found = levels(50)
    assert found[0] == pytest.approx(SIGMA_MAX)
    assert found[-1] == pytest.approx(LAST_LEVEL)
    assert (np.diff(found) < 0).all()
    with pytest.raises(ValueError, match="steps"):
        levels(1)


def test_observation_is_what_the_task_measured(task) -> None:
    seen = observe(task, 8)
    assert seen.values.shape == seen.level.shape == (23, 40, 40)
    assert not seen.known[:, 33:].any()
    assert not seen.known[:, :, 33:].any()
    np.testing.assert_array_equal(seen.known[0, :33, :33].numpy(), task.measured)
    points = embed(torch.from_numpy(task.quaternions[task.measured]))
    torch.testing.assert_close(seen.values[:18, :33, :33][:, task.measured].T, points.float())
    degrees = float(seen.level[0, 0, 0]) / PER_DEGREE * 3**0.5
    assert 0.1 < degrees < 1.5
    blind = observe(replace(task, light=None, sigma=None))
    assert not blind.known[LIGHT].any()
    assert not blind.values[LIGHT].any()


def test_network_at_one_level_passes_gradients_to_the_state_and_none_to_itself() -> None:
    model = load_denoiser()
    x = torch.randn(23, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    out = at_one_level(model)(x, 0.5)
    (gradient,) = torch.autograd.grad(out[0, 8, 8], x)
    assert gradient.isfinite().all()
    # Another pixel and another channel have a say.
    assert gradient[0, 8, 9] != 0
    assert gradient[18, 8, 8] != 0
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("name", "calls"), [("dps", 20), ("diffpir", 20), ("repaint", 15 + 2 * 5)])
def test_peer_keeps_measured_points_in_as_many_calls_as_stated(task, name, calls, monkeypatch) -> None:
    made = []
    plain = Denoiser.refine
    monkeypatch.setattr(Denoiser, "refine", lambda self, *given: made.append(1) or plain(self, *given))
    first = few(name)(task)
    assert len(made) == calls
    assert first.quaternions.shape == (33, 33, 4)
    assert first.light is not None
    assert first.light.shape == (5, 33, 33)
    error = disorientation(first.quaternions, task.quaternions)[task.measured]
    # In twenty steps of hundreds not much is settled, but what was measured stands out.
    assert np.median(error) < 3.0


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_same_seed_same_answer_another_seed_another(solver) -> None:
    seen = Observation(torch.zeros(SHAPE), torch.full(SHAPE, SIGMA_MAX))
    first, again, other = (solver(normal, seen, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first - other).abs().max() > 0.5


def test_our_last_steps_after_a_sampler_keep_to_the_measured_grains(task) -> None:
    found = diffpir.diffpir(steps=20, placed=True)(task)
    assert (disorientation(found.quaternions, task.truth) < 5.0).mean() > 0.9


def test_ablations_differ_from_the_restoration_in_their_part_only(task) -> None:
    blind = replace(task, stack=None, light=None, sigma=None)
    whole = restoration("fast", device="cpu")(blind).quaternions
    np.testing.assert_array_equal(ablations.ebsd_only("fast")(task).quaternions, whole)
    # Without light there is nothing to relabel by.
    np.testing.assert_allclose(ablations.without_relabelling("fast")(blind).quaternions, whole, atol=1e-6)
    for other in (ablations.without_projection, ablations.untrained):
        assert np.abs(other("fast")(blind).quaternions - whole).max() > 1e-3


def test_light_only_has_few_points(task) -> None:
    kept = ablations.few_points(task.coarse, 20, seed=3)
    assert kept.is_6mmm.sum() == 20
    assert not (kept.is_6mmm & ~task.coarse.is_6mmm).any()
    np.testing.assert_array_equal(kept.is_6mmm, ablations.few_points(task.coarse, 20, seed=3).is_6mmm)
    answer = ablations.light_only("fast")(task)
    assert (disorientation(answer.quaternions, task.truth) < 5.0).mean() > 0.8
    with pytest.raises(InputError, match="no light"):
        ablations.light_only("fast")(replace(task, stack=None))
