"""The kept weights of the joint denoiser: those that the package shipped before the label network's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.denoiser.denoiser import Denoiser
from grainlight.diffusion.checkpoint import load_weights

KEPT = Path(__file__).with_name("denoiser.safetensors")


def load_denoiser(path: Path | None = None, device: str | torch.device = "cpu", kind: type[Denoiser] = Denoiser) -> Any:
    """The denoiser, of the given kind, of a weights file; the kept one if no path is given.

    Raises
    ------
    InputError
        As `grainlight.diffusion.checkpoint.load_weights`.
    """
    return load_weights(path or KEPT, device, kind)
