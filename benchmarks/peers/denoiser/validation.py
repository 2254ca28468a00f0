"""Validation on fixed synthetic sections that training never sees (seeds of their own)."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.stream import clean_states
from grainlight.crystal.embedding import PER_DEGREE, decode
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.state import EBSD, SIGMA_MAX, group_to_channel, is_unknown
from grainlight.synth.draw import Draw

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
    """Errors after one call, per task: see `docs/training.md` for how they are to be read.

    Share of pixels that would be given to a wrong grain (%), of pixels off by more than 5 degrees (%), and the median
    error (degrees).
    """
    device = next(model.parameters()).device
    truth = decode(clean[:, EBSD], dim=1)
    scores = {}
    for name, (stride, light) in TASKS.items():
        x, sigma = _task(clean, stride, light)
        restored = model(x.to(device), sigma.to(device)).cpu()
        error = torch.rad2deg(disorientation_angle(decode(restored[:, EBSD], dim=1), truth))
        scores[f"{name}: wrong grain, %"] = round(100 * wrong_grain(restored[:, EBSD], clean[:, EBSD]), 2)
        scores[f"{name}: over 5 deg, %"] = round(100 * float((error > 5).float().mean()), 2)
        scores[f"{name}: median, deg"] = round(float(error.median()), 3)
    return scores


def wrong_grain(found: Tensor, truth: Tensor, reach: int = 3) -> float:
    """Share of pixels whose estimate is nearest to an orientation of the neighbourhood that is over 5 degrees wrong.

    An estimate of least squares lies between two grains where it cannot tell them apart, and is then off by degrees
    however well it leans to the right one. What follows in the restoration chooses between grains: so does this.

    Parameters
    ----------
    found, truth
        Embeddings (B, 18, H, W).
    reach
        Rows and columns to each side whose true orientations are the choice; the rim of this width is left out.
    """
    best = torch.full_like(found[:, 0], torch.inf)
    chosen = torch.zeros_like(best)
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            candidate = torch.roll(truth, (row, column), (2, 3))
            distance = (candidate - found).square().sum(1)
            chosen = torch.where(distance < best, (candidate - truth).norm(dim=1), chosen)
            best = torch.minimum(best, distance)
    inner = slice(reach, -reach)
    return float((chosen[:, inner, inner] > 5 * PER_DEGREE).float().mean())
