"""The candidates of a pixel: measured points around its cell that may lie in its grain.

The image is cut into cells of 4 x 4 pixels. The pixels of a cell share 16 candidates: the measured points that are
nearest to the nodes of a 4 x 4 grid around the middle of the cell, whose spacing is that of the points. On a regular
grid of points these are the 16 points around; at scattered points, in holes and at edges two nodes may find the same
point, which then counts once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

CELL = 4
SLOTS = 16
PIXELS = CELL * CELL
_SIDE = 4
# Windows in which the density of points is asked; a multiple of most spacings.
_WINDOW = 24
LARGEST_SPACING = 16.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates of the cells of a batch (B, rows / 4, columns / 4).

    ``index`` (B, 16, h, w) flat index of the point; ``usable`` (B, 16, h, w) false where there is none or it stands
    already in an earlier slot; ``offset`` (B, 2, 16, h, w) from the middle of the cell to the point (down, right) in
    units of ``spacing`` (B,), that of the points in pixels.
    """

    index: Tensor
    usable: Tensor
    offset: Tensor
    spacing: Tensor


def to_cells(image: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, 16, H / 4, W / 4): the pixels of a cell, row by row."""
    batch, channels, rows, columns = image.shape
    cut = image.view(batch, channels, rows // CELL, CELL, columns // CELL, CELL)
    return cut.permute(0, 1, 3, 5, 2, 4).reshape(batch, channels, PIXELS, rows // CELL, columns // CELL)


def from_cells(cells: Tensor) -> Tensor:
    """Inverse of `to_cells`."""
    batch, channels, _, rows, columns = cells.shape
    cut = cells.view(batch, channels, CELL, CELL, rows, columns).permute(0, 1, 4, 2, 5, 3)
    return cut.reshape(batch, channels, rows * CELL, columns * CELL)


def point_spacing(points: Tensor) -> Tensor:
    """Spacing in pixels (B,) of the points of masks (B, H, W), by their density where there are some.

    The median over windows: holes and resin do not count. `LARGEST_SPACING` where there are no points.
    """
    side = (min(_WINDOW, points.shape[-2]), min(_WINDOW, points.shape[-1]))
    share = F.avg_pool2d(points[:, None].float(), side, ceil_mode=True, count_include_pad=False).flatten(1)
    median = torch.where(share > 0, share, torch.nan).nanmedian(-1).values
    return median.rsqrt().nan_to_num(LARGEST_SPACING).clamp(1.0, LARGEST_SPACING)


def nearest_point(points: Tensor) -> Tensor:
    """Flat index (B, H, W) of the point of a mask (B, H, W) nearest to each pixel, by jump flooding; -1 without points.

    Rong and Tan (2006): almost always the nearest point, else one hardly farther.
    """
    _, rows, columns = points.shape
    row = torch.arange(rows, device=points.device, dtype=torch.int32)[:, None]
    column = torch.arange(columns, device=points.device, dtype=torch.int32)[None]
    far = 1 << 20
    seed_row = torch.where(points, row, far)
    seed_column = torch.where(points, column, far)
    reach = 1 << max(0, math.ceil(math.log2(max(rows, columns))) - 1)
    steps = [1]
    while reach >= 1:
        steps.append(reach)
        reach //= 2
    for step in steps:
        best_row, best_column = seed_row, seed_column
        best = _squared(seed_row - row, seed_column - column)
        padded = (F.pad(seed_row, (step,) * 4, value=far), F.pad(seed_column, (step,) * 4, value=far))
        for down in (0, step, 2 * step):
            for right in (0, step, 2 * step):
                if down == right == step:
                    continue
                one, other = (p[:, down : down + rows, right : right + columns] for p in padded)
                distance = _squared(one - row, other - column)
                closer = distance < best
                best = torch.where(closer, distance, best)
                best_row, best_column = torch.where(closer, one, best_row), torch.where(closer, other, best_column)
        seed_row, seed_column = best_row, best_column
    return torch.where(seed_row < far, seed_row * columns + seed_column, -1).long()


def _squared(down: Tensor, right: Tensor) -> Tensor:
    return down.float().square() + right.float().square()


def find_candidates(nearest: Tensor, spacing: Tensor) -> Candidates:
    """Candidates of every cell, from the nearest point (B, H, W) of each pixel and the spacing (B,) of the points."""
    _, rows, columns = nearest.shape
    device = nearest.device
    at = torch.arange(_SIDE, device=device) - (_SIDE - 1) / 2
    nodes = torch.stack(torch.meshgrid(at, at, indexing="ij"), 0).reshape(2, 1, SLOTS)
    shift = nodes * spacing.view(1, -1, 1)
    middle = [torch.arange(n // CELL, device=device) * CELL + (CELL - 1) / 2 for n in (rows, columns)]
    # The nearest pixel to a node, inside the image.
    node_row = (middle[0][None, None, :] + shift[0, :, :, None]).round().clamp(0, rows - 1).long()
    node_column = (middle[1][None, None, :] + shift[1, :, :, None]).round().clamp(0, columns - 1).long()
    flat = node_row[..., None] * columns + node_column[:, :, None, :]
    index = nearest.flatten(1).gather(1, flat.flatten(1)).view(flat.shape)
    same = index[:, :, None] == index[:, None]
    earlier = torch.ones(SLOTS, SLOTS, dtype=torch.bool, device=device).tril(-1)
    usable = (index >= 0) & ~(same & earlier[:, :, None, None]).any(2)
    index = index.clamp(min=0)
    offset = torch.stack(
        (
            torch.div(index, columns, rounding_mode="floor") - middle[0][None, None, :, None],
            index % columns - middle[1][None, None, None, :],
        ),
        1,
    )
    return Candidates(index, usable, offset / spacing.view(-1, 1, 1, 1, 1), spacing)


def at_points(image: Tensor, index: Tensor) -> Tensor:
    """Values (B, C, 16, h, w) of images (B, C, H, W) at flat indices (B, 16, h, w)."""
    batch, channels = image.shape[:2]
    flat = index.reshape(batch, 1, -1).expand(-1, channels, -1)
    return image.flatten(2).gather(2, flat).view(batch, channels, *index.shape[1:])
