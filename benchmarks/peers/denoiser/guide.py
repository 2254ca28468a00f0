"""Guided mean: what the nearest measured orientations say of a pixel, weighted by how alike the pixel and they look.

The neighbourhood part of the precision-weighted skip. The image is cut into square cells of about one measured point
each; a pixel asks the points of the 5 x 5 cells around it. A point counts by its distance and by the likeness of
everything known of both (light, and orientation where the pixel has one), each difference in units of its stated noise:
with good light this is a copy of the right neighbour, without light an interpolation. How much the points disagree is
its variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers.denoiser.layout import by_channel, by_pixel
from grainlight.diffusion.state import SIGMA_MAX

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
# On a CPU: rows of a strip, and blocks whose pixels ask at once, so that both stay in its caches.
_ROWS_AT_ONCE = 16
_BLOCKS_AT_ONCE = 256
# Channels of an answer: orientation, square of its e2 and e6, 1, A0, its square, A2, its square, 1, square of A4, A4,
# variance of the orientation. A squared distance is the product of (y, y^2, 1) with (-2 x, 1, x^2); the groups share
# their ones.
_GROUPS = (slice(0, 21), slice(20, 23), slice(23, 27), slice(26, 30))
_ONE, _NOISE = 20, 30
# 21 of them are wanted, but a product with a multiple of eight columns takes half as long.
_SAID, _HEARD = 21, 24
# Standard deviation per channel (e2, e6) that a guided mean has even where all points agree.
FLOOR = (0.12, 0.04)


@dataclass(frozen=True)
class Cells:
    """How images, or a tile of a map, are cut.

    ``points`` (B, H, W): which points are known; ``side`` of a cell in pixels; ``origin``: row and column of the tile
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


def guided_strips(x: Tensor, sigma: Tensor, cells: Cells) -> Iterator[tuple[int, Guided]]:
    """Guided mean strip by strip of rows, each with its first row: what is asked is much larger than the image.

    Parameters
    ----------
    x, sigma
        Noisy state (B, 23, H, W) and noise levels (B, 4, H, W).
    cells
        Known points, see `known_points`; side of a cell, see `cell_sizes`; row and column of the image in the whole
        map: cells are cut at multiples of their side there, whatever the tile.
    """
    height, width = x.shape[-2:]
    # Small cells are handled in blocks of several: each block asks the cells in it and around it at once.
    together = max(1, math.ceil(_BLOCK / cells.side))
    block = together * cells.side
    above, before = cells.origin[0] % block, cells.origin[1] % block
    below, after = -(above + height) % block, -(before + width) % block
    # Where every pixel is known its eight neighbours will do.
    around = AROUND if cells.side > 1 else 1
    points = _points(x, sigma, cells, (before, after, above, below), around)
    rows = above + height + below
    strip = max(1, _ROWS_AT_ONCE // block) * block if x.device.type == "cpu" else rows
    for start in range(0, rows, strip):
        end = min(rows, start + strip)
        top, bottom = max(0, start - above), min(height, end - above)
        if bottom <= top:
            continue
        part = slice(top, bottom)
        asks = _question(x[:, :, part], sigma[:, :, part])
        edges = (before, after, above + top - start, end - above - bottom)
        if any(edges):
            asks = F.pad(asks, edges)
        answer = _ask(asks, points.rows(start // cells.side, end // cells.side + 2 * around), block)
        inside = answer[..., edges[2] : edges[2] + bottom - top, before : before + width]
        yield top, _guided(inside)


@dataclass(frozen=True)
class _Points:
    """The known point of each cell, with a margin of empty cells around.

    ``answer`` (B, down, across, 31): what the products need, 0 where there is none, and the orientation's variance;
    ``level`` (B, 4, down, across): variances, infinite where nothing is known; ``place`` (B, 2, down, across): row and
    column inside the cell, or (1, 2, 1, 1) where that is the same for all; ``around``: width of the margin in cells.
    """

    answer: Tensor
    level: Tensor
    place: Tensor
    side: int
    around: int

    def rows(self, start: int, end: int) -> _Points:
        part = slice(start, end)
        place = self.place[:, :, part] if self.place.shape[2] > 1 else self.place
        return _Points(self.answer[:, part], self.level[:, :, part], place, self.side, self.around)


def _points(x: Tensor, sigma: Tensor, cells: Cells, edges: tuple[int, int, int, int], around: int) -> _Points:
    """Find the points of an image that is ``edges`` larger: left, right, above, below."""
    width, side = x.shape[-1], cells.side
    # The best one, the first of equals.
    score = cells.points.to(x) * (2 * SIGMA_MAX - sigma[:, 0])
    wide = width + edges[0] + edges[1]
    found, index = F.max_pool2d(F.pad(score, edges)[:, None], side, return_indices=True)
    there = found > 0
    row, column = index // wide, index % wide
    flat = torch.where(there, (row - edges[2]) * width + column - edges[0], 0).flatten(1)[:, None]
    state, variance = (t.flatten(2).gather(2, flat.expand(-1, t.shape[1], -1)) for t in (x, sigma))
    state = torch.where(there, state.view(*state.shape[:2], *there.shape[2:]), 0.0)
    variance = variance.view(*variance.shape[:2], *there.shape[2:]).square()
    ones = there.to(x)
    parts = state.split((5, 13, 1, 2, 2), 1)
    e2, e6, a0, a2, a4 = (part.square().sum(1, keepdim=True) for part in parts)
    answer = torch.cat(
        (*parts[:2], e2, e6, ones, parts[2], a0, parts[3], a2, ones, a4, parts[4], variance[:, :1] * ones), 1
    )
    level = _tolerant(variance, (e2, a0, a2, a4), False)
    level = torch.where(there, level, torch.inf)
    place = torch.cat((row % side, column % side), 1)
    # A regular grid has every point at the same place of its cell, and one table of distances will do. A GPU would have
    # to wait for the answer.
    if x.device.type == "cpu" and bool(there.any()):
        first = place.permute(0, 2, 3, 1)[there[:, 0]][0].view(1, 2, 1, 1)
        if bool(((place == first) | ~there).all()):
            place = first
    margin = (around,) * 4
    if place.shape[2] > 1:
        place = F.pad(place, margin)
    return _Points(
        F.pad(answer.permute(0, 2, 3, 1), (0, 0, *margin)),
        F.pad(level, margin, value=torch.inf),
        place,
        side,
        around,
    )


def _tolerant(variance: Tensor, squares: Sequence[Tensor], tolerance: bool) -> Tensor:
    """Variances (B, 4, ...) with what the light's strength adds; what is unknown tells no point from another."""
    levels = []
    for group, square in enumerate(squares):
        level = variance[:, group : group + 1]
        slack = RELATIVE**2 * square if group else 0.0
        more = slack + TOLERANCE[group] ** 2 * tolerance
        levels.append(torch.where(level < _UNKNOWN, level + more, torch.inf))
    return torch.cat(levels, 1)


def _question(x: Tensor, sigma: Tensor) -> Tensor:
    """What pixels ask with (B, 36, h, w): what `_GROUPS` are multiplied with, 32 channels, and variances."""
    e, a0, a2, a4 = x.split((18, 1, 2, 2), 1)
    squares = [part.square().sum(1, keepdim=True) for part in (e, a0, a2, a4)]
    one = torch.ones_like(a0)
    asks = (-2 * e, one, one, squares[0], squares[1], -2 * a0, one, -2 * a2, one, squares[2], squares[3], one, -2 * a4)
    return torch.cat((*asks, _tolerant(sigma.square(), squares, True)), 1)


def _ask(asks: Tensor, points: _Points, block: int) -> Tensor:
    """Sums (B, 23, h, w) of a strip over the points around each pixel: what they say, the noise of it, and support."""
    batch, _, rows, columns = asks.shape
    together = block // points.side
    side = together + 2 * points.around
    asks = _by_block(asks, block)
    answer = points.answer.unfold(1, side, together).unfold(2, side, together).permute(0, 1, 2, 4, 5, 3)
    answer = answer.reshape(asks.shape[0], side**2, -1)
    level = points.level.unfold(2, side, together).unfold(3, side, together).permute(0, 2, 3, 1, 4, 5)
    level = level.reshape(asks.shape[0], len(_GROUPS), side**2)
    offset = (torch.arange(side, device=asks.device) - points.around) * points.side
    if points.place.shape[2] > 1:
        place = points.place.unfold(2, side, together).unfold(3, side, together).permute(0, 2, 3, 1, 4, 5)
        place = place.reshape(-1, 2, side, side)
    else:
        place = points.place.expand(1, 2, side, side)
    at_rows = (place[:, 0] + offset[:, None]).flatten(1)
    at_columns = (place[:, 1] + offset).flatten(1)
    most = _BLOCKS_AT_ONCE if asks.device.type == "cpu" else asks.shape[0]
    # Nothing to overwrite in where gradients are wanted.
    shape = (0,) if asks.requires_grad or answer.requires_grad else (3, min(most, len(asks)), block**2, side**2)
    spare, sums = asks.new_empty(shape), []
    for start in range(0, asks.shape[0], most):
        part = slice(start, start + most)
        where = slice(None) if len(at_rows) == 1 else part
        near = _nearness(at_rows[where], at_columns[where], points.side, block)
        sums.append(_sums(asks[part], answer[part], level[part], near, spare))
    return _to_image(torch.cat(sums), (batch, rows, columns), block)


def _sums(asks: Tensor, answer: Tensor, level: Tensor, near: Tensor, spare: Tensor) -> Tensor:
    """Sums (n, P, 23) for P pixels of n blocks that ask K points.

    ``asks`` (n, P, 36), ``answer`` (n, K, 31), ``level`` (n, 4, K), ``near`` (n or 1, P, K) weights in space; ``spare``
    is room for three times (n, P, K), empty where a gradient needs what would be overwritten.
    """
    # Every pass over pixels times points counts here, and so does fresh memory: squared distances come from one product
    # each, and everything is written to the same place again.
    first, second, third = spare[:, : len(asks)] if len(spare) else (None, None, None)
    unlike = near.new_full((), MOST)
    *questions, variance = asks.split((*(g.stop - g.start for g in _GROUPS), len(_GROUPS)), -1)
    for group, (question, channels) in enumerate(zip(questions, _GROUPS, strict=True)):
        apart = torch.bmm(question, answer[..., channels].mT, out=second)
        both = torch.add(variance[..., group, None], level[:, group, None], out=third)
        unlike = torch.addcdiv(unlike, apart, both, out=first)
    # MOST has been added to u already: exp(-MOST u / (MOST + u) / 2) but for a constant factor, with which neither it
    # nor its square leaves the range of single precision.
    weights = torch.div(unlike.new_tensor(0.5 * MOST**2), unlike, out=first)
    weights = torch.sub(weights, 0.25 * MOST, out=first)
    weights = torch.mul(torch.exp(weights, out=first), near, out=first)
    said = torch.bmm(weights, answer[..., :_HEARD])[..., :_SAID]
    # As rows times matrices: products with one column are slow.
    noise = torch.bmm(answer[:, None, :, _NOISE].contiguous(), torch.square(weights, out=second).mT).mT
    there = answer[:, None, :, _ONE].contiguous()
    support = there[:, 0] @ near[0].T if len(near) == 1 else torch.bmm(there, near.mT)
    return torch.cat((said, noise, support.view(-1, near.shape[1], 1)), -1)


def _nearness(rows: Tensor, columns: Tensor, cell: int, block: int) -> Tensor:
    """Weights in space (n, P, K) of points at rows and columns (n, K) from a block's corner, for all its pixels."""
    pixel = torch.arange(block, device=rows.device)[:, None]
    scale = -0.5 / (WIDTH * cell) ** 2
    down, across = (torch.exp(scale * (at[:, None] - pixel).square()) for at in (rows, columns))
    near = (down[:, :, None] * across[:, None]).flatten(1, 2)
    # A point is no witness for itself: what it says stands beside the guided mean already.
    return near.masked_fill_(near == 1.0, 0.0)


def _guided(sums: Tensor) -> Guided:
    """Mean, variance and support of sums (B, 23, h, w)."""
    mean, squares, total, noise, support = sums.split((18, 2, 1, 1, 1), 1)
    share = total.clamp(min=1e-30).reciprocal()
    mean = mean * share
    own = torch.cat((mean[:, :5].square().sum(1, keepdim=True), mean[:, 5:].square().sum(1, keepdim=True)), 1)
    spread = (squares * share - own).clamp(min=0.0)
    # per channel
    spread = spread / mean.new_tensor((5.0, 13.0)).view(1, 2, 1, 1)
    floor = mean.new_tensor(FLOOR).square().view(1, 2, 1, 1)
    return Guided(mean, spread + noise * share * share + floor, support)


def _by_block(image: Tensor, side: int) -> Tensor:
    """(B, C, H, W) to (B blocks, pixels of a block, C)."""
    batch, channels, rows, columns = image.shape
    # In two steps, each of which a CPU has a fast way for.
    blocks = by_pixel(image).view(batch, rows // side, side, columns // side, side, channels).transpose(2, 3)
    return blocks.reshape(-1, side * side, channels)


def _to_image(blocks: Tensor, shape: tuple[int, int, int], side: int) -> Tensor:
    """Inverse of `_by_block`; batch, rows, columns."""
    batch, rows, columns = shape
    pixels = blocks.view(batch, rows // side, columns // side, side, side, -1).transpose(2, 3)
    return by_channel(pixels.reshape(batch, rows * columns, -1), rows)
