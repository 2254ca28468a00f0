"""Guided mean: what the nearest measured orientations say of a pixel, weighted by how alike the pixel and they look.

The neighbourhood part of the precision-weighted skip. The image is cut into square cells of about one measured point
each; a pixel asks the points of the 5 x 5 cells around it. A point counts by its distance and by the likeness of
everything known of both (light, and orientation where the pixel has one), each difference in units of its stated noise:
with good light this is a copy of the right neighbour, without light an interpolation. How much the points disagree is
its variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.diffusion.state import EBSD, SIGMA_MAX

LARGEST_CELL = 12
# What two pixels of one grain may differ by beyond noise, per channel: orientation, A0, A2, A4; and the share of the
# light's own strength on top, because relief, uneven light and blur scale with it.
TOLERANCE = (0.10, 0.01, 0.01, 0.01)
RELATIVE = 0.10
# A difference beyond this many standard deviations says no more than "another grain".
MOST = 100.0
# Width of the weight in space, in cells.
WIDTH = 1.0
# Cells on each side of a pixel's own whose points are asked.
AROUND = 2
_BLOCK = 4
_UNKNOWN = (0.99 * SIGMA_MAX) ** 2
_BLOCKS_AT_ONCE = 1024
# Standard deviation per channel (e2, e6) that a guided mean has even where all points agree.
FLOOR = (0.12, 0.04)


@dataclass(frozen=True)
class Cells:
    """How a tile of a map is cut.

    ``points`` (1, H, W): which points are known; ``side`` of a cell in pixels; ``origin``: row and column of the tile
    in the map.
    """

    points: Tensor
    side: int
    origin: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Guided:
    """What the neighbours say.

    ``mean`` (B, 18, H, W), its ``variance`` per channel of e2 and e6 (B, 2, H, W), and ``support`` (B, 1, H, W), the
    sum of the spatial weights of the points that were asked: near 0 inside a hole.
    """

    mean: Tensor
    variance: Tensor
    support: Tensor


def known_points(sigma: Tensor) -> Tensor:
    """Pixels (B, H, W) whose orientation is known about as well as the best of the image; noise levels (B, 4, H, W)."""
    best = sigma[:, 0].amin((-2, -1), keepdim=True)
    return sigma[:, 0] <= 1.5 * best


def cell_sizes(points: Tensor) -> list[int]:
    """Side in pixels of cells with about one known point (B, H, W) each, per image."""
    share = points.float().mean((-2, -1)).clamp(min=1e-6)
    return [min(LARGEST_CELL, max(1, round(s**-0.5))) for s in share.tolist()]


def local_cell_size(points: Tensor) -> int:
    """Cell size of a map (1, H, W) by the density of points where there are some: holes and resin do not count."""
    side = (min(24, points.shape[-2]), min(24, points.shape[-1]))
    share = F.avg_pool2d(points[:, None].float(), side, ceil_mode=True, count_include_pad=False)
    if not bool((share > 0).any()):
        return LARGEST_CELL
    return min(LARGEST_CELL, max(1, round(float(share[share > 0].median()) ** -0.5)))


def guided_mean(x: Tensor, sigma: Tensor, points: Tensor, cell: int, origin: tuple[int, int] = (0, 0)) -> Guided:
    """Guided mean of images that share a cell size.

    Parameters
    ----------
    x, sigma
        Noisy state (B, 23, H, W) and noise levels (B, 4, H, W).
    points
        Known points (B, H, W), see `known_points`.
    cell
        Side of a cell in pixels, see `cell_sizes`.
    origin
        Row and column of the image in the whole map: cells are cut at multiples of ``cell`` there, whatever the tile.
    """
    height, width = x.shape[-2:]
    # Small cells are handled in blocks of several: each block asks the cells in it and around it at once.
    together = max(1, math.ceil(_BLOCK / cell))
    block = together * cell
    above, before = origin[0] % block, origin[1] % block
    below, after = -(above + height) % block, -(before + width) % block
    known = F.pad(points.to(x), (before, after, above, below))
    x = F.pad(x, (before, after, above, below))
    sigma = F.pad(sigma, (before, after, above, below), value=SIGMA_MAX)
    rows, columns = x.shape[-2:]
    points_of_cells = _points(x, sigma, known, cell)
    # Where every pixel is known its eight neighbours will do.
    around = AROUND if cell > 1 else 1
    asked = F.pad(points_of_cells, (around,) * 4)
    state = torch.cat((x, sigma**2), 1)
    # Strips of block rows: what is asked is much larger than the image, and small pieces stay in a CPU's cache.
    most = _BLOCKS_AT_ONCE if x.device.type == "cpu" else 1 << 20
    strip = max(1, most // (x.shape[0] * (columns // block)))
    whole = torch.cat(
        [
            _ask(
                state[:, :, top * block : (top + strip) * block],
                asked[:, :, top * together : min(top + strip, rows // block) * together + 2 * around],
                (top * block, cell, together),
            )
            for top in range(0, rows // block, strip)
        ],
        dim=2,
    )
    inside = whole[..., above : above + height, before : before + width]
    return Guided(inside[:, :18], inside[:, 18:20], inside[:, 20:])


def _points(x: Tensor, sigma: Tensor, known: Tensor, cell: int) -> Tensor:
    """The known point of each cell (B, 30, down, across): state, variances, row, column, and whether there is one."""
    batch, _, rows, columns = x.shape
    # The best one, the first of equals.
    score = (known * (2 * SIGMA_MAX - sigma[:, 0]))[:, None]
    found, index = F.max_pool2d(score, cell, return_indices=True)
    index = index.flatten(1)
    point = torch.cat((x, sigma**2), 1).flatten(2)
    point = point.gather(2, index[:, None].expand(-1, point.shape[1], -1))
    place = torch.stack((index // columns, index % columns), 1).to(x)
    point = torch.cat((point, place, (found > 0).to(x).flatten(2)), 1)
    return point.view(batch, -1, rows // cell, columns // cell)


def _ask(state: Tensor, points: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Mean, variance and support (B, 21, h, w) of a strip.

    ``state`` (B, 27, h, w) of the pixels with their variances; ``points`` (B, 30, ...) of the cells of the strip and
    around it; ``grid``: first row of the strip in the image, side of a cell, cells of a block along an axis.
    """
    _, cell, together = grid
    block = together * cell
    rows, columns = state.shape[-2:]
    side = points.shape[-2] - rows // cell + together
    windows = F.unfold(points, side, stride=together)
    windows = windows.view(points.shape[0], points.shape[1], side**2, -1).permute(0, 3, 1, 2).contiguous()
    y, level, place, there = windows.split((23, 4, 2, 1), 2)
    own = _by_block(state, block)
    xs, variance = own.split((23, 4), -1)
    near = _nearness(place, there, (rows, columns), grid)
    # Every pass over pixels times points counts here: squared distances come from one product each, and what is unknown
    # on either side has an infinite variance, so it tells no point from another.
    unlike = torch.zeros_like(near)
    for group, part in enumerate((EBSD, slice(18, 19), slice(19, 21), slice(21, 23))):
        x, at_points = xs[..., part], y[:, :, part]
        x2, y2 = x.square().sum(-1, keepdim=True), at_points.square().sum(2, keepdim=True)
        slack = 0.0 if group == 0 else RELATIVE**2
        here, there_too = variance[..., group : group + 1], level[:, :, group : group + 1]
        here = torch.where(here < _UNKNOWN, here + TOLERANCE[group] ** 2 + slack * x2, torch.inf)
        there_too = torch.where(there_too < _UNKNOWN, there_too + slack * y2, torch.inf)
        apart = torch.cat((x, x2, torch.ones_like(x2)), -1) @ torch.cat((-2 * at_points, torch.ones_like(y2), y2), 2)
        unlike = torch.addcdiv(unlike, apart, here + there_too)
    # exp(-MOST u / (MOST + u) / 2) but for a constant factor, with which neither it nor its square leaves the range of
    # single precision.
    weights = near * torch.exp(0.5 * MOST**2 / (MOST + unlike) - 0.25 * MOST)
    said = torch.cat(
        (
            y[:, :, EBSD],
            y[:, :, :5].square().sum(2, keepdim=True),
            y[:, :, 5:18].square().sum(2, keepdim=True),
            torch.ones_like(there),
        ),
        2,
    )
    sums = weights @ said.transpose(2, 3)
    total = sums[..., 20:].clamp(min=1e-30)
    mean, squares = (sums[..., :20] / total).split((18, 2), -1)
    spread = squares - torch.stack((mean[..., :5].square().sum(-1), mean[..., 5:].square().sum(-1)), -1)
    noise = (weights.square() @ level[:, :, 0, :, None]) / total / total
    variance = spread.clamp(min=0.0) / mean.new_tensor((5.0, 13.0)) + noise + mean.new_tensor(FLOOR) ** 2
    return _to_image(torch.cat((mean, variance, near.sum(-1, keepdim=True)), -1), rows, columns, block)


def _nearness(place: Tensor, there: Tensor, shape: tuple[int, int], grid: tuple[int, int, int]) -> Tensor:
    """Weights in space (B, blocks, pixels of a block, K) of points at ``place`` (B, blocks, 2, K); 0 where none is."""
    first_row, cell, together = grid
    block = together * cell
    # Positions from the block's corner: small numbers, whose squares float32 holds.
    number = torch.arange(place.shape[1], device=place.device)
    down, across = number // (shape[1] // block), number % (shape[1] // block)
    corner = torch.stack((down * block + first_row, across * block), -1)
    place = place - corner[None, :, :, None]
    pixel = torch.arange(block**2, device=place.device)
    pixel = torch.stack((pixel // block, pixel % block), -1).to(place)
    # Far away is where there is none.
    square = place.square().sum(2, keepdim=True) + 1e6 * (1 - there)
    left = torch.cat((pixel, pixel.square().sum(-1, keepdim=True), torch.ones_like(pixel[:, :1])), -1)
    far = left @ torch.cat((-2 * place, torch.ones_like(square), square), 2)
    # A point is no witness for itself: what it says stands beside the guided mean already.
    return torch.where(far > 0.25, torch.exp(-0.5 / (WIDTH * cell) ** 2 * far), 0.0)


def _by_block(image: Tensor, side: int) -> Tensor:
    """(B, C, H, W) to (B, blocks, pixels of a block, C)."""
    batch, channels, rows, columns = image.shape
    blocks = image.view(batch, channels, rows // side, side, columns // side, side).permute(0, 2, 4, 3, 5, 1)
    return blocks.reshape(batch, -1, side * side, channels)


def _to_image(blocks: Tensor, rows: int, columns: int, side: int) -> Tensor:
    """Inverse of `_by_block`."""
    batch, channels = blocks.shape[0], blocks.shape[-1]
    image = blocks.view(batch, rows // side, columns // side, side, side, channels).permute(0, 5, 1, 3, 2, 4)
    return image.reshape(batch, channels, rows, columns)
