"""What the instrument does to images besides blur and noise: stitched tiles, light fixed in the camera, drift."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from grainlight.synth.blemish import Size, draw_smooth


def draw_tiles(size: Size, tiles: int, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the brightness (H, W) of a field stitched from tiles, and the number (H, W) of each pixel's tile.

    Parameters
    ----------
    size
        Rows and columns.
    tiles
        Tiles along each side, 2 or more; the seams lie a little off the even places.
    strength
        Standard deviation of a tile's brightness, and how much darker a tile's corners are than its middle.
    """
    along = []
    for count in size:
        inner = torch.arange(1, tiles) + 0.3 * (torch.rand(tiles - 1, generator=generator) - 0.5)
        edges = torch.cat((torch.zeros(1), inner * (count / tiles), torch.tensor([float(count)])))
        at = torch.arange(count) + 0.5
        number = (torch.bucketize(at, edges) - 1).clamp(0, tiles - 1)
        inside = 2 * (at - edges[number]) / (edges[number + 1] - edges[number]) - 1
        along.append((number, inside))
    (row, y), (column, x) = along
    number = row[:, None] * tiles + column
    level = 1 + strength * torch.randn(tiles * tiles, generator=generator)
    fall = 1 - 0.5 * strength * (y.square()[:, None] + x.square())
    return (level.clamp_min(0.2)[number] * fall).clamp_min(0.1), number


def draw_camera_field(size: Size, uneven: float, dust: int, generator: torch.Generator) -> Tensor:
    """Return the brightness (S, S) of the light path, fixed in the camera, over the square around the turning field.

    `uneven` is the fall of the light over the square; `dust` counts grains on glass, out of focus by 5 to 15 pixels,
    which take 5 to 30 % of the light each.
    """
    side = math.ceil(math.hypot(*size))
    even = draw_smooth((side, side), generator)
    field = 1 - uneven * (even - even.min()) / (even.max() - even.min()).clamp_min(1e-6)
    at = torch.arange(side).float()
    for _ in range(dust):
        u = torch.rand(4, generator=generator).tolist()
        distance = torch.hypot(at[:, None] - u[0] * side, at - u[1] * side)
        field = field * (1 - (0.05 + 0.25 * u[2]) * torch.exp(-0.5 * (distance / (5 + 10 * u[3])) ** 2))
    return field


def turned_field(field: Tensor, angle: float, size: Size) -> Tensor:
    """Return what a field (S, S) fixed in the camera looks like (H, W) in images turned back by `angle` [degrees].

    The sample has turned counter-clockwise, so that a point of it saw the part of the field that lies turned from it.
    """
    rows, columns = size
    y, x = torch.meshgrid(torch.arange(rows) - (rows - 1) / 2, torch.arange(columns) - (columns - 1) / 2, indexing="ij")
    turn = math.radians(angle)
    # rows grow downward: counter-clockwise on the screen turns (x, y) to (x cos + y sin, y cos - x sin)
    at = torch.stack((x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)), -1)
    at = at * (2 / (field.shape[0] - 1))
    mode = {"mode": "bilinear", "padding_mode": "border", "align_corners": True}
    return functional.grid_sample(field[None, None], at[None], **mode)[0, 0]  # type: ignore[arg-type]


def shifted(images: Tensor, down: float, right: float) -> Tensor:
    """Return images (C, H, W) moved by a part of a pixel, bilinear, edges repeated."""
    rows, columns = images.shape[-2:]
    y = ((torch.arange(rows) - down) * (2 / max(rows - 1, 1)) - 1)[:, None].expand(rows, columns)
    x = ((torch.arange(columns) - right) * (2 / max(columns - 1, 1)) - 1)[None].expand(rows, columns)
    at = torch.stack((x, y), -1)[None]
    return functional.grid_sample(images[None], at, mode="bilinear", padding_mode="border", align_corners=True)[0]


def random_walk(count: int, step: float, generator: torch.Generator) -> Tensor:
    """Return positions (count, 2) of a drifting stage [pixels], about their mean."""
    walk = (step * torch.randn(count, 2, generator=generator)).cumsum(0)
    return walk - walk.mean(0)
