"""Precision-weighted skip: what a pixel knows before the network speaks.

Sources are fused by their precisions: the pixel itself (its noise level), its neighbourhood and the prior (its mean,
variance of clean data). The neighbourhood of an orientation is the guided mean of the nearest measured points
(`guide`), with the variance that their disagreement gives; that of the light, and of orientations where no
point is near, are normalised convolutions at four scales (variance of the local mean plus a structural variance,
because the neighbourhood may lie in another grain). The result b and its standard deviation p make the denoiser
D = b + p F: inside grains F has almost nothing left to do.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers.denoiser.guide import Cells, Guided, cell_sizes, guided_strips, known_points
from benchmarks.peers.denoiser.parts import PART_MEAN, PART_SIZES, PART_STD, PARTS, group_to_part
from grainlight.diffusion.state import CHANNELS, GROUP_SIZES, LIGHT

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
_REACH = 2
# Of a strip, where images are cut into strips; a multiple of 2.
_ROWS_AT_ONCE = 16
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
            x, sigma = x.float(), sigma.float()
            if cells is not None:
                return self._fuse(x, sigma, cells)
            points = known_points(sigma)
            sides = cell_sizes(points)
            if len(set(sides)) == 1:
                return self._fuse(x, sigma, Cells(points, sides[0]))
            b, p = torch.empty_like(x), x.new_empty(len(x), len(PARTS), *x.shape[2:])
            for side in sorted(set(sides)):
                which = torch.tensor([i for i, s in enumerate(sides) if s == side], device=x.device)
                b[which], p[which] = self._fuse(x[which], sigma[which], Cells(points[which], side))
            return b, p

    def _fuse(self, x: Tensor, sigma: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
        """Fuse images that share a cell size, strip by strip: what a strip needs stays in a CPU's caches."""
        b, p = torch.empty_like(x), x.new_empty(len(x), len(PARTS), *x.shape[2:])
        coarse = self._coarse(x, sigma)
        for top, guided in guided_strips(x, sigma, cells):
            bottom = top + guided.mean.shape[-2]
            strip = slice(top, bottom)
            above, below = min(top, _REACH), min(x.shape[-2] - bottom, _REACH)
            around = slice(top - above, bottom + below)
            known = _weighted(x[:, :, around], sigma[:, :, around])
            fine = _blur(known, (_REACH - above, _REACH - below))
            inside = known[:, :, above : above + bottom - top]
            self._combine(inside, guided, fine, _grown(coarse, top, bottom), (b[:, :, strip], p[:, :, strip]))
        return b, p

    def _combine(
        self, known: Tensor, guided: Guided, fine: Tensor, coarse: Tensor | None, out: tuple[Tensor, Tensor]
    ) -> None:
        """Write mean and deviation of a strip.

        Sources are what pixels know themselves and the same, blurred (B, 27, h, w), the guide, and the coarse scales
        (B, 28, h, w), if any.
        """
        guide = guided.variance.reciprocal() * (guided.support > 0)
        # A convolution mixes grains where the guide tells them apart: it speaks where no measured point is near.
        alone = 1 / (1 + 30 * guided.support)
        scales, share = self._inverse(fine, 0)
        if coarse is not None:
            scales = scales + coarse[:, CHANNELS:]
        light = scales[:, 2:]
        total = group_to_part(known[:, CHANNELS:]) + self.std**-2
        total = total + torch.cat((torch.addcmul(guide, scales[:, :2], alone), light), 1)
        share = torch.cat((share[:, :2] * alone, share[:, 2:]), 1)
        end = 0
        for part, size in enumerate(PART_SIZES):
            where, one = slice(end, end + size), slice(part, part + 1)
            end += size
            mean = torch.addcmul(known[:, where], fine[:, where], share[:, one])
            if end <= LIGHT.start:
                mean.addcmul_(guided.mean[:, where], guide[:, one])
                if coarse is not None:
                    mean.addcmul_(coarse[:, where], alone)
            else:
                mean.add_((self.prior / self.std**2)[:, one])
                if coarse is not None:
                    mean.add_(coarse[:, where])
            out[0][:, where] = mean / total[:, one]
        out[1].copy_(total.rsqrt())

    def _inverse(self, blurred: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """Precision per part (B, 5, h, w) of a normalised convolution, and what makes its sums parts of the mean."""
        count = group_to_part(blurred[:, CHANNELS:])
        inverse = 1 / (1 / (_AREA * 4.0**scale * count) + self.structure[scale].view(1, -1, 1, 1) ** 2)
        return inverse, inverse / count

    def _coarse(self, x: Tensor, sigma: Tensor) -> list[Tensor]:
        """What the coarse scales say: values by precision and precisions, (B, 28, H / 2, W / 2) and coarser."""
        if self.scales == 1:
            return []
        rows = _ROWS_AT_ONCE if x.device.type == "cpu" else x.shape[-2]
        strips = (slice(top, top + rows) for top in range(0, x.shape[-2], rows))
        level = torch.cat([_halved(_weighted(x[:, :, s], sigma[:, :, s])) for s in strips], 2)
        sources = []
        for scale in range(1, self.scales):
            if scale > 1:
                level = _halved(level)
            blurred = _blur(level, (_REACH, _REACH))
            inverse, share = self._inverse(blurred, scale)
            parts = blurred[:, :CHANNELS].split(PART_SIZES, 1)
            sources.append(torch.cat((*(a * b for a, b in zip(parts, share.split(1, 1), strict=True)), inverse), 1))
        return sources


def _weighted(x: Tensor, sigma: Tensor) -> Tensor:
    """State times precision, and precision (B, 27, h, w)."""
    precision = sigma**-2
    parts = zip(x.split(GROUP_SIZES, 1), precision.split(1, 1), strict=True)
    return torch.cat((*(part * weight for part, weight in parts), precision), 1)


def _halved(x: Tensor) -> Tensor:
    """Means of two by two pixels: rows first, several times as fast as a pooling."""
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _blur(x: Tensor, edges: tuple[int, int]) -> Tensor:
    """Binomial 5 x 5 kernel of unit sum; ``edges`` rows above and below, and two columns beside, count as unknown.

    The result has as many columns and, of rows with edges, four fewer.
    """
    # Shifted sums: convolutions of one channel each take twice as long on a CPU.
    outer, inner, middle = _BINOMIAL
    for dim, pad in ((-2, (0, 0, *edges)), (-1, (_REACH, _REACH))):
        x = F.pad(x, pad) if any(pad) else x
        size = x.shape[dim] - 2 * _REACH
        blurred = (x.narrow(dim, 0, size) + x.narrow(dim, 4, size)) * outer
        blurred.add_(x.narrow(dim, 1, size), alpha=inner).add_(x.narrow(dim, 3, size), alpha=inner)
        x = blurred.add_(x.narrow(dim, 2, size), alpha=middle)
    return x


def _grown(coarse: list[Tensor], top: int, bottom: int) -> Tensor | None:
    """Sum of coarse images at the rows of a strip, interpolated (bilinear)."""
    rows, weights = [], []
    for scale, source in enumerate(coarse, 1):
        times = 2**scale
        first, last = (max(0, math.floor((row + 0.5) / times - 0.5)) for row in (top, bottom - 1))
        part = source[:, :, first : last + 2]
        # Columns at once, rows below: a strip's are few, and one product does them for all scales.
        wide = F.interpolate(part.flatten(1, 2), scale_factor=times, mode="linear")
        rows.append(wide.view(*part.shape[:3], -1))
        at = (torch.arange(top, bottom, device=source.device) + 0.5) / times - 0.5
        at = at.clamp(0, source.shape[-2] - 1) - first
        weights.append((1 - (at[:, None] - torch.arange(part.shape[2], device=at.device)).abs()).clamp(min=0))
    return torch.matmul(torch.cat(weights, 1), torch.cat(rows, 2)) if coarse else None
