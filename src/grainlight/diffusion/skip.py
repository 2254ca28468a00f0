"""Precision-weighted skip: what a pixel knows before the network speaks.

Three kinds of sources are fused by their precisions: the pixel itself (its noise level), normalised convolutions of the
neighbourhood at four scales (variance of the local mean plus a structural variance, because the neighbourhood may lie in
another grain), and the prior (zero, variance of clean data). The result b and its standard deviation p make the denoiser
D = b + p F: inside grains F has almost nothing left to do.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.diffusion.state import CHANNELS, PART_STD, group_to_channel, group_to_part, part_to_channel

# Root-mean-square difference per channel between a pixel and its neighbourhood's mean at kernel widths of about
# 1, 2.3, 4.6 and 9 pixels, over synthetic sections of all families and sizes; rows as PARTS.
STRUCTURE = (
    (0.255, 0.382, 0.502, 0.606),
    (0.053, 0.080, 0.106, 0.130),
    (0.090, 0.135, 0.178, 0.214),
    (0.141, 0.211, 0.277, 0.333),
    (0.129, 0.193, 0.254, 0.307),
)
SCALES = 4
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def _blur(x: Tensor) -> Tensor:
    """Binomial 5 x 5 kernel of unit sum; outside the image counts as unknown (zero weight)."""
    k = torch.tensor(_BINOMIAL, dtype=x.dtype, device=x.device) / 16
    channels = x.shape[1]
    x = F.conv2d(x, k.view(1, 1, 5, 1).expand(channels, 1, 5, 1), padding=(2, 0), groups=channels)
    return F.conv2d(x, k.view(1, 1, 1, 5).expand(channels, 1, 1, 5), padding=(0, 2), groups=channels)


# Sum of the kernel when its peak is one: turns a mean of precisions into the number of pixels that speak.
_AREA = (16.0 / 6.0) ** 2


def precision_weighted_skip(x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Fuse a noisy state with its own neighbourhood.

    Parameters
    ----------
    x
        Noisy state (B, 23, H, W), H and W multiples of 8.
    sigma
        Noise level per group (B, 4, H, W), above 0.

    Returns
    -------
    b, p
        Fused estimate (B, 23, H, W) and its standard deviation per part (B, 5, H, W).
    """
    precision = sigma.float() ** -2
    weighted = torch.cat((x.float() * group_to_channel(precision), precision), dim=1)
    std = torch.tensor(PART_STD, device=x.device).view(1, 5, 1, 1)
    own = group_to_part(precision)
    total = own + std**-2
    b = weighted[:, :CHANNELS].clone()
    level = weighted
    for scale in range(SCALES):
        if scale:
            level = F.avg_pool2d(level, 2)
        blurred = _blur(level)
        area = _AREA * 4.0**scale
        count = blurred[:, CHANNELS:]
        tau = torch.tensor([row[scale] for row in STRUCTURE], device=x.device).view(1, 5, 1, 1)
        inverse = 1 / (1 / (area * group_to_part(count)) + tau**2)
        mean = blurred[:, :CHANNELS] / group_to_channel(count)
        source = torch.cat((mean * part_to_channel(inverse), inverse), dim=1)
        if scale:
            source = F.interpolate(source, scale_factor=2**scale, mode="bilinear", align_corners=False)
        b = b + source[:, :CHANNELS]
        total = total + source[:, CHANNELS:]
    return b / part_to_channel(total), total.rsqrt()
