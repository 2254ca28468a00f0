"""Validation on fixed synthetic sections that training never sees (seeds of their own)."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, decode
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.denoiser import Denoiser
from grainlight.diffusion.state import EBSD, SIGMA_MAX, group_to_channel, is_unknown
from grainlight.synth.draw import Draw
from grainlight.training.stream import clean_states

SEED = 777_000


def validation_set(patch: int = 64, each: int = 4) -> Tensor:
    """Clean states: ``each`` sections for grains of 8, 14, 24 and 40 pixels."""
    sizes = ((7.0, 9.0), (12.0, 16.0), (20.0, 28.0), (35.0, 45.0))
    return torch.cat([clean_states(Draw.seeded(SEED + i), each, patch, size) for i, size in enumerate(sizes)])


def _task(clean: Tensor, stride: int, light: float) -> tuple[Tensor, Tensor]:
    draw = Draw.seeded(SEED + stride)
    sigma = torch.full((clean.shape[0], 4, *clean.shape[2:]), SIGMA_MAX)
    sigma[:, 0, ::stride, ::stride] = 0.3 * PER_DEGREE
    sigma[:, 1:] = light
    clean = torch.where(group_to_channel(is_unknown(sigma)), 0.0, clean)
    return clean + group_to_channel(sigma) * draw.normal(*clean.shape), sigma


TASKS = {"scale2 light.10": (2, 0.1), "scale4 light.10": (4, 0.1), "scale4 alone": (4, SIGMA_MAX)}


@torch.inference_mode()
def validate(model: Denoiser, clean: Tensor) -> dict[str, float]:
    """Share of pixels off by more than 5 degrees (%) and median error (degrees) after one call, per task."""
    device = next(model.parameters()).device
    truth = decode(clean[:, EBSD], dim=1)
    scores = {}
    for name, (stride, light) in TASKS.items():
        x, sigma = _task(clean, stride, light)
        restored = model(x.to(device), sigma.to(device)).cpu()
        error = torch.rad2deg(disorientation_angle(decode(restored[:, EBSD], dim=1), truth))
        scores[f"{name}: over 5 deg, %"] = round(100 * float((error > 5).float().mean()), 2)
        scores[f"{name}: median, deg"] = round(float(error.median()), 3)
    return scores
