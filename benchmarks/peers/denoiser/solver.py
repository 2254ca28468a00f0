"""The pixel-wise solver: from measurements and their noise levels to a clean state, in a few calls of the denoiser."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from grainlight.diffusion.state import LIGHT, SIGMA_MAX, SIGMA_MIN, group_to_channel, is_unknown

DenoiseCall = Callable[[Tensor, Tensor], Tensor]
# Stated level of an unmeasured orientation and of unmeasured light at the second call, and what a call lowers them by.
EBSD_LEVEL, EBSD_FACTOR = 1.0, 0.7
LIGHT_LEVEL, LIGHT_FACTOR = 0.3, 0.5
LAST_LEVEL = 0.02


def stated_levels(sigma: Tensor, call: int) -> Tensor:
    """Noise levels (..., 4, H, W) that the state is stated to have at a call (0, 1, ...), from the measurement's.

    Measured orientations keep theirs. Measured light is worth more after every call, because what the denoiser took
    off it (noise, blur, stains) is known by then; what was not measured is worth something from the second call on.
    """
    if call == 0:
        return sigma
    ebsd, light = sigma.split((1, 3), dim=-3)
    # An inferred orientation never outranks a measured one.
    best = ebsd.amin((-2, -1), keepdim=True)
    floor = (2 * best).clamp(min=max(EBSD_LEVEL * EBSD_FACTOR ** (call - 1), LAST_LEVEL), max=SIGMA_MAX)
    ebsd = torch.where(is_unknown(ebsd), floor, ebsd)
    floor = max(LIGHT_LEVEL * LIGHT_FACTOR ** (call - 1), LAST_LEVEL)
    better = torch.where(is_unknown(light), floor, (light * LIGHT_FACTOR**call).clamp(min=LAST_LEVEL))
    # A measurement better than the last level is not made worse.
    return torch.cat((ebsd, torch.minimum(better, light)), dim=-3)


def later_input(measurement: Tensor, sigma: Tensor, estimate: Tensor) -> Tensor:
    """What a later call sees (..., 23, H, W): measured orientations as they are, the last estimate everywhere else."""
    kept = group_to_channel(~is_unknown(sigma))
    kept[..., LIGHT, :, :] = False
    return torch.where(kept, measurement, estimate)


def solve(
    denoise: DenoiseCall,
    measurement: Tensor,
    sigma: Tensor,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """Restore one state.

    Parameters
    ----------
    denoise
        D(x, sigma) on whole images.
    measurement
        Measured state (23, H, W); what stands at unmeasured pixels does not matter.
    sigma
        Noise level per pixel and group (4, H, W); `SIGMA_MAX` and above means unmeasured.
    steps
        Calls of the denoiser, 1 or more.
    generator
        CPU generator: the noise is drawn there for the whole image, the same for every device and every tiling.

    Returns
    -------
    The restored state (23, H, W).

    Notes
    -----
    The first call sees the measurement, and noise of the highest level where there is none. Every later call sees
    measured orientations as they are, and the last estimate everywhere else, at the levels of `stated_levels`: the
    neighbours of a pixel are then told apart by light that is clean and sharp, and by orientations that are known
    already. Fresh noise on the estimate, as ancestral samplers add it, costs accuracy here (docs/training.md).
    """
    if steps < 1:
        raise ValueError(f"steps: found {steps}, expected 1 or more")
    sigma = sigma.clamp(SIGMA_MIN, SIGMA_MAX)
    unknown = group_to_channel(is_unknown(sigma))
    x = torch.randn(measurement.shape, generator=generator).to(measurement.device).mul_(SIGMA_MAX)
    x = torch.where(unknown, x, measurement)
    del unknown
    x = denoise(x, sigma)
    for call in range(1, steps):
        # One name for what goes in and what comes out: a large map is not held twice.
        x = later_input(measurement, sigma, x)
        x = denoise(x, stated_levels(sigma, call))
    return x
