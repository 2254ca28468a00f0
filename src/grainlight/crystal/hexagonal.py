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


def _folded(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """The point (u, v) turned by a multiple of 30 degrees until its polar angle is within +-15 degrees."""
    angle = torch.atan2(v, u)
    step = math.pi / 6
    angle = angle - step * torch.round(angle / step)
    length = torch.hypot(u, v)
    return length * torch.cos(angle), length * torch.sin(angle)


def disorientation_angle(p: Tensor, q: Tensor) -> Tensor:
    """Smallest misorientation angle (...) in radians, 0 to 93.84 degrees, between orientations (..., 4) under 622."""
    w, x, y, z = multiply(p, conjugate(q)).unbind(-1)
    # On both sides the same group acts, and the angle only sees the trace: one side is enough.
    about_c, rest_c = _folded(w, z)
    across, rest_across = _folded(x, y)
    # Near zero the cosine has lost half the digits; the vector part of the chosen equivalent keeps them.
    sine_c = torch.hypot(rest_c, torch.hypot(x, y))
    sine_across = torch.hypot(rest_across, torch.hypot(w, z))
    turned = about_c >= across
    return 2 * torch.atan2(torch.where(turned, sine_c, sine_across), torch.where(turned, about_c, across))
