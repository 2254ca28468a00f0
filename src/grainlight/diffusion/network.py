"""The label network: of every pixel, which of its candidates shares its grain, given what is decided around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grainlight.diffusion import beside
from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, Candidates
from grainlight.diffusion.evidence import CHANNELS, Evidence, gather_evidence, tabulate
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.square import turn_image, turn_image_back
from grainlight.diffusion.views import last_rows

# Logit of a candidate that cannot be taken.
_NEVER = -30.0
# Channels of the orientation that the network expects where no candidate is right.
_EMBEDDING = 18
# Widths of the misfits' weights in the logits before training: light, expected light, distance, and "none of them".
_START = (0.5, 0.1, 0.5, -6.0)
# Cells whose evidence is gathered at once on a CPU: it stays in its cache.
_AT_ONCE = 512


@dataclass(frozen=True)
class LabelConfig:
    """Widths and residual blocks per level, cells first; each level halves the resolution.

    ``stacks``: whether sections below and above can be given.
    """

    inputs: int = CHANNELS
    widths: tuple[int, ...] = (128, 192, 256)
    down_blocks: tuple[int, ...] = (1, 1, 2)
    up_blocks: tuple[int, ...] = (1, 2)
    stacks: bool = False

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be multiples of this."""
        return CELL * 2 ** (len(self.widths) - 1)


SHIPPED_SHAPE = LabelConfig(down_blocks=(1, 2, 3), stacks=True)
"""Of the network in the package."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What the network says of the cells (n,) of a batch.

    ``logits`` (n, 16, 17): of each pixel of a cell for its 16 candidates and, last, for a grain that none of them lies
    in; ``other`` (n, 18, 16): expected embedding there, if so.
    """

    logits: Tensor
    other: Tensor


class ResidualBlock(nn.Module):
    """x + g conv(silu(conv(silu(x)))), the gain g learned from a small value."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.gain = nn.Parameter(torch.full((1, width, 1, 1), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        # Where no gradient needs them, intermediate images are overwritten.
        free = not torch.is_grad_enabled()
        change = self.second(F.silu(self.first(F.silu(x)), inplace=free))
        return torch.addcmul(x, self.gain, change, out=change if free and change.dtype == x.dtype else None)


class LabelNetwork(nn.Module):
    """Logits of the candidates from a U-Net over cells; before training those of a guided copy."""

    # Of its weights files: those of another kind of network must not pass for these.
    format = "grainlight-labels-1"
    config_type = LabelConfig

    def __init__(self, config: LabelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LabelConfig()
        if config.inputs != CHANNELS:
            raise ValueError(f"inputs: found {config.inputs}, expected {CHANNELS}")
        widths = config.widths
        self.stem = nn.Conv2d(config.inputs, widths[0], 1)
        # What sections below and above add to it; nothing before training.
        self.beside = nn.Linear(beside.CHANNELS, widths[0], bias=False) if config.stacks else None
        if self.beside is not None:
            nn.init.zeros_(self.beside.weight)
        self.down = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(w) for _ in range(n)))
            for w, n in zip(widths, config.down_blocks, strict=True)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(w) for _ in range(n)))
            for w, n in zip(widths[:-1], config.up_blocks, strict=True)
        )
        self.head = nn.Conv2d(widths[0], PIXELS * (SLOTS + 1) + PIXELS * _EMBEDDING, 1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)
        self.weigh = nn.Parameter(torch.tensor(_START))

    def forward(
        self, features: Tensor, guided: Tensor, size: tuple[int, int], neighbours: Tensor | None = None
    ) -> Labels:
        """Logits of features (n, `CHANNELS`) and logits (n, 16, 17) to start from, of images of a size (H, W).

        ``neighbours`` (n, `beside.CHANNELS`): what sections below and above say.
        """
        return self.answer(self._first(features, neighbours), guided, size)

    def _first(self, features: Tensor, neighbours: Tensor | None) -> Tensor:
        """The first layer (n, widths[0])."""
        stem = F.linear(features, self.stem.weight[:, :, 0, 0], self.stem.bias)
        if neighbours is None:
            return stem
        return stem + self.of_beside()(neighbours)

    def of_beside(self) -> nn.Linear:
        """What sections below and above add to the first layer; raises ValueError in a network that knows none."""
        if self.beside is None:
            raise ValueError("sections below and above were given to a network that was not trained on stacks")
        return self.beside

    def answer(self, first: Tensor, guided: Tensor, size: tuple[int, int], view: int = 0) -> Labels:
        """What follows the first layer (n, widths[0]) of images of a size (H, W).

        In another ``view`` of the square the first layer is that of the turned images, for their cells as they lay
        before, and so is what comes back (`diffusion/views.py`).
        """
        stem = first.view(-1, size[0] // CELL, size[1] // CELL, first.shape[1]).permute(0, 3, 1, 2)
        rows = self.rows(stem, view)
        logits, other = rows.split((PIXELS * (SLOTS + 1), PIXELS * _EMBEDDING), 1)
        whole = guided.flatten(1)
        # Where no gradient needs them, the network's own are overwritten.
        logits = logits + whole if torch.is_grad_enabled() else logits.add_(whole)
        return Labels(logits.view(guided.shape), other.view(-1, _EMBEDDING, PIXELS))

    def rows(self, stem: Tensor, view: int = 0) -> Tensor:
        """What the last layer says of each cell (n, outputs), of the first layer (B, widths[0], h, w); see `answer`."""
        if view == 0:
            out = self.head(F.silu(self.body(stem)))
        else:
            seen = turn_image(stem, view).contiguous(memory_format=torch.channels_last)
            seen = turn_image_back(F.silu(self.body(seen)), view).contiguous(memory_format=torch.channels_last)
            assert self.head.bias is not None
            weight = last_rows(self.head.weight, view).contiguous(memory_format=torch.channels_last)
            out = F.conv2d(seen, weight, last_rows(self.head.bias, view))
        return out.permute(0, 2, 3, 1).flatten(0, 2).float()

    def body(self, x: Tensor) -> Tensor:
        """All between the first and the last layer, (B, widths[0], h, w) to the same."""
        kept = []
        for level, blocks in enumerate(self.down):
            x = blocks(x)
            if level < len(self.shrink):
                kept.append(x)
                x = self.shrink[level](x)
        for level in reversed(range(len(self.grow))):
            x = self.up[level](self.grow[level](x) + kept.pop())
        return x

    def guided(self, evidence: Evidence) -> Tensor:
        """Logits (n, 16, 17) of a guided copy: by light and distance, with four learnt weights."""
        light, expected, near, none = self.weigh.unbind()
        logits = -0.5 * (light * evidence.light + expected * evidence.expected) - near * evidence.distance
        logits = logits.masked_fill(~evidence.usable[:, None], _NEVER)
        return torch.cat((logits, none.expand_as(logits[:, :, :1])), 2)

    def label(
        self,
        measured: Measurement,
        revealed: Revealed,
        candidates: Candidates,
        dtype: torch.dtype = torch.float32,
    ) -> Labels:
        """What the network says of the candidates, for images whose sides are multiples of `config.multiple`.

        Without gradients: evidence is compared in single precision and some cells at a time, the layers run in
        ``dtype``. Who asks more than once about a section spares most of it: `diffusion/asked.py`.
        """
        tables = tabulate(measured, revealed)
        size = (measured.points.shape[1], measured.points.shape[2])
        device = measured.points.device.type
        cells = len(candidates.index)
        first = tables.embedding.new_empty(cells, self.config.widths[0])
        guided = tables.embedding.new_empty(cells, PIXELS, SLOTS + 1)
        for part in strips(cells, device):
            evidence = gather_evidence(tables, candidates, part)
            first[part] = self._first(evidence.features, evidence.beside)
            guided[part] = self.guided(evidence)
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            return self.answer(first, guided, size)


def strips(cells: int, device: str) -> Iterator[slice]:
    """Cells whose evidence is gathered at once where no gradient is wanted."""
    at_once = _AT_ONCE if device == "cpu" else cells
    return (slice(start, start + at_once) for start in range(0, cells, at_once))


def flops_per_pixel(config: LabelConfig) -> float:
    """Multiply-adds counted as two operations, per pixel of the image, for one call."""
    w = config.widths
    total = 2.0 * w[0] * (config.inputs + PIXELS * (SLOTS + 1 + _EMBEDDING))
    for level, width in enumerate(w):
        blocks = config.down_blocks[level] + (config.up_blocks[level] if level < len(w) - 1 else 0)
        total += 2.0 * 18 * width * width * blocks / 4**level
        if level < len(w) - 1:
            total += 2.0 * 2 * width * w[level + 1] / 4**level
    return total / PIXELS
