"""Unit quaternions (w, x, y, z) in torch, passive Bunge: q turns sample coordinates into crystal coordinates.

The matrix g of q has the crystal axes, in sample coordinates, as its rows: a, b = c x a, c. ``multiply(p, q)`` is
"first q, then p", as in orix.
"""

from __future__ import annotations

import torch
from torch import Tensor


def components(q: Tensor) -> tuple[Tensor, ...]:
    """Components along the last axis, each contiguous: arithmetic on strided images is several times slower."""
    return q.movedim(-1, 0).contiguous().unbind(0)


def multiply(p: Tensor, q: Tensor) -> Tensor:
    """Hamilton product p q of quaternions (..., 4)."""
    pw, px, py, pz = components(p)
    qw, qx, qy, qz = components(q)
    return torch.stack(
        (
            pw * qw - px * qx - py * qy - pz * qz,
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
        ),
        dim=-1,
    )


def conjugate(q: Tensor) -> Tensor:
    """Inverse of unit quaternions (..., 4)."""
    return q * q.new_tensor((1.0, -1.0, -1.0, -1.0))


def crystal_axes(q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Crystal axes a, b = c x a and c, each (..., 3), in sample coordinates, of passive quaternions (..., 4)."""
    w, x, y, z = components(q)
    a = torch.stack((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)), -1)
    b = torch.stack((2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)), -1)
    c = torch.stack((2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)), -1)
    return a, b, c


def from_axes(a: Tensor, c: Tensor) -> Tensor:
    """Passive quaternions (..., 4) of crystals with a-axis a and c-axis c, (..., 3) each, unit and orthogonal."""
    b = torch.linalg.cross(c, a)
    g = torch.stack((a, b, c), dim=-2)
    return from_matrix(g)


def from_matrix(g: Tensor) -> Tensor:
    """Passive quaternions (..., 4) of orientation matrices (..., 3, 3) whose rows are the crystal axes."""
    m00, m01, m02 = g[..., 0, :].unbind(-1)
    m10, m11, m12 = g[..., 1, :].unbind(-1)
    m20, m21, m22 = g[..., 2, :].unbind(-1)
    squares = torch.stack((1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22), dim=-1)
    # Each row is 4 q_i q: the one with the largest q_i is the well-conditioned one.
    rows = torch.stack(
        (
            torch.stack((squares[..., 0], m21 - m12, m02 - m20, m10 - m01), -1),
            torch.stack((m21 - m12, squares[..., 1], m01 + m10, m20 + m02), -1),
            torch.stack((m02 - m20, m01 + m10, squares[..., 2], m12 + m21), -1),
            torch.stack((m10 - m01, m20 + m02, m12 + m21, squares[..., 3]), -1),
        ),
        dim=-2,
    )
    best = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    return torch.nn.functional.normalize(rows.gather(-2, best).squeeze(-2), dim=-1)


def from_rotation_vector(v: Tensor) -> Tensor:
    """Quaternions (..., 4) of rotation vectors (..., 3) in radians."""
    half = 0.5 * v.norm(dim=-1, keepdim=True)
    return torch.cat((half.cos(), 0.5 * v * torch.sinc(half / torch.pi)), dim=-1)


def random(
    shape: tuple[int, ...],
    generator: torch.Generator | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Uniformly distributed quaternions (*shape, 4)."""
    return torch.nn.functional.normalize(
        torch.randn(*shape, 4, generator=generator, device=device, dtype=dtype), dim=-1
    )
