"""What the label network says of a section that lies between two others whose maps are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.beside import candidates_of
from grainlight.diffusion.candidates import CELL, SLOTS, Candidates, from_cells
from grainlight.diffusion.evidence import ideal_light
from grainlight.diffusion.measurement import Measurement, Neighbours
from grainlight.diffusion.sampler import estimate
from grainlight.diffusion.state import SIGMA_MAX, group_to_channel_light, is_unknown
from grainlight.restore.sampling.label_prior import LabelPrior

# Noise of restored orientations (degrees, root mean square), and of the light that they should show (canonical units):
# the middle of what the network met in training.
_NOISE, _LIGHT_NOISE = 0.5, 0.05
_AT_ONCE = 1 << 13
# Degrees: no disorientation of 6/mmm is larger.
_ANY = 93.84


@dataclass(frozen=True, eq=False)
class KnownMap:
    """A map below or above: ``quaternions`` (H, W, 4) in frame S with X along a, ``known`` (H, W) pixels to go by,
    ``distance`` in pixels, positive."""

    quaternions: NDArray[np.float64]
    known: NDArray[np.bool_]
    distance: float


@dataclass(frozen=True, eq=False)
class Between:
    """What the network says of a section (H, W).

    ``embedding`` (18, H, W) of the likeliest grain; ``sure`` (H, W) its probability; ``candidates`` (H, W, 16) of every
    pixel, as rows of ``maps`` (2 H W, 4), the orientations below and then above; ``probability`` (H, W, 17) of them
    and, last, of a grain that neither map shows.
    """

    embedding: Tensor
    sure: NDArray[np.float32]
    candidates: Tensor
    probability: Tensor
    maps: Tensor

    def error_of(self, quaternions: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probability (H, W) that a map (H, W, 4) is off by more than 5 degrees, and the angle that nine in ten errors
        do not exceed, in degrees."""
        q = torch.from_numpy(quaternions).reshape(-1, 4)
        index, p = self.candidates.reshape(-1, SLOTS), self.probability.reshape(-1, SLOTS + 1)
        other, bound = torch.empty(len(q)), torch.empty(len(q))
        for start in range(0, len(q), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            angle = torch.rad2deg(disorientation_angle(q[part, None], self.maps[index[part]])).float()
            # Of a grain that nobody saw, the orientation may be any.
            angle = torch.cat((angle, torch.full_like(angle[:, :1], _ANY)), 1)
            other[part] = (p[part] * (angle > 5)).sum(1)
            order = angle.argsort(1)
            held = p[part].gather(1, order).cumsum(1)
            at = (held < 0.9).sum(1, keepdim=True).clamp(max=SLOTS)
            bound[part] = angle.gather(1, order).gather(1, at)[:, 0]
        shape = quaternions.shape[:2]
        return other.view(shape).numpy(), bound.view(shape).numpy()


def ask_between(
    prior: LabelPrior, light: Tensor, sigma: Tensor, maps: tuple[KnownMap | None, KnownMap | None], views: int
) -> Between:
    """Ask the network about a section without points of its own.

    Parameters
    ----------
    light, sigma
        Canonical harmonics (5, H, W) and their noise levels (3, H, W), `SIGMA_MAX` where unknown.
    maps
        Below and above; one of them at least.
    """
    shape = (light.shape[1], light.shape[2])
    multiple = prior.model.config.multiple
    grow = (0, -shape[1] % multiple, 0, -shape[0] % multiple)
    measured = _measurement(light, sigma, maps, grow).to(prior.device)
    candidates = candidates_of(measured)
    with torch.inference_mode():
        labels = prior.question(measured, candidates).ask(views, reveals=False).mean
        found = estimate(labels, candidates, measured)
    size = (measured.points.shape[1], measured.points.shape[2])
    inside = (slice(None), slice(shape[0]), slice(shape[1]))
    return Between(
        found.chosen[0][inside].float().cpu(),
        found.sure[0][inside[1:]].float().cpu().numpy(),
        _places(candidates, size, shape),
        from_cells(labels.logits.softmax(2).transpose(1, 2).contiguous(), size)[0][inside].movedim(0, 2).float().cpu(),
        _rows(maps, shape),
    )


def _measurement(
    light: Tensor, sigma: Tensor, maps: tuple[KnownMap | None, KnownMap | None], grow: tuple[int, int, int, int]
) -> Measurement:
    """A batch of one section, grown to whole cells."""
    sigma = sigma.clamp(max=SIGMA_MAX)
    unknown = is_unknown(group_to_channel_light(sigma))
    light = F.pad(torch.where(unknown, 0.0, light), grow)[None]
    sigma = F.pad(sigma, grow, value=SIGMA_MAX)[None]
    shape = (light.shape[2], light.shape[3])
    embedding, known, away = torch.zeros(1, 2, 18, *shape), torch.zeros(1, 2, *shape, dtype=torch.bool), [0.0, 0.0]
    for layer, one in enumerate(maps):
        if one is None:
            continue
        there = torch.from_numpy(one.known)
        e = torch.where(there, embed(torch.from_numpy(one.quaternions).float(), dim=0), 0.0)
        embedding[0, layer], known[0, layer] = F.pad(e, grow), F.pad(there, grow)
        away[layer] = one.distance
    return Measurement(
        torch.zeros(1, *shape, dtype=torch.bool),
        torch.zeros(1, 18, *shape),
        torch.zeros(1, *shape),
        light,
        sigma,
        Neighbours(
            known,
            embedding,
            torch.full((1, 2, *shape), _NOISE * PER_DEGREE / 3**0.5),
            ideal_light(embedding.movedim(2, -1)).movedim(-1, 2) * known[:, :, None],
            torch.where(known[:, :, None], _LIGHT_NOISE, SIGMA_MAX).expand(-1, -1, 3, -1, -1),
            torch.tensor([away]),
        ),
    )


def _places(candidates: Candidates, size: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """Candidates (H, W, 16) of every pixel as rows of `_rows`."""
    rows, columns = size
    pixels = rows * columns
    layer = (torch.div(candidates.index, pixels, rounding_mode="floor") - 1).clamp(min=0)
    at = candidates.index % pixels
    row = torch.div(at, columns, rounding_mode="floor").clamp(max=shape[0] - 1)
    place = layer * (shape[0] * shape[1]) + row * shape[1] + (at % columns).clamp(max=shape[1] - 1)
    grid = place.view(rows // CELL, columns // CELL, SLOTS).repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
    return grid[: shape[0], : shape[1]].cpu()


def _rows(maps: tuple[KnownMap | None, KnownMap | None], shape: tuple[int, int]) -> Tensor:
    """Orientations (2 H W, 4) of the maps, layer by layer; the identity where there is none."""
    identity = torch.tensor((1.0, 0.0, 0.0, 0.0), dtype=torch.float64).expand(shape[0] * shape[1], 4)
    return torch.cat([identity if m is None else torch.from_numpy(m.quaternions).reshape(-1, 4) for m in maps])
