"""The preconditioned denoiser D(x, sigma) = E[clean state | noisy state], noise level per pixel and group."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers.denoiser.guide import Cells
from benchmarks.peers.denoiser.layout import by_channel, by_pixel
from benchmarks.peers.denoiser.network import NetworkConfig, UNet, convolved
from benchmarks.peers.denoiser.parts import PART_SIZES, group_to_part, part_to_channel
from benchmarks.peers.denoiser.skip import PrecisionWeightedSkip

# Of a strip of an image: what its first and last layer need of it stays in a CPU's caches.
_ROWS = 32


class Denoiser(nn.Module):
    """Wraps the network so that loss and solver see D(x, sigma) only."""

    # Of its weights files: weights of another kind of denoiser must not pass for these.
    format = "grainlight-denoiser-1"
    config_type = NetworkConfig

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        config = config or NetworkConfig()
        self.skip = PrecisionWeightedSkip(config.structure, config.scales)
        self.network = UNet(config)

    @property
    def config(self) -> NetworkConfig:
        return self.network.config

    def estimate(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> tuple[Tensor, Tensor]:
        """Denoise and say how sure the skip was.

        Parameters
        ----------
        x
            Noisy state (B, 23, H, W), H and W multiples of `config.multiple`.
        sigma
            Noise level per group (B, 4, H, W), embedding or canonical light units, `SIGMA_MIN` to `SIGMA_MAX`.
        cells
            For tiles of one map, how the map is cut (`guide.Cells`).

        Returns
        -------
        D, p
            Denoised state (B, 23, H, W) and the skip's standard deviation per part (B, 5, H, W), both float32.
        """
        b, p = self.skip(x, sigma, cells)
        # Nobody else sees b.
        return self.refine(x, sigma, b, p, None if torch.is_grad_enabled() else b), p

    def refine(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor, out: Tensor | None = None) -> Tensor:
        """D = b + p F for a skip (b, p) that is known already; ``out`` may receive it, and be ``b``."""
        # Autocast looks at whole layers.
        if torch.is_grad_enabled() or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            # The network's weights have their channels last: its first convolution lays the image out as they are.
            return _corrected(b, p, self.network(self._features(x, sigma, b, p)).float())
        return self._refine_in_strips(x, sigma, b, p, torch.empty_like(b) if out is None else out)

    def _features(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor) -> Tensor:
        """What the network sees (B, 55, H, W)."""
        std = self.skip.std
        c_in = (group_to_part(sigma) ** 2 + std**2).rsqrt()
        parts = [part * scale for part, scale in zip(x.split(PART_SIZES, 1), c_in.split(1, 1), strict=True)]
        parts += [part / scale for part, scale in zip(b.split(PART_SIZES, 1), std.split(1, 1), strict=True)]
        return torch.cat((*parts, sigma.log() / 4, (p / std).log() / 4), dim=1)

    def _refine_in_strips(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor, out: Tensor) -> Tensor:
        """The finest layers strip by strip: of all that they read and write, only one image is there as a whole.

        ``out`` receives the result; it may be ``b``.
        """
        network = self.network
        fine, coarse = network.coarser(self._first(x, sigma, b, p))
        for top, bottom, around, edges in _strips(x.shape[-2]):
            part = fine[:, :, around] if coarse is None else network.finest(fine, coarse, around.start, around.stop)
            part = convolved(network.head, F.silu(part), edges)
            part = by_channel(part.permute(0, 2, 3, 1).flatten(1, 2), bottom - top)
            _corrected(b[:, :, top:bottom], p[:, :, top:bottom], part, out[:, :, top:bottom])
        return out

    def _first(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor) -> Tensor:
        stem = self.network.stem
        size = (len(x), stem.out_channels, *x.shape[2:])
        out = torch.empty(size, device=x.device, memory_format=torch.channels_last)
        for top, bottom, around, edges in _strips(x.shape[-2]):
            part = self._features(*(image[:, :, around] for image in (x, sigma, b, p)))
            part = by_pixel(part).unflatten(1, part.shape[2:]).permute(0, 3, 1, 2)
            out[:, :, top:bottom] = convolved(stem, part, edges)
        return out

    def forward(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> Tensor:
        return self.estimate(x, sigma, cells)[0]


def _strips(rows: int) -> Iterator[tuple[int, int, slice, tuple[int, int]]]:
    """First row and end of strips, with a row more on either side, and how many rows are missing there."""
    # A rest of a few rows joins the strip before: all that layers see beyond a strip is inside the image.
    edges = [*range(0, max(1, rows - _ROWS // 2), _ROWS), rows]
    for top, bottom in pairwise(edges):
        yield top, bottom, slice(max(0, top - 1), min(rows, bottom + 1)), (int(top == 0), int(bottom == rows))


def _corrected(b: Tensor, p: Tensor, network: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.addcmul(b, part_to_channel(p), network, out=out)
