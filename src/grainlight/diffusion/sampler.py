"""The pixel-wise solver: from measurements and their noise levels to a clean state, in a few calls of the denoiser."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from grainlight.diffusion.state import GROUP_SIZES, SIGMA_MAX, SIGMA_MIN, group_to_channel

DenoiseCall = Callable[[Tensor, Tensor], Tensor]
# Below this level a further call changes nothing that data projection would not do better.
LAST_LEVEL = 0.06


def levels(steps: int, last: float = LAST_LEVEL, rho: float = 3.0) -> list[float]:
    """Noise levels of the unmeasured pixels at each call, from unknown down; after the last call the estimate is taken.

    The spacing is Karras et al. (2022), equation 5, with a small exponent: most calls go where grains are decided.
    """
    if steps < 1:
        raise ValueError(f"steps: found {steps}, expected 1 or more")
    if steps == 1:
        return [SIGMA_MAX]
    # The first call is at SIGMA_MAX; the others share the range in which an estimate still changes.
    high, low = 1.5 ** (1 / rho), last ** (1 / rho)
    rest = [(high + (low - high) * i / max(steps - 2, 1)) ** rho for i in range(steps - 1)]
    return [SIGMA_MAX, *rest]


def solve(
    denoise: DenoiseCall,
    measurement: Tensor,
    sigma: Tensor,
    steps: int,
    generator: torch.Generator,
    on_call: Callable[[], None] = lambda: None,
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
        Calls of the denoiser.
    generator
        CPU generator: the noise is drawn there for the whole image, so a seed means the same on every device and for
        every tiling.

    Returns
    -------
    The restored state (23, H, W).

    Notes
    -----
    A measured pixel stays what it is, at its own noise level. An unmeasured one is re-noised with fresh noise to each
    level: errors of one call are forgotten by the next, where a deterministic rule would carry them on.
    """
    sigma = sigma.clamp(SIGMA_MIN, SIGMA_MAX)
    unknown = sigma >= 0.99 * SIGMA_MAX
    unknown_channels = group_to_channel(unknown)
    estimate = torch.zeros_like(measurement)
    for level in levels(steps):
        now = torch.where(unknown, level, sigma)
        noise = torch.randn(measurement.shape, generator=generator).to(measurement.device)
        x = torch.where(unknown_channels, estimate + level * noise, measurement)
        estimate = denoise(x, now)
        on_call()
    return estimate


def group_sigma(ebsd: Tensor, light: Tensor) -> Tensor:
    """Stack EBSD (H, W) and light (3, H, W) noise levels to (4, H, W), unknown where not finite."""
    both = torch.cat((ebsd[None], light))
    assert both.shape[0] == len(GROUP_SIZES)
    return torch.where(torch.isfinite(both), both, SIGMA_MAX).clamp(SIGMA_MIN, SIGMA_MAX)
