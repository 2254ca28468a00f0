"""The network F inside the denoiser: a fully convolutional U-Net without normalisation over space.

No layer looks at the whole image, so a tile with enough overlap gives what the whole image gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grainlight.diffusion.network import ResidualBlock


@dataclass(frozen=True)
class NetworkConfig:
    """Widths and residual blocks per level, finest first; each level halves the resolution.

    ``structure`` (a factor on its structural deviations) and ``scales`` (1 to 4) belong to the skip around the network:
    weights hold for the skip that they were trained with, so they are kept with them.
    """

    inputs: int = 55
    outputs: int = 23
    widths: tuple[int, ...] = (24, 56, 112, 192)
    down_blocks: tuple[int, ...] = (0, 1, 2, 2)
    up_blocks: tuple[int, ...] = (1, 1, 1)
    structure: float = 1.0
    scales: int = 4

    @property
    def multiple(self) -> int:
        """Rows and columns of an input must be multiples of this."""
        return 2 ** (len(self.widths) - 1)


class StripBlock(ResidualBlock):
    """A residual block that can be run on a strip of an image."""

    # Rows that it sees above and below.
    REACH = 2

    def on_strip(self, x: Tensor, edges: tuple[int, int]) -> Tensor:
        """The same, without gradients, of a strip: all its rows but `REACH` above and below, where no edge is."""
        change = convolved(self.second, F.silu(convolved(self.first, F.silu(x), edges), inplace=True), edges)
        first, beyond = (0 if edge else self.REACH for edge in edges)
        return torch.addcmul(x[:, :, first : x.shape[-2] - beyond], self.gain, change, out=change)


def convolved(layer: nn.Conv2d, strip: Tensor, edges: tuple[int, int]) -> Tensor:
    """A 3 x 3 layer on a strip with a row of its neighbours above and below, or ``edges`` rows of zeros."""
    strip = F.pad(strip, (0, 0, *edges)) if any(edges) else strip
    return F.conv2d(strip, layer.weight, layer.bias, padding=(0, 1))


class UNet(nn.Module):
    """Images (B, inputs, H, W) to (B, outputs, H, W); zero before training."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = nn.Conv2d(config.inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Sequential(*(StripBlock(w) for _ in range(n))) for w, n in zip(widths, config.down_blocks, strict=True)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(widths))
        self.merge = nn.ModuleList(nn.Conv2d(2 * w, w, 1) for w in widths[:-1])
        self.up = nn.ModuleList(
            nn.Sequential(*(StripBlock(w) for _ in range(n)))
            for w, n in zip(widths[:-1], config.up_blocks, strict=True)
        )
        self.head = nn.Conv2d(widths[0], config.outputs, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.silu(self.body(self.stem(x))))

    def body(self, x: Tensor) -> Tensor:
        """All but the first and the last layer, (B, widths[0], H, W) to the same."""
        fine, coarse = self.coarser(x)
        return fine if coarse is None else self.up[0](self._merged(0, coarse, fine))

    def coarser(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The finest image as it is kept, and what all coarser levels make of it (B, widths[1], H / 2, W / 2)."""
        kept = []
        for level, blocks in enumerate(self.down):
            x = blocks(x)
            if level < len(self.shrink):
                kept.append(x)
                x = self.shrink[level](x)
        if not kept:
            return x, None
        for level in reversed(range(1, len(self.grow))):
            x = self.up[level](self._merged(level, x, kept.pop()))
        return kept[0], x

    def finest(self, fine: Tensor, coarse: Tensor, top: int, bottom: int) -> Tensor:
        """Some rows of what `body` makes of `coarser`, without gradients: no finest image is there as a whole."""
        blocks = self.up[0]
        assert isinstance(blocks, nn.Sequential)
        height = fine.shape[-2]
        reach = StripBlock.REACH * len(blocks)
        # A pair of rows is one of the coarser image.
        pairs = slice(max(0, top - reach) // 2, -(-min(height, bottom + reach) // 2))
        start = 2 * pairs.start
        x = self._merged(0, coarse[:, :, pairs], fine[:, :, start : 2 * pairs.stop])
        for block in blocks:
            assert isinstance(block, StripBlock)
            above, below = max(0, top - reach), min(height, bottom + reach)
            x = block.on_strip(x[:, :, above - start : below - start], (int(above == 0), int(below == height)))
            reach -= block.REACH
            start = max(0, top - reach)
        return x[:, :, top - start : bottom - start]

    def _merged(self, level: int, coarse: Tensor, fine: Tensor) -> Tensor:
        """A coarser level, enlarged, and what was kept of this one."""
        grow, merge = self.grow[level], self.merge[level]
        assert isinstance(grow, nn.ConvTranspose2d)
        assert isinstance(merge, nn.Conv2d)
        # In lower precision the two would be rounded elsewhere than in training.
        if torch.is_grad_enabled() or not coarse.dtype == fine.dtype == torch.float32:
            return merge(torch.cat((grow(coarse), fine), dim=1))
        # Without gradients: both layers are linear, so they are one, and images of channels are matrices.
        width = fine.shape[1]
        from_coarse, from_fine = merge.weight[:, :, 0, 0].split(width, 1)
        weight = torch.einsum("cmij,om->cijo", grow.weight, from_coarse).flatten(1)
        assert grow.bias is not None
        assert merge.bias is not None
        bias = torch.addmv(merge.bias, from_coarse, grow.bias)
        batch, channels, rows, columns = coarse.shape
        pixels = coarse.permute(0, 2, 3, 1).reshape(-1, channels) @ weight
        pixels = pixels.view(batch, rows, columns, 2, 2, width).transpose(2, 3).reshape(-1, width)
        pixels.addmm_(fine.permute(0, 2, 3, 1).reshape(-1, width), from_fine.T).add_(bias)
        return pixels.view(batch, 2 * rows, 2 * columns, width).permute(0, 3, 1, 2)


def flops_per_pixel(config: NetworkConfig) -> float:
    """Multiply-adds counted as two operations, per pixel of the input, for one call."""
    w = config.widths
    total = 2.0 * 9 * w[0] * (config.inputs + config.outputs)
    for level, width in enumerate(w):
        blocks = config.down_blocks[level] + (config.up_blocks[level] if level < len(w) - 1 else 0)
        total += 2.0 * 18 * width * width * blocks / 4**level
        if level < len(w) - 1:
            total += 2.0 * (2 * width * w[level + 1] + 2 * width * width) / 4**level
    return total
