"""Crystallographic textures: the orientations that the grains of a section are drawn from."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import basal_frame
from grainlight.synth.draw import Draw

TEXTURES = ("uniform", "basal", "split", "prismatic", "unimodal")


def _with_c_axis(c: Tensor, draw: Draw) -> Tensor:
    """Orientations with the given c-axes (..., 3), turned about them at random."""
    u, v = basal_frame(c)
    angle = draw.uniform(0.0, 2 * math.pi, *c.shape[:-1])[..., None]
    return quaternion.from_axes(angle.cos() * u + angle.sin() * v, c)


def draw_orientations(draw: Draw, kind: Tensor, spread: Tensor, grains: int) -> Tensor:
    """Orientations (B, grains, 4) in frame S.

    Parameters
    ----------
    kind
        Index into `TEXTURES`, (B,).
    spread
        Standard deviation of the tilt about the ideal texture in radians, (B,); uniform texture ignores it.
    """
    batch = kind.shape[0]
    uniform = quaternion.random((batch, grains), draw.generator, draw.device)
    # Ideal c-axes of the fibre textures, before the spread.
    z = torch.zeros(batch, grains, 3, device=draw.device)
    z[..., 2] = 1.0
    tilt = draw.uniform(math.radians(15), math.radians(40), batch, 1) * torch.where(
        draw.chance(0.5, batch, grains), 1.0, -1.0
    )
    split = torch.stack((tilt.sin(), torch.zeros_like(tilt), tilt.cos()), -1)
    x = torch.zeros_like(z)
    x[..., 0] = 1.0
    ideal = torch.where((kind == 1)[:, None, None], z, torch.where((kind == 2)[:, None, None], split, x))
    fibre = _with_c_axis(ideal, draw)
    centre = quaternion.random((batch, 1), draw.generator, draw.device).expand(batch, grains, 4)
    ideal_q = torch.where((kind == 4)[:, None, None], centre, fibre)
    wobble = quaternion.from_rotation_vector(spread[:, None, None] * draw.normal(batch, grains, 3))
    textured = quaternion.multiply(ideal_q, wobble)
    # Where rolling direction lies in the image is arbitrary; some sections are cut askew.
    turn = draw.uniform(0.0, 2 * math.pi, batch, 1)
    about_z = torch.stack((turn.cos(), torch.zeros_like(turn), torch.zeros_like(turn), turn.sin()), -1)
    askew = torch.where(
        draw.chance(0.3, batch, 1, 1), quaternion.random((batch, 1), draw.generator, draw.device), about_z
    )
    textured = quaternion.multiply(textured, askew.expand(batch, grains, 4))
    return torch.where((kind == 0)[:, None, None], uniform, textured)
