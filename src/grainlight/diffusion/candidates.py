"""The candidates of a pixel: measured points around its cell that may lie in its grain.

The image is cut into cells of 4 x 4 pixels. The pixels of a cell share 16 candidates: the measured points that are
nearest to the nodes of a 4 x 4 grid around the middle of the cell, whose spacing is that of the points, wider in a
hole, and narrower where a finer scan or further points stand closer. On a regular grid of points these are the 16
points around; at scattered points, in holes and at edges two nodes may find the same point, which then counts once.

What belongs to cells has a row for each, n = B H / 4 W / 4 of them: image by image, row by row of cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

CELL = 4
SLOTS = 16
PIXELS = CELL * CELL
_SIDE = 4
# Windows in which the density of points is asked; a multiple of most spacings.
_WINDOW = 24
# Of the spacing of all points, under which that of so many points in 2 x 2 cells, or in one, counts: points of a grid
# never, points at random hardly ever stand as close.
_DENSE, _SEVERAL, _SEVERAL_IN_ONE = 0.65, 5, 4
LARGEST_SPACING = 16.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates of the cells (n,) of a batch.

    ``index`` (n, 16): place of the point among the pixels of the batch, row by row; ``usable`` (n, 16) false where
    there is none or it stands already in an earlier slot; ``offset`` (n, 2, 16) from the middle of the cell to the
    point (down, right) in units of the spacing; ``spacing`` (n,) of the points in pixels.
    """

    index: Tensor
    usable: Tensor
    offset: Tensor
    spacing: Tensor

    def to(self, device: torch.device | str) -> Candidates:
        """The same on a device."""
        return Candidates(*(getattr(self, f.name).to(device) for f in fields(self)))


def to_cells(image: Tensor) -> Tensor:
    """(B, C, H, W) to (n, C, 16): the pixels of each cell, row by row."""
    batch, channels, rows, columns = image.shape
    cut = image.view(batch, channels, rows // CELL, CELL, columns // CELL, CELL)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, PIXELS)


def from_cells(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Inverse of `to_cells`, to images of a shape (H, W)."""
    channels, (rows, columns) = cells.shape[1], shape
    cut = cells.view(-1, rows // CELL, columns // CELL, channels, CELL, CELL).permute(0, 3, 1, 4, 2, 5)
    return cut.reshape(-1, channels, rows, columns)


def from_cells_last(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Images (B, C, H, W) of cells (n, 16, C), those of a pixel together (`by_pixel` copies nothing)."""
    channels, (rows, columns) = cells.shape[2], shape
    cut = cells.view(-1, rows // CELL, columns // CELL, CELL, CELL, channels).transpose(2, 3)
    return cut.reshape(-1, rows, columns, channels).permute(0, 3, 1, 2)


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
    """Candidates of every cell.

    Parameters
    ----------
    nearest
        Flat index (B, H, W) of the point nearest to each pixel; -1 where there is none.
    spacing
        Of the points (B,) in pixels. In a hole the nodes lie as far apart as the nearest point is away, so that the
        candidates are those on all its sides; where points stand closer they lie closer, so that none of these is
        passed over.
    """
    batch, rows, columns = nearest.shape
    device = nearest.device
    middle_row, middle_column = middles((rows, columns), device)
    inner = nearest[:, CELL // 2 :: CELL, CELL // 2 :: CELL]
    away = torch.hypot(torch.div(inner, columns, rounding_mode="floor") - middle_row, (inner % columns) - middle_column)
    each = torch.where(inner >= 0, away, 0.0).clamp(max=LARGEST_SPACING).maximum(_spacing_around(nearest, spacing))
    flat = nodes(each, (rows, columns))
    index = nearest.flatten(1).gather(1, flat.flatten(1)).view(-1, SLOTS)
    first = torch.arange(batch, device=device).repeat_interleave(each[0].numel()) * (rows * columns)
    usable, index = index >= 0, index.clamp(min=0)
    return distinct(index + first[:, None], usable, each, (rows, columns))


def _spacing_around(nearest: Tensor, spacing: Tensor) -> Tensor:
    """Spacing (B, h, w) of the points of each cell, or of it and its neighbours on every side, where several stand much
    closer than those of the whole image (B,), else that; ``nearest`` as for `find_candidates`.

    On every side: beside a finer box the candidates are those of both densities.
    """
    rows, columns = nearest.shape[1:]
    points = nearest == torch.arange(rows * columns, device=nearest.device).view(1, rows, columns)
    own = F.avg_pool2d(points[:, None].float(), CELL) * PIXELS
    # squares of 2 x 2 cells; those that reach beyond the edge are left out
    squares = F.avg_pool2d(F.pad(own, (1, 1, 1, 1), value=torch.inf), 2, stride=1)[:, 0] * 4
    up, left = slice(None, -1), slice(None, -1)
    down, right = slice(1, None), slice(1, None)
    sides = torch.stack([squares[:, row, column] for row in (up, down) for column in (left, right)])
    whole = spacing.view(-1, 1, 1)
    found = whole.expand_as(own[:, 0])
    for count, area, several in ((sides.amin(0), 4 * PIXELS, _SEVERAL), (own[:, 0], PIXELS, _SEVERAL_IN_ONE)):
        around = (area / count.clamp(min=1.0)).sqrt()
        dense = (count > several - 0.5) & torch.isfinite(count) & (around < _DENSE * whole)
        found = torch.where(dense, torch.minimum(around, found), found)
    return found


def middles(shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Row (h, 1) and column (1, w) of the middle of every cell of images of a shape (H, W)."""
    row, column = (torch.arange(n // CELL, device=device) * CELL + (CELL - 1) / 2 for n in shape)
    return row[:, None], column[None]


def nodes(spacing: Tensor, shape: tuple[int, int]) -> Tensor:
    """Pixel (B, h, w, 4, 4) nearest to each node around the middles of cells, inside images of a shape (H, W).

    ``spacing`` (B, h, w) of the nodes in pixels.
    """
    rows, columns = shape
    middle_row, middle_column = middles(shape, spacing.device)
    at = torch.arange(_SIDE, device=spacing.device) - (_SIDE - 1) / 2
    step = spacing[..., None] * at
    node_row = (middle_row[..., None] + step).round().clamp(0, rows - 1).long()
    node_column = (middle_column[..., None] + step).round().clamp(0, columns - 1).long()
    return node_row[..., :, None] * columns + node_column[..., None, :]


def distinct(index: Tensor, usable: Tensor, spacing: Tensor, shape: tuple[int, int]) -> Candidates:
    """Candidates at rows (n, 16) of the tables of pixels, each counted once.

    ``usable`` (n, 16), ``spacing`` (B, h, w) of the nodes, ``shape`` (H, W) of the images.
    """
    rows, columns = shape
    same = index[:, :, None] == index[:, None]
    earlier = torch.ones(SLOTS, SLOTS, dtype=torch.bool, device=index.device).tril(-1)
    usable = usable & ~(same & usable[:, None] & earlier).any(2)
    middle_row, middle_column = middles(shape, index.device)
    at = index % (rows * columns)
    laid = (*spacing.shape, SLOTS)
    down = torch.div(at, columns, rounding_mode="floor").view(laid) - middle_row[..., None]
    right = (at % columns).view(laid) - middle_column[..., None]
    offset = torch.stack((down, right), -2).view(-1, 2, SLOTS) / spacing.reshape(-1, 1, 1)
    return Candidates(index, usable, offset, spacing.reshape(-1))


def by_pixel(image: Tensor) -> Tensor:
    """(B, C, H, W) to a table (B H W, C) with a row for each pixel."""
    # Rows that lie together are looked up many times faster.
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1]).contiguous()


def at_points(table: Tensor, index: Tensor) -> Tensor:
    """Rows (n, 16, C) of a table (B H W, C) of pixels at indices (n, 16)."""
    return F.embedding(index, table)
