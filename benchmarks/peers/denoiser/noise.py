"""Noise fields for training: what of a clean state is measured, how well, and what is unknown.

Every inverse problem is one such field: EBSD on a sub-grid and the rest unknown is super-resolution, holes are filling,
light without EBSD is indexing by light. Nothing here is a task; the fields are drawn at random over all of them.
Three faults of real measurements are drawn without telling the network: misindexed EBSD points, blurred light, and
light whose gain wanders.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, SIGMA_MIN, group_to_channel, is_unknown
from grainlight.synth.blemish import blur_each
from grainlight.synth.draw import Draw

_STRIDES = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class NoiseMixture:
    """Shares of the kinds of noise field, and their ranges.

    Four fifths are what the solver meets at its first call (measured or unknown); the rest, at levels on the way from
    unknown to clean, keeps the model a denoiser at every level.
    """

    stride_shares: tuple[float, ...] = (0.12, 0.34, 0.08, 0.34, 0.03, 0.04, 0.05)
    scattered: float = 0.1
    ebsd_level: float = 0.06
    ebsd_unknown: float = 0.07
    light_unknown: float = 0.15
    light_level: float = 0.06
    unmeasured_unknown: float = 0.85
    misindexed: float = 0.04
    blur: float = 1.3


def draw_noise_field(draw: Draw, clean: Tensor, mixture: NoiseMixture | None = None) -> tuple[Tensor, Tensor]:
    """Draw a noisy state and its stated noise levels.

    Parameters
    ----------
    clean
        Clean state (B, 23, H, W).

    Returns
    -------
    x, sigma
        Noisy state (B, 23, H, W) and noise level per pixel and group (B, 4, H, W).
    """
    mixture = mixture or NoiseMixture()
    batch = clean.shape[0]
    # The level that the solver would be at for everything unmeasured: unknown, or anywhere on the way.
    level = draw.log_uniform(0.02, SIGMA_MAX, batch)
    level = torch.where(draw.chance(mixture.unmeasured_unknown, batch), SIGMA_MAX, level)
    ebsd_sigma, ebsd_mean = _ebsd_field(draw, clean[:, EBSD], level, mixture)
    other = torch.where(draw.chance(0.6, batch), level, draw.log_uniform(0.02, SIGMA_MAX, batch))
    light_sigma, light_mean = _light_field(draw, clean[:, LIGHT], other, mixture)
    sigma = torch.cat((ebsd_sigma, light_sigma), 1).clamp(SIGMA_MIN, SIGMA_MAX)
    mean = torch.cat((ebsd_mean, light_mean), 1)
    # The solver starts what is unknown from nothing: a trace of the truth, averaged over many pixels, would be a leak.
    mean = torch.where(group_to_channel(is_unknown(sigma)), 0.0, mean)
    return mean + group_to_channel(sigma) * draw.normal(*clean.shape), sigma


def _pick(draw: Draw, shares: tuple[float, ...], batch: int) -> Tensor:
    edges = torch.tensor(shares).cumsum(0)
    return (draw.uniform(0.0, float(edges[-1]), batch, 1) > edges[:-1].to(draw.device)).sum(-1)


def _ebsd_field(draw: Draw, clean: Tensor, level: Tensor, mixture: NoiseMixture) -> tuple[Tensor, Tensor]:
    batch, _, rows, columns = clean.shape
    device = draw.device
    stride = torch.tensor(_STRIDES, device=device)[_pick(draw, mixture.stride_shares, batch)].view(-1, 1, 1)
    offset = draw.integer(1000, batch, 2, 1)
    on_row = (torch.arange(rows, device=device)[None] + offset[:, 0]).unsqueeze(-1) % stride == 0
    on_column = (torch.arange(columns, device=device)[None] + offset[:, 1]).unsqueeze(-2) % stride == 0
    grid = on_row & on_column
    scattered = draw.chance(draw.log_uniform(0.01, 0.4, batch, 1, 1), batch, rows, columns)
    mask = torch.where(draw.chance(mixture.scattered, batch, 1, 1), scattered, grid)
    lost = draw.uniform(0.0, 0.2, batch, 1, 1) * draw.chance(0.5, batch, 1, 1)
    mask = mask & ~draw.chance(lost, batch, rows, columns)
    hole = draw.smooth_field(batch, 1, rows, columns, length=draw.scalar(4.0, 12.0))[:, 0] > 1.5
    mask = mask & ~(hole & draw.chance(0.25, batch, 1, 1))
    kind = draw.uniform(0.0, 1.0, batch, 1, 1)
    mask = mask & (kind > mixture.ebsd_level + mixture.ebsd_unknown)
    # Typical EBSD noise in most of the sections, anything up to 5 degrees in the others.
    degrees = torch.where(draw.chance(0.65, batch), draw.uniform(0.1, 0.6, batch), draw.log_uniform(0.05, 5.0, batch))
    known = (degrees * PER_DEGREE)[:, None, None].expand_as(mask)
    rest = torch.where(kind < mixture.ebsd_unknown, SIGMA_MAX, torch.maximum(level[:, None, None], known))
    sigma = torch.where(mask, known, rest)
    wrong_share = draw.uniform(0.0, mixture.misindexed, batch, 1, 1) * draw.chance(0.5, batch, 1, 1)
    wrong = mask & draw.chance(wrong_share, batch, rows, columns)
    # A wrong orientation is as likely as a right one: take it from elsewhere in the batch.
    elsewhere = clean.roll((1, 17), dims=(0, 2)).flip(-1)
    return sigma[:, None], torch.where(wrong[:, None], elsewhere, clean)


def _light_field(draw: Draw, clean: Tensor, level: Tensor, mixture: NoiseMixture) -> tuple[Tensor, Tensor]:
    batch, _, rows, columns = clean.shape
    fourth = draw.log_uniform(0.01, 0.4, batch, 1)
    second = fourth * draw.log_uniform(0.4, 2.5, batch, 1)
    zeroth = fourth * draw.log_uniform(0.7, 4.0, batch, 1)
    base = torch.cat((zeroth, second, fourth), 1)
    missing = draw.chance(torch.tensor((0.35, 0.12, 0.04), device=draw.device).expand(batch, 3), batch, 3)
    uneven = draw.uniform(0.0, 0.4, batch, 1, 1, 1) * draw.smooth_field(batch, 1, rows, columns, draw.scalar(6.0, 30.0))
    measured = torch.where(missing[..., None, None], SIGMA_MAX, base[..., None, None] * uneven.exp())
    # Stains, dust and scratches that were found are stated as unknown.
    stain = draw.smooth_field(batch, 1, rows, columns, draw.scalar(3.0, 20.0)) > 1.6
    stain = stain & draw.chance(0.3, batch, 1, 1, 1)
    measured = torch.where(stain, torch.maximum(measured, draw.log_uniform(0.3, SIGMA_MAX, batch, 1, 1, 1)), measured)
    kind = draw.uniform(0.0, 1.0, batch, 1, 1, 1)
    is_level = (kind >= mixture.light_unknown) & (kind < mixture.light_unknown + mixture.light_level)
    sigma = torch.where(is_level, level.view(-1, 1, 1, 1), measured)
    sigma = torch.where(kind < mixture.light_unknown, SIGMA_MAX, sigma)
    faulty = blur_each(clean, draw.uniform(0.0, mixture.blur, batch))
    wander = draw.smooth_field(batch, 1, rows, columns, draw.scalar(10.0, 50.0))
    faulty = faulty * (1 + draw.uniform(0.0, 0.08, batch, 1, 1, 1) * wander)
    is_faulty = draw.chance(0.8, batch, 1, 1, 1) & ~is_level
    return sigma, torch.where(is_faulty, faulty, clean)
