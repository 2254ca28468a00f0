"""Samples of the restoration, and what they say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM, decode
from grainlight.diffusion.sampler import solve
from grainlight.diffusion.square import VIEWS, turn_image, turn_state, turn_state_back
from grainlight.diffusion.state import EBSD, LIGHT, is_unknown
from grainlight.progress import Progress, Silent
from grainlight.restore.lone import join_lone_pixels
from grainlight.restore.projection import Neighbours, project

BOUNDARY_DEGREES = 5.0


@dataclass(frozen=True, eq=False)
class Posterior:
    """Summary of an ensemble.

    ``embedding`` (18, H, W) of the restored map; ``light`` (5, H, W) mean harmonics; ``doubt`` (H, W) root-mean-square
    distance of the samples from the map in degrees with the standard error of the projection, before calibration;
    ``boundary`` (H, W) share of samples with a boundary of 5 degrees to the right or below; ``samples`` (K, H, W, 4)
    orientations of the projected samples in half precision (0.05 degrees), none where the ensemble has one member.
    """

    embedding: Tensor
    light: Tensor
    doubt: Tensor
    boundary: Tensor
    samples: Tensor | None = None


def boundary_pixels(e: Tensor) -> Tensor:
    """Pixels (H, W) whose right or lower neighbour is farther than 5 degrees in embeddings (18, H, W)."""
    limit = BOUNDARY_DEGREES * PER_DEGREE
    out = torch.zeros(e.shape[1:], dtype=torch.bool)
    out[:, :-1] |= (e[:, :, 1:] - e[:, :, :-1]).norm(dim=0) > limit
    out[:-1] |= (e[:, 1:] - e[:, :-1]).norm(dim=0) > limit
    return out


def restore_ensemble(
    denoise: Callable[[Tensor, Tensor], Tensor],
    measurement: Tensor,
    sigma: Tensor,
    neighbours: Neighbours | None,
    *,
    steps: int,
    samples: int,
    seed: int,
    drift: float = 0.0,
    progress: Progress | None = None,
) -> Posterior:
    """Restore ``samples`` times, each in another view of the square and with noise of its own, and summarise.

    Without ``neighbours`` there is no data projection.
    """
    rows, columns = measurement.shape[1:]
    mean = torch.zeros_like(measurement)
    members: list[Tensor] = []
    for number in range(samples):
        view = number % VIEWS
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        state = solve(denoise, turn_state(measurement, view), turn_image(sigma, view), steps, generator)
        state = turn_state_back(state, view)
        mean += state / samples
        if samples > 1:
            # Half precision keeps 0.02 degrees and half the memory.
            members.append(state[EBSD].half())
    progress = progress or Silent()
    progress.begin("projecting on the measurement", 1 + len(members))
    guide = mean[EBSD]
    measured = ~is_unknown(sigma[0])
    if neighbours is None:
        final, error = guide, torch.zeros(rows, columns)
    else:
        projected = project(guide, measurement[EBSD], sigma[0], neighbours, drift)
        final, error = join_lone_pixels(projected.embedding, guide, measured), projected.error
    progress.advance()
    final = final * (SQUARED_NORM**0.5 / final.norm(dim=0).clamp(min=1e-6))
    # A posterior mean is shorter than an orientation by the variance that it averages over.
    spread = (SQUARED_NORM - guide.square().sum(0)).clamp(min=0.0)
    boundary = torch.zeros(rows, columns)
    if members:
        distance = torch.zeros(rows, columns)
        for number, member in enumerate(members):
            e = member.float()
            if neighbours is not None:
                joined = project(e, measurement[EBSD], sigma[0], neighbours, drift).embedding
                e = join_lone_pixels(joined, e, measured)
            distance += (e - final).square().sum(0) / samples
            boundary += boundary_pixels(e).float() / samples
            members[number] = decode(e, dim=0).half()
            progress.advance()
        spread = torch.maximum(spread, distance)
    else:
        boundary = boundary_pixels(final).float()
    doubt = (spread + 3 * error**2).sqrt() / PER_DEGREE
    return Posterior(final, mean[LIGHT], doubt, boundary, torch.stack(members) if members else None)
