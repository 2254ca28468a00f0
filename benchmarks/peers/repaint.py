"""RePaint, inpainting with an unconditional diffusion prior: Lugmayr et al., CVPR 2022, arXiv 2201.09865.

As published: 250 steps of ancestral sampling; before each, the known part is replaced by the data, noised to the step's
level; every 10 steps the chain is noised up again by 10 steps and comes back, 9 times over (jump length 10, 10
resamplings): 2,410 calls of the network and 2,160 moves up, which cost next to nothing. Adapted:

- Variance-exploding coordinates, because our network knows noise levels, and levels spaced as Karras et al. do.
- The paper's data are free of noise, ours are not: data of level s are noised by what they lack of the step's level;
  from where that falls below s they are no better than the state, which then goes on alone.

There is nothing to tune.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.peers.joint_state import DenoiseAt, Observation, diffusion_peer, levels
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.evaluation.methods import Method

STEPS, JUMP, RESAMPLINGS = 250, 10, 10


def repaint(
    *,
    steps: int = STEPS,
    jump: int = JUMP,
    resamplings: int = RESAMPLINGS,
    seed: int = 0,
    weights: Path | None = None,
    placed: bool = False,
) -> Method:
    """Return RePaint with the joint denoiser.

    Parameters
    ----------
    steps
        Noise levels, 2 or more.
    jump
        Steps that a jump goes up, 1 or more.
    resamplings
        How often each stretch of ``jump`` steps is gone down, 1 or more; 1 is plain replacement.
    seed, weights, placed
        As for `joint_state.diffusion_peer`.
    """

    def solver(denoise: DenoiseAt, seen: Observation, generator: torch.Generator) -> Tensor:
        return sample(denoise, seen, generator, steps=steps, jump=jump, resamplings=resamplings)

    return diffusion_peer(solver, seed=seed, weights=weights, placed=placed)


def plan(steps: int, jump: int, resamplings: int) -> list[int]:
    """Return the places in the list of levels that the chain visits, ``steps`` standing for the clean state.

    A step down is a call of the network; a step up adds noise. The stretch before the last place of each multiple of
    ``jump`` is gone down ``resamplings`` times, but for the first ``jump`` levels.
    """
    left = {steps - done: resamplings - 1 for done in range(0, steps - jump, jump)}
    visited = [0]
    while visited[-1] < steps:
        here = visited[-1] + 1
        visited.append(here)
        if left.get(here, 0) > 0:
            left[here] -= 1
            visited += range(here - 1, here - jump - 1, -1)
    return visited


@torch.no_grad()
def sample(
    denoise: DenoiseAt,
    seen: Observation,
    generator: torch.Generator,
    *,
    steps: int = STEPS,
    jump: int = JUMP,
    resamplings: int = RESAMPLINGS,
) -> Tensor:
    """Return the restored state (23, H, W): the denoised state of the last level."""
    sigmas = [*levels(steps), 0.0]
    visited = plan(steps, jump, resamplings)
    x = SIGMA_MAX * torch.randn(seen.values.shape, generator=generator)
    clean = x
    for here, then in pairwise(visited):
        sigma, other = sigmas[here], sigmas[then]
        if other > sigma:
            x = x + (other**2 - sigma**2) ** 0.5 * torch.randn(x.shape, generator=generator)
            continue
        missing = (sigma**2 - seen.level**2).clamp(min=0.0).sqrt()
        noised = seen.values + missing * torch.randn(x.shape, generator=generator)
        x = torch.where(seen.known & (seen.level < sigma), noised, x)
        clean = denoise(x, sigma)
        share = (other / sigma) ** 2
        fresh = torch.randn(x.shape, generator=generator)
        x = clean + share * (x - clean) + other * (1 - share) ** 0.5 * fresh
    return clean
