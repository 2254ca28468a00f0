"""What the diffusion peers share: the joint state of a task, the joint denoiser at one noise level, and the answer.

These methods come from image restoration. They know one noise level for the whole image, so the network is told the
same level in every pixel and group, and what was measured enters by the method's own data step.

That is a handicap which the networks of their papers do not have: the joint denoiser was trained on measured and
unmeasured pixels side by side, and some three patches in ten thousand had one level everywhere on the way from unknown
to clean (`denoiser.noise`). On a section of 24-pixel grains at level 0.25 it leaves an error of 0.10 per channel of
e6, where a pixel for itself would leave 0.14 and the mean of a grain 0.01: neighbours hardly agree on how the crystal
is turned about c. So these rows say what noise levels per pixel buy with the same weights; they are no verdict on the
methods with weights made for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.prior import DenoiserPrior
from benchmarks.peers.denoiser.weights import load_denoiser
from grainlight.crystal.embedding import PER_DEGREE, decode, embed
from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, group_sigma, group_to_channel, is_unknown
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.points.noise import estimate_noise
from grainlight.restore.posterior import infer
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.settings import Plan

LAST_LEVEL = 0.02
"""Lowest level that training draws for a whole image."""
_RHO = 7.0

DenoiseAt = Callable[[Tensor, float], Tensor]
"""D(x, sigma): state (23, H, W), one noise level for all of it."""


@dataclass(frozen=True, eq=False)
class Observation:
    """What was measured of a joint state: ``values`` (23, H, W), and ``level`` (23, H, W), the standard deviation of
    their noise in embedding or canonical light units, `SIGMA_MAX` where nothing was measured."""

    values: Tensor
    level: Tensor

    @property
    def known(self) -> Tensor:
        """Channels and pixels (23, H, W) that were measured."""
        return ~is_unknown(self.level)


Solver = Callable[[DenoiseAt, Observation, torch.Generator], Tensor]
"""From the denoiser, the observation and a source of noise to a state (23, H, W)."""


def observe(task: Task, multiple: int = 1) -> Observation:
    """Return the joint state that a task measured, its grid filled up with unmeasured pixels below and on the right.

    Parameters
    ----------
    task
        Of which only the coarse map and the calibrated light are used. The noise of the points is estimated from the
        map, as this project does it.
    multiple
        Rows and columns are made multiples of this.
    """
    measured = torch.from_numpy(task.measured)
    e = embed(torch.from_numpy(task.quaternions).float(), dim=-3) * measured
    degrees = torch.full(task.measured.shape, torch.inf)
    degrees[:: task.scale, :: task.scale] = torch.from_numpy(estimate_noise(task.coarse).level).float()
    # The root-mean-square angle has three components, and each is one channel's worth of noise.
    points = torch.where(measured, degrees * (PER_DEGREE / 3**0.5), torch.inf)
    light, sigma = torch.zeros(5, *points.shape), torch.full((3, *points.shape), torch.inf)
    if task.light is not None and task.sigma is not None:
        light = torch.from_numpy(np.nan_to_num(task.light)).float()
        sigma = torch.from_numpy(task.sigma).float()
    right, below = -points.shape[1] % multiple, -points.shape[0] % multiple
    values = F.pad(torch.cat((e, light)), (0, right, 0, below))
    levels = F.pad(group_sigma(points, sigma), (0, right, 0, below), value=SIGMA_MAX)
    levels = group_to_channel(levels)
    return Observation(torch.where(is_unknown(levels), 0.0, values), levels)


def levels(steps: int, last: float = LAST_LEVEL) -> list[float]:
    """Noise levels (steps,) from `SIGMA_MAX` down to ``last``, spaced as Karras et al. (NeurIPS 2022, eq. 5, rho 7)."""
    if steps < 2:
        raise ValueError(f"steps: found {steps}, expected 2 or more")
    first, end = SIGMA_MAX ** (1 / _RHO), last ** (1 / _RHO)
    return [(first + i / (steps - 1) * (end - first)) ** _RHO for i in range(steps)]


def at_one_level(model: Denoiser) -> DenoiseAt:
    """Return D(x, sigma) with the same level in every pixel and group; gradients flow to x, weights are constants."""
    model.requires_grad_(False)

    def denoise(x: Tensor, level: float) -> Tensor:
        out: Tensor = model(x[None], torch.full((1, 4, *x.shape[1:]), level))[0]
        return out

    return denoise


def diffusion_peer(solver: Solver, *, seed: int, weights: Path | None = None, placed: bool = False) -> Method:
    """Return the method that solves a task with a network at one noise level.

    Parameters
    ----------
    solver
        Of the joint state.
    seed
        Same seed, same answer.
    weights
        A file of weights; those kept of the denoiser by default.
    placed
        Whether the project's own last steps follow (data projection, lone pixels, boundaries by the light), which tells
        the worth of the sampler from theirs. The answer is the decoded state where not.
    """

    def method(task: Task) -> Answer:
        model = load_denoiser(weights)
        seen = observe(task, model.config.multiple)
        state = solver(at_one_level(model), seen, torch.Generator().manual_seed(seed)).detach()
        rows, columns = task.measured.shape
        state = state[:, :rows, :columns]
        if placed:
            return _placed(state, observe(task), task)
        return Answer(decode(state[EBSD], dim=0).double().numpy(), state[LIGHT].numpy())

    return method


def _placed(state: Tensor, seen: Observation, task: Task) -> Answer:
    """The answer after the project's last steps, which take the state for what the network said in its only call."""
    sigma = seen.level[[0, 18, 19, 21]]
    drift = estimate_noise(task.coarse).gradient / task.scale * PER_DEGREE**2 / 3
    neighbours = find_neighbours(~is_unknown(sigma[0]))
    measured = JointMeasurement(seen.values, sigma, neighbours, drift)
    posterior = infer(DenoiserPrior(lambda x, s: state), measured, Plan(steps=1, samples=1))
    return Answer(decode(posterior.embedding, dim=0).double().numpy(), posterior.light.numpy())
