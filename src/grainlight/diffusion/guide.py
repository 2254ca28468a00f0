"""Guided mean: what the nearest measured orientations say of a pixel, weighted by how alike the pixel and they look.

The neighbourhood part of the precision-weighted skip. The image is cut into square cells of about one measured point
each; a pixel asks the points of the 3 x 3 cells around it. A point counts by its distance and by the likeness of
everything known of both (light, and orientation where the pixel has one), each difference in units of its stated noise:
with good light this is a copy of the right neighbour, without light an interpolation. How much the points disagree is
its variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX

LARGEST_CELL = 12
# What two pixels of one grain may differ by beyond noise, per channel: orientation, A0, A2, A4.
TOLERANCE = (0.10, 0.15, 0.08, 0.08)
# A difference beyond this many standard deviations says no more than "another grain".
MOST = 100.0
# Width of the weight in space, in cells.
WIDTH = 0.4
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
    above, before = origin[0] % cell, origin[1] % cell
    below, after = -(above + height) % cell, -(before + width) % cell
    known = F.pad(points.to(x), (before, after, above, below))
    x = F.pad(x, (before, after, above, below))
    sigma = F.pad(sigma, (before, after, above, below), value=SIGMA_MAX)
    batch, _, rows, columns = x.shape
    down, across = rows // cell, columns // cell
    # The known point of each cell: the best one, the first of equals.
    score = (known * (2 * SIGMA_MAX - sigma[:, 0]))[:, None]
    found, index = F.max_pool2d(score, cell, return_indices=True)
    index = index.flatten(1)
    there = (found > 0).to(x).flatten(1)
    state = x.flatten(2).gather(2, index[:, None].expand(-1, x.shape[1], -1)).view(batch, -1, down, across)
    level = sigma.flatten(2).gather(2, index[:, None].expand(-1, 4, -1)).view(batch, 4, down, across)
    place = torch.stack((index // columns, index % columns), 1).to(x).view(batch, 2, down, across)
    there = there.view(batch, 1, down, across)
    blocks = (batch, -1, down, cell, across, cell)
    pixel = torch.stack(
        torch.meshgrid(torch.arange(rows, device=x.device), torch.arange(columns, device=x.device), indexing="ij")
    ).to(x)
    pixel = pixel.view(1, 2, down, cell, across, cell)
    tolerance = torch.tensor(TOLERANCE, device=x.device).view(1, 4, 1, 1, 1, 1) ** 2
    xs, variance = x.view(blocks), sigma.view(blocks) ** 2 + tolerance
    candidates = F.pad(torch.cat((state, level**2, place, there), 1), (1, 1, 1, 1))
    logs, spaces = [], []
    for i in range(3):
        for j in range(3):
            c = candidates[:, :, i : i + down, None, j : j + across, None]
            y, v, at, ok = c[:, :23], c[:, 23:27] + variance, c[:, 27:29], c[:, 29:30]
            unlike = (xs[:, LIGHT] - y[:, LIGHT]).square()
            a0, a2, a4 = unlike[:, :1], unlike[:, 1:3].sum(1, True), unlike[:, 3:].sum(1, True)
            unlike = a0 / v[:, 1:2] + a2 / v[:, 2:3] + a4 / v[:, 3:4]
            unlike = unlike + (xs[:, EBSD] - y[:, EBSD]).square().sum(1, True) / v[:, :1]
            far = (pixel - at).square().sum(1, True) / (WIDTH * cell) ** 2
            # A point is no witness for itself: what it says stands beside the guided mean already.
            ok = ok * (far > 0)
            spaces.append(ok * torch.exp(-0.5 * far))
            logs.append(torch.where(ok > 0, -0.5 * (MOST * unlike / (MOST + unlike) + far), -1e4))
    weights = torch.softmax(torch.cat(logs, 1), 1)
    mean = torch.zeros_like(xs[:, EBSD])
    square, noise = torch.zeros_like(xs[:, :2]), torch.zeros_like(xs[:, :1])
    for k in range(9):
        i, j = divmod(k, 3)
        c = candidates[:, :18, i : i + down, None, j : j + across, None]
        w = weights[:, k : k + 1]
        mean = mean + w * c
        sums = torch.cat((c[:, :5].square().sum(1, True), c[:, 5:18].square().sum(1, True)), 1)
        square = square + w * sums
        noise = noise + w.square() * candidates[:, 23:24, i : i + down, None, j : j + across, None]
    spread = square - torch.cat((mean[:, :5].square().sum(1, True), mean[:, 5:].square().sum(1, True)), 1)
    per_channel = spread.clamp(min=0.0) / torch.tensor((5.0, 13.0), device=x.device).view(1, 2, 1, 1, 1, 1)
    floor = torch.tensor(FLOOR, device=x.device).view(1, 2, 1, 1, 1, 1) ** 2
    support = torch.cat(spaces, 1).sum(1, True)
    inside = (..., slice(above, above + height), slice(before, before + width))
    return Guided(
        mean.reshape(batch, 18, rows, columns)[inside],
        (per_channel + noise + floor).reshape(batch, 2, rows, columns)[inside],
        support.reshape(batch, 1, rows, columns)[inside],
    )
