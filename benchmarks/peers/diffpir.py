"""DiffPIR, plug-and-play restoration with a diffusion prior: Zhu et al., CVPR Workshops 2023, arXiv 2305.08995.

As published (Algorithm 1): 100 steps; in each the denoised state is drawn towards the data by a proximal step of weight
rho = lambda sigma_noise^2 / sigma^2, and noised to the next level with the noise that the result implies, of which a
share zeta is fresh. Adapted: variance-exploding coordinates, because our network knows noise levels; the operator is a
mask, so that the proximal step is a weighted mean in every measured channel and pixel with its own sigma_noise.

lambda 1 and zeta 1 were chosen from lambda 0.1 to 30 and zeta 0 to 1 on a tuning section (elongated 2 of
`FIRST_TUNING_SEED`, 65 pixels, scale 4): fresh noise is better than implied noise, and lambda matters little.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from benchmarks.peers.joint_state import DenoiseAt, Observation, diffusion_peer, levels
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.evaluation.methods import Method

STEPS = 100
LAMBDA = 1.0
ZETA = 1.0


def diffpir(
    *,
    steps: int = STEPS,
    strength: float = LAMBDA,
    zeta: float = ZETA,
    seed: int = 0,
    weights: Path | None = None,
    placed: bool = False,
) -> Method:
    """Return DiffPIR with the joint denoiser.

    Parameters
    ----------
    steps
        Calls of the network, 2 or more.
    strength
        The paper's lambda: weight of the denoised state against the data.
    zeta
        Share of fresh noise, 0 to 1.
    seed, weights, placed
        As for `joint_state.diffusion_peer`.
    """

    def solver(denoise: DenoiseAt, seen: Observation, generator: torch.Generator) -> Tensor:
        return sample(denoise, seen, generator, steps=steps, strength=strength, zeta=zeta)

    return diffusion_peer(solver, seed=seed, weights=weights, placed=placed)


@torch.no_grad()
def sample(
    denoise: DenoiseAt,
    seen: Observation,
    generator: torch.Generator,
    *,
    steps: int = STEPS,
    strength: float = LAMBDA,
    zeta: float = ZETA,
) -> Tensor:
    """Return the restored state (23, H, W): the denoised state of the last level, drawn to the data once more."""
    precision = torch.where(seen.known, seen.level**-2, 0.0)
    sigmas = levels(steps)
    x = SIGMA_MAX * torch.randn(seen.values.shape, generator=generator)
    clean = x
    for sigma, lower in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
        rho = strength / sigma**2
        clean = (precision * seen.values + rho * denoise(x, sigma)) / (precision + rho)
        implied = (x - clean) / sigma
        fresh = torch.randn(x.shape, generator=generator)
        x = clean + lower * ((1 - zeta) ** 0.5 * implied + zeta**0.5 * fresh)
    return clean
