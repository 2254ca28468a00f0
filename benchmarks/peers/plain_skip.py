"""Diffusion without the precision-weighted skip: the usual preconditioning, and everything else as ours.

Preconditioning after Karras et al. (NeurIPS 2022), D = c_skip x + c_out F(c_in x, sigma), for noise levels per pixel
and group and for data with a mean: the best estimate from a pixel's own value alone. Network body, training stream,
noise fields, loss (in units of c_out), solver, projection and boundaries are those of the joint denoiser: what differs
in the answer is what the skip is worth. Calls and ensemble as the quality that is judged.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.guide import Cells
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.parts import PART_MEAN, PART_STD, group_to_part, part_to_channel
from benchmarks.peers.denoiser.presets import CPU
from benchmarks.peers.denoiser.prior import prior_of
from benchmarks.peers.denoiser.task import Denoising
from benchmarks.peers.denoiser.weights import load_denoiser
from benchmarks.peers.pipeline import through_pipeline
from benchmarks.peers.weights import weights_of
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method


class PixelSkip(nn.Module):
    """What a pixel knows of itself: c_skip x (and the mean of clean data), with c_out as its standard deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("std", torch.tensor(PART_STD).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("prior", torch.tensor(PART_MEAN).view(1, -1, 1, 1), persistent=False)
        self.std: Tensor
        self.prior: Tensor

    def forward(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> tuple[Tensor, Tensor]:
        """Return b (B, 23, H, W) and c_out per part (B, 5, H, W); arguments as for the skip that it replaces."""
        with torch.autocast(x.device.type, enabled=False):
            variance = group_to_part(sigma.float()) ** 2
            own = self.std**2 / (variance + self.std**2)
            b = part_to_channel(own) * x.float() + part_to_channel((1 - own) * self.prior)
            return b, (variance * own).sqrt()


class PlainDenoiser(Denoiser):
    """The denoiser with `PixelSkip`; the network's inputs are the same, so is its size."""

    format = "grainlight-peer-plain-skip-1"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        self.skip = PixelSkip()  # type: ignore[assignment]


PRESET = replace(CPU, task=Denoising(kind=PlainDenoiser), patch=48, batch=8, save_every_seconds=600.0)
"""How it is trained, but for the budget."""


def plain_skip(weights: Path | None = None, quality: str = "balanced") -> Method:
    """Return diffusion without the precision-weighted skip, through this project's solver and projection.

    Parameters
    ----------
    weights
        File of its weights; by default where `peers.train` writes them.
    quality
        Calls and members, as for `methods.restoration`.
    """

    def method(task: Task) -> Answer:
        model = load_denoiser(weights or weights_of("plain_skip"), kind=PlainDenoiser)
        return through_pipeline(prior_of(model), task, quality)

    return method
