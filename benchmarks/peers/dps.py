"""Diffusion posterior sampling (DPS): Chung, Kim, McCann, Klasky & Ye, ICLR 2023, arXiv 2209.14687.

As published: ancestral sampling in 1,000 steps, and after each step a move against the gradient of the norm of the data
misfit of the denoised state, taken through the denoiser (Algorithm 1; the step is zeta over that norm). Adapted:

- Our network knows noise levels, not times: the same chain in variance-exploding coordinates. A state of the paper is
  ours divided by sqrt(1 + sigma^2), so its gradient step is (1 + sigma^2) times as long here.
- Measured values differ in noise, so the misfit is whitened, in units of each one's standard deviation. Its norm is
  taken per value, and zeta is in units of the smallest noise variance: the constant does not depend on the map's size.
  Every step moves a value by some zeta standard deviations at most, so zeta times the steps is what counts.
- zeta: 0.3, 1, 3, 10 and 30 were tried in 50 steps on a tuning section (elongated 2 of `FIRST_TUNING_SEED`, 65 pixels,
  scale 4); the error falls up to 10 and stays the same at 30. In 1,000 steps 1 stands for 20 of them.
- Light and orientations are measured values alike: the operator is a mask over channels and pixels.

It is written here by the paper and not taken from deepinv 0.4.1, which has DPS and DiffPIR but requires torchvision
(pyproject.toml), and whose denoisers and schedules are made for images with one intensity range.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from benchmarks.peers.joint_state import DenoiseAt, Observation, diffusion_peer, levels
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.evaluation.methods import Method

STEPS = 1000
ZETA = 1.0


def dps(
    *, steps: int = STEPS, zeta: float = ZETA, seed: int = 0, weights: Path | None = None, placed: bool = False
) -> Method:
    """Return DPS with the joint denoiser.

    Parameters
    ----------
    steps
        Calls of the network, each with its gradient; 2 or more.
    zeta
        Length of the gradient's steps.
    seed, weights, placed
        As for `joint_state.diffusion_peer`.
    """

    def solver(denoise: DenoiseAt, seen: Observation, generator: torch.Generator) -> Tensor:
        return sample(denoise, seen, generator, steps=steps, zeta=zeta)

    return diffusion_peer(solver, seed=seed, weights=weights, placed=placed)


def sample(
    denoise: DenoiseAt, seen: Observation, generator: torch.Generator, *, steps: int = STEPS, zeta: float = ZETA
) -> Tensor:
    """Return one posterior sample (23, H, W): the denoised state of the last level."""
    weight = torch.where(seen.known, seen.level**-2, 0.0)
    smallest = float(1 / weight.max()) if bool(seen.known.any()) else 0.0
    count = max(int(seen.known.sum()), 1)
    sigmas = levels(steps)
    x = SIGMA_MAX * torch.randn(seen.values.shape, generator=generator)
    for sigma, lower in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
        x.requires_grad_(True)
        clean = denoise(x, sigma)
        if lower == 0.0:
            return clean.detach()
        misfit = (weight * (seen.values - clean).square()).sum()
        (gradient,) = torch.autograd.grad(misfit, x)
        x, clean = x.detach(), clean.detach()
        per_value = (misfit.detach() / count).sqrt().clamp(min=1e-12)
        share = (lower / sigma) ** 2
        noise = torch.randn(x.shape, generator=generator)
        step = zeta * smallest * (1 + sigma**2) * gradient / (2 * per_value)
        x = clean + share * (x - clean) + lower * (1 - share) ** 0.5 * noise - step
    raise AssertionError("the last level returns")
