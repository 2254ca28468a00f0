"""Samples of the restored state: the members of an ensemble, their mean, and the draft."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.solver import solve
from benchmarks.peers.denoiser.tiles import TiledDenoiser
from grainlight.diffusion.square import VIEWS, turn_image, turn_state, turn_state_back
from grainlight.diffusion.state import EBSD, LIGHT
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Samples
from grainlight.restore.settings import Plan

Denoise = Callable[[Tensor, Tensor], Tensor]
"""D(x, sigma): state (23, H, W) and noise levels (4, H, W) to the state that is expected of them."""


# Steps of the draft that the light is calibrated on a second time.
DRAFT_STEPS = 2


@dataclass(frozen=True)
class DenoiserPrior:
    """The joint denoiser as a `Prior`: its estimate is guide and mean in one."""

    denoise: Denoise

    def draft(self, measured: JointMeasurement, seed: int) -> Tensor:
        """Embedding (18, H, W) of a short run of the solver."""
        return solve(self.denoise, measured.state, measured.sigma, DRAFT_STEPS, _generator(seed, 0))[EBSD]

    def sample(self, measured: JointMeasurement, plan: Plan) -> Samples:
        """Restore as often as the plan says, each time in another view of the square and with noise of its own."""
        mean = torch.zeros_like(measured.state)
        found: list[Tensor] = []
        for state in members(self.denoise, measured.state, measured.sigma, plan.steps, plan.samples, plan.seed):
            mean += state / plan.samples
            if plan.samples > 1:
                # Half precision keeps 0.02 degrees and half the memory.
                found.append(state[EBSD].half())
            # Not held while the next one is made.
            del state
        orientation = mean[EBSD]
        return Samples(orientation, orientation, mean[LIGHT], tuple(found))


def prior_of(model: Denoiser) -> DenoiserPrior:
    """A denoiser on the CPU, tile by tile, as a `Prior`."""
    return DenoiserPrior(TiledDenoiser(model, torch.device("cpu")))


def members(
    denoise: Denoise, measurement: Tensor, sigma: Tensor, steps: int, samples: int, seed: int
) -> Iterator[Tensor]:
    """Restored states (23, H, W) one after the other, each in another view of the square and with noise of its own."""
    for number in range(samples):
        view = number % VIEWS
        # No name here: who takes a state decides how long it is held.
        yield turn_state_back(
            solve(denoise, turn_state(measurement, view), turn_image(sigma, view), steps, _generator(seed, number)),
            view,
        )


def _generator(seed: int, number: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + number)
