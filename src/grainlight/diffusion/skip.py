"""Precision-weighted skip: what a pixel knows before the network speaks.

Sources are fused by their precisions: the pixel itself (its noise level), its neighbourhood and the prior (its mean,
variance of clean data). The neighbourhood of an orientation is the guided mean of the nearest measured points
(`diffusion.guide`), with the variance that their disagreement gives; that of the light, and of orientations where no
point is near, are normalised convolutions at four scales (variance of the local mean plus a structural variance,
because the neighbourhood may lie in another grain). The result b and its standard deviation p make the denoiser
D = b + p F: inside grains F has almost nothing left to do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grainlight.diffusion.guide import Cells, Guided, cell_sizes, guided_mean, known_points
from grainlight.diffusion.state import (
    CHANNELS,
    EBSD,
    LIGHT,
    PART_MEAN,
    PART_STD,
    group_to_channel,
    group_to_channel_light,
    group_to_part,
    part_to_channel,
    part_to_channel_ebsd,
)

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
# Of a binomial kernel of five: ends, their neighbours, middle.
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16)
# Sum of the kernel when its peak is one: turns a mean of precisions into the number of pixels that speak.
_AREA = (16.0 / 6.0) ** 2


class PrecisionWeightedSkip(nn.Module):
    """Fuses a noisy state with its own neighbourhood. It has constants, which move with it, but no weights.

    ``structure`` is a factor on `STRUCTURE`, ``scales`` how many of its columns are used, the finest first.
    """

    def __init__(self, structure: float = 1.0, scales: int = SCALES) -> None:
        super().__init__()
        self.scales = scales
        # Not persistent: they are part of the method, not of a weights file.
        self.register_buffer("std", torch.tensor(PART_STD).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("prior", torch.tensor(PART_MEAN).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("structure", structure * torch.tensor(STRUCTURE).T.reshape(SCALES, -1), persistent=False)
        self.std: Tensor
        self.prior: Tensor
        self.structure: Tensor

    def forward(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> tuple[Tensor, Tensor]:
        """Fuse, in float32 whatever the precision around it: bfloat16 would round orientations by tenths of a degree.

        Parameters
        ----------
        x
            Noisy state (B, 23, H, W), H and W multiples of 8.
        sigma
            Noise level per group (B, 4, H, W), above 0.
        cells
            For tiles of one map, how the map is cut; without it every image is a map of its own.

        Returns
        -------
        b, p
            Fused estimate (B, 23, H, W) and its standard deviation per part (B, 5, H, W).
        """
        with torch.autocast(x.device.type, enabled=False):
            return self._fuse(x.float(), sigma.float(), cells)

    def _fuse(self, x: Tensor, sigma: Tensor, cells: Cells | None) -> tuple[Tensor, Tensor]:
        precision = sigma**-2
        weighted = torch.cat((x * group_to_channel(precision), precision), dim=1)
        guided = _guided(x, sigma, cells)
        guide = guided.variance.reciprocal() * (guided.support > 0)
        # A convolution mixes grains where the guide tells them apart: it speaks where no measured point is near.
        alone = 1 / (1 + 30 * guided.support)
        total = group_to_part(precision) + self.std**-2
        total_e, total_l = total[:, :2] + guide, total[:, 2:]
        e = weighted[:, EBSD] + guided.mean * part_to_channel_ebsd(guide)
        light = weighted[:, LIGHT] + group_to_channel_light((self.prior / self.std**2)[:, 2:].expand(*total_l.shape))
        # Whole images pass here: what is not needed any more makes room.
        del guided, guide, total, precision
        level = weighted
        for scale in range(self.scales):
            if scale:
                level = F.avg_pool2d(level, 2)
            blurred = self._blur(level)
            count = group_to_part(blurred[:, CHANNELS:])
            inverse = 1 / (1 / (_AREA * 4.0**scale * count) + self.structure[scale].view(1, -1, 1, 1) ** 2)
            source = torch.cat((blurred[:, :CHANNELS] * part_to_channel(inverse / count), inverse), dim=1)
            del blurred, count, inverse
            if scale:
                source = F.interpolate(source, scale_factor=2**scale, mode="bilinear", align_corners=False)
            e = torch.addcmul(e, source[:, EBSD], alone)
            light = light + source[:, LIGHT]
            total_e = torch.addcmul(total_e, source[:, CHANNELS : CHANNELS + 2], alone)
            total_l = total_l + source[:, CHANNELS + 2 :]
            del source
        del level, weighted
        b = torch.cat((e / part_to_channel_ebsd(total_e), light / group_to_channel_light(total_l)), 1)
        return b, torch.cat((total_e, total_l), 1).rsqrt()

    def _blur(self, x: Tensor) -> Tensor:
        """Binomial 5 x 5 kernel of unit sum; outside the image counts as unknown (zero weight)."""
        # Shifted sums: convolutions of one channel each take twice as long on a CPU.
        for dim, pad in ((-2, (0, 0, 2, 2)), (-1, (2, 2))):
            size = x.shape[dim]
            x = F.pad(x, pad)
            outer, inner, middle = _BINOMIAL
            blurred = (x.narrow(dim, 0, size) + x.narrow(dim, 4, size)) * outer
            blurred.add_(x.narrow(dim, 1, size), alpha=inner).add_(x.narrow(dim, 3, size), alpha=inner)
            x = blurred.add_(x.narrow(dim, 2, size), alpha=middle)
        return x


def _guided(x: Tensor, sigma: Tensor, cells: Cells | None) -> Guided:
    """Guided means of a batch whose images may differ in cell size."""
    if cells is not None:
        return guided_mean(x, sigma, cells.points, cells.side, cells.origin)
    points = known_points(sigma)
    sides = cell_sizes(points)
    mean, variance, support = torch.empty_like(x[:, EBSD]), torch.empty_like(x[:, :2]), torch.empty_like(x[:, :1])
    for side in sorted(set(sides)):
        which = torch.tensor([i for i, s in enumerate(sides) if s == side], device=x.device)
        part = guided_mean(x[which], sigma[which], points[which], side)
        mean[which], variance[which], support[which] = part.mean, part.variance, part.support
    return Guided(mean, variance, support)
