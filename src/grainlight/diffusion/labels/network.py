"""The label network: of every pixel, which of its candidates shares its grain, given what is decided around it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grainlight.diffusion.labels.candidates import (
    CELL,
    PIXELS,
    SLOTS,
    Candidates,
    find_candidates,
    nearest_point,
    point_spacing,
)
from grainlight.diffusion.labels.evidence import CHANNELS, Evidence, gather_evidence
from grainlight.diffusion.labels.measurement import Measurement, Revealed
from grainlight.diffusion.network import ResidualBlock

# Logit of a candidate that cannot be taken.
_NEVER = -30.0
# Channels of the orientation that the network expects where no candidate is right.
_EMBEDDING = 18
# Widths of the misfits' weights in the logits before training: light, expected light, distance, and "none of them".
_START = (0.5, 0.1, 0.5, -6.0)


@dataclass(frozen=True)
class LabelConfig:
    """Widths and residual blocks per level, cells first; each level halves the resolution."""

    inputs: int = CHANNELS
    widths: tuple[int, ...] = (128, 192, 256)
    down_blocks: tuple[int, ...] = (1, 1, 2)
    up_blocks: tuple[int, ...] = (1, 2)

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be multiples of this."""
        return CELL * 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, eq=False)
class Labels:
    """What the network says.

    ``logits`` (B, 16, 17, h, w): of each pixel of a cell for its 16 candidates and, last, for a grain that none of them
    lies in; ``other`` (B, 18, 16, h, w): expected embedding there, if so.
    """

    logits: Tensor
    other: Tensor


class LabelNetwork(nn.Module):
    """Logits of the candidates from a U-Net over cells; before training those of a guided copy."""

    # Of its weights files, as of `Denoiser`.
    format = "grainlight-labels-1"
    config_type = LabelConfig

    def __init__(self, config: LabelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LabelConfig()
        if config.inputs != CHANNELS:
            raise ValueError(f"inputs: found {config.inputs}, expected {CHANNELS}")
        widths = config.widths
        self.stem = nn.Conv2d(config.inputs, widths[0], 1)
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

    def forward(self, features: Tensor, guided: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embeddings as in `Labels`, of features (B, `CHANNELS`, h, w) and logits to start from."""
        out = self.head(F.silu(self.body(self.stem(features)))).float()
        batch, _, rows, columns = out.shape
        logits, other = out.split((PIXELS * (SLOTS + 1), PIXELS * _EMBEDDING), 1)
        logits = guided + logits.view(batch, PIXELS, SLOTS + 1, rows, columns)
        return logits, other.view(batch, _EMBEDDING, PIXELS, rows, columns)

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
        """Logits (B, 16, 17, h, w) of a guided copy: by light and distance, with four learnt weights."""
        light, expected, near, none = self.weigh.unbind()
        logits = -0.5 * (light * evidence.light + expected * evidence.expected) - near * evidence.distance
        logits = logits.masked_fill(~evidence.usable[:, None], _NEVER)
        return torch.cat((logits, none.expand_as(logits[:, :, :1])), 2)

    def label(self, measured: Measurement, revealed: Revealed | None = None) -> tuple[Labels, Candidates]:
        """Candidates and what the network says of them, for images whose sides are multiples of `config.multiple`."""
        revealed = Revealed.none(measured) if revealed is None else revealed
        candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
        evidence = gather_evidence(measured, revealed, candidates)
        return Labels(*self(evidence.features, self.guided(evidence))), candidates


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
