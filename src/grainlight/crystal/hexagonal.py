"""Laue group 6/mmm: its twelve proper rotations (622) and the disorientation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grainlight.crystal.quaternion import conjugate, multiply

SIXFOLD_ANGLES = tuple(math.pi / 6 * k for k in range(6))


def rotations(dtype: torch.dtype = torch.float64) -> Tensor:
    """The twelve rotations of 622 as quaternions (12, 4): six about c, six about the two-fold basal axes."""
    rows = [(math.cos(h), 0.0, 0.0, math.sin(h)) for h in SIXFOLD_ANGLES]
    rows += [(0.0, math.cos(h), math.sin(h), 0.0) for h in SIXFOLD_ANGLES]
    return torch.tensor(rows, dtype=dtype)


def _largest_projection(u: Tensor, v: Tensor) -> Tensor:
    """max over k of |u cos(k 30 deg) + v sin(k 30 deg)|, in closed form: fold the polar angle into +-15 degrees."""
    angle = torch.atan2(v, u)
    step = math.pi / 6
    folded = angle - step * torch.round(angle / step)
    return torch.hypot(u, v) * torch.cos(folded)


def disorientation_angle(p: Tensor, q: Tensor) -> Tensor:
    """Smallest misorientation angle (...) in radians, 0 to 93.84 degrees, between orientations (..., 4) under 622."""
    w, x, y, z = multiply(p, conjugate(q)).unbind(-1)
    # On both sides the same group acts, and the angle only sees the trace: one side is enough.
    cosine = torch.maximum(_largest_projection(w, z), _largest_projection(x, y))
    # Near zero acos loses half its digits; the complementary sine keeps them.
    sine = torch.sqrt((1 - cosine.clamp(max=1.0)) * (1 + cosine))
    return 2 * torch.atan2(sine, cosine)


def nearest_equivalent(q: Tensor, reference: Tensor) -> Tensor:
    """The symmetry-equivalent of q (..., 4) that is closest to the reference (..., 4), sign included."""
    candidates = multiply(rotations(q.dtype).to(q.device), q.unsqueeze(-2))
    dots = (candidates * reference.unsqueeze(-2)).sum(-1)
    best = dots.abs().argmax(-1, keepdim=True)
    chosen = candidates.gather(-2, best.unsqueeze(-1).expand(*best.shape, 4)).squeeze(-2)
    return chosen * torch.where(dots.gather(-1, best) < 0, -1.0, 1.0)
