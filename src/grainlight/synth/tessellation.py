"""Grain structures: tessellations by ellipsoidal growth, with warped boundaries.

Each seed grows as an ellipse; a pixel belongs to the seed that reaches it first. With equal circles this is a Voronoi
diagram; an offset z^2 per seed makes it a section of a 3-D (Laguerre) structure; different speeds curve the boundaries
and spread the sizes; elongated ellipses of different directions interlock as laths do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.synth.draw import Draw


@dataclass(frozen=True)
class Seeds:
    """Growth seeds of a batch.

    ``position`` (B, K, 2) as column, row and ``height`` (B, K) above the plane at height 0, in pixels; ``form``
    (B, K, 6) quadratic forms of that plane.
    """

    position: Tensor
    form: Tensor
    height: Tensor

    def seen_from(self, plane: Tensor) -> Seeds:
        """The same seeds with the forms of planes at heights (B,) in pixels."""
        z = plane[:, None]
        form = torch.cat((self.form[..., :5], (self.form[..., 5] + z * z - 2 * z * self.height)[..., None]), -1)
        return Seeds(self.position, form, self.height)


def pixel_grid(rows: int, columns: int, device: torch.device) -> Tensor:
    """Positions (rows * columns, 2) as column, row."""
    r, c = torch.meshgrid(
        torch.arange(rows, device=device, dtype=torch.float32),
        torch.arange(columns, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack((c.reshape(-1), r.reshape(-1)), -1)


def scatter_seeds(
    draw: Draw,
    size: Tensor,
    aspect: Tensor,
    direction: Tensor,
    direction_spread: Tensor,
    shape: tuple[int, int],
    speed_spread: float = 0.2,
    layers: int = 1,
) -> Seeds:
    """Seeds for grains of a given size.

    Parameters
    ----------
    size, aspect
        Equivalent diameter in pixels and ratio of the ellipse's axes, (B,) each.
    direction, direction_spread
        Long axis in radians (column towards row) and its spread from seed to seed, (B,) each. All four may lie on the
        host though the draw is on a device: how many seeds are needed is then known without waiting for the device.
    shape
        Rows and columns; seeds are scattered some way beyond them.
    speed_spread
        Standard deviation of the logarithm of growth speed.
    layers
        Layers of seeds, a grain's diameter thick each, the plane at height 0 in their middle: one for a single section.
    """
    batch = size.shape[0]
    rows, columns = shape
    margin = float((0.7 * size * aspect.sqrt()).clamp(max=16.0).max())
    smallest = float(size.min())
    across = max(2, math.ceil((columns + 2 * margin) / smallest))
    down = max(2, math.ceil((rows + 2 * margin) / smallest))
    size, aspect = size.to(draw.device), aspect.to(draw.device)
    direction, direction_spread = direction.to(draw.device), direction_spread.to(draw.device)
    # One stratified lattice for the batch: larger sizes spread it further beyond the image.
    cells = torch.stack(
        torch.meshgrid(torch.arange(across, device=draw.device), torch.arange(down, device=draw.device), indexing="xy"),
        -1,
    ).reshape(1, -1, 2)
    layer = torch.arange(layers, device=draw.device).repeat_interleave(cells.shape[1]) - (layers - 1) / 2
    cells = cells.repeat(1, layers, 1)
    jitter = draw.uniform(0.5, 1.3, batch, 1, 1)
    unit = cells + 0.5 + jitter * draw.uniform(-0.5, 0.5, batch, cells.shape[1], 2)
    centre = unit.new_tensor((across / 2, down / 2))
    middle = unit.new_tensor((columns / 2, rows / 2)) + size[:, None] * draw.uniform(-0.5, 0.5, batch, 2)
    position = (unit - centre) * size[:, None, None] + middle[:, None, :]
    k = position.shape[1]
    angle = direction[:, None] + direction_spread[:, None] * draw.normal(batch, k)
    speed = (speed_spread * draw.normal(batch, k)).exp()
    long, short = speed * aspect.sqrt()[:, None], speed / aspect.sqrt()[:, None]
    height = size[:, None] * (0.5 * draw.uniform(-1.0, 1.0, batch, k) + layer)
    return Seeds(position, _quadratic_form(position, angle, long, short, height), height)


def _quadratic_form(position: Tensor, angle: Tensor, long: Tensor, short: Tensor, height: Tensor) -> Tensor:
    """Coefficients of x^2, xy, y^2, x, y, 1 of the squared growth time from each seed."""
    cos, sin = angle.cos(), angle.sin()
    il, is_ = long**-2, short**-2
    mxx, mxy, myy = cos**2 * il + sin**2 * is_, cos * sin * (il - is_), sin**2 * il + cos**2 * is_
    x, y = position.unbind(-1)
    constant = mxx * x * x + 2 * mxy * x * y + myy * y * y + height**2
    return torch.stack((mxx, 2 * mxy, myy, -2 * (mxx * x + mxy * y), -2 * (mxy * x + myy * y), constant), dim=-1)


def assign(seeds: Seeds, points: Tensor) -> Tensor:
    """Index (B, P) of the seed that reaches each point (B, P, 2) first."""
    x, y = points.unbind(-1)
    monomials = torch.stack((x * x, x * y, y * y, x, y, torch.ones_like(x)), dim=-1)
    form = seeds.form.transpose(1, 2).contiguous()
    if points.device.type != "cpu":
        return torch.bmm(monomials, form).argmin(-1)
    # On a CPU the product of all pairs is bound by memory and argmin is slow: go by blocks that stay in the cache, and
    # write the seed's number into the low bits of its distance, so that a plain minimum carries it.
    count = form.shape[-1]
    bits = max(count - 1, 1).bit_length()
    number = torch.arange(count, dtype=torch.int32)
    keep = torch.tensor(-(1 << bits), dtype=torch.int32)
    out = torch.empty(points.shape[:2], dtype=torch.int32)
    block = max(64, 2**18 // count)
    buffer = torch.empty(block, count)
    for i in range(points.shape[0]):
        for start in range(0, points.shape[1], block):
            part = monomials[i, start : start + block]
            times = torch.mm(part, form[i], out=buffer[: len(part)]).clamp_(min=1e-3)
            coded = times.view(torch.int32).bitwise_and_(keep).bitwise_or_(number)
            out[i, start : start + block] = coded.amin(-1)
    return (out & ~keep).long()


@dataclass(frozen=True, eq=False)
class Warp:
    """Displacements that curve (long waves) and serrate (short waves) boundaries.

    ``long`` and ``short`` (n, B, 2, H, W) in pixels, with n = 1 for a section and 2 for a stack of them; ``lengths``:
    their correlation lengths in pixels.
    """

    long: Tensor
    short: Tensor
    lengths: tuple[float, float]

    def moved(self, points: Tensor, plane: Tensor | None = None) -> Tensor:
        """Points (P, 2) moved, (B, P, 2), in planes at heights (B,) in pixels, at 0 where none are given."""
        fields = []
        for field, length in zip((self.long, self.short), self.lengths, strict=True):
            if plane is None:
                fields.append(field[0])
            else:
                # Two independent fields: their mixture keeps its spread and forgets the first over the length.
                turn = (plane / length).view(-1, 1, 1, 1)
                fields.append(turn.cos() * field[0] + turn.sin() * field[1])
        return points[None] + (fields[0] + fields[1]).flatten(2).transpose(1, 2)


def draw_warp(
    draw: Draw, shape: tuple[int, int], amplitude: Tensor, serration: Tensor, size: float, planes: int = 1
) -> Warp:
    """Draw smooth random displacements.

    ``amplitude`` and ``serration`` (B,) are the standard deviations in pixels, ``size`` the typical grain size;
    ``planes`` is 2 where other planes than that at height 0 are wanted.
    """
    batch = amplitude.shape[0]
    lengths = min(max(0.6 * size, 6.0), 48.0)
    long = [draw.smooth_field(batch, 2, *shape, length=lengths)]
    fine = draw.scalar(2.5, 6.0)
    short = [draw.smooth_field(batch, 2, *shape, length=fine)]
    for _ in range(1, planes):
        long.append(draw.smooth_field(batch, 2, *shape, length=lengths))
        short.append(draw.smooth_field(batch, 2, *shape, length=fine))
    return Warp(
        amplitude[:, None, None, None] * torch.stack(long),
        serration[:, None, None, None] * torch.stack(short),
        (lengths, fine),
    )
