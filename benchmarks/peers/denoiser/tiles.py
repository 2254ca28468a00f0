"""Calls of the denoiser on images of any size: padded, and in tiles where the image is large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.guide import Cells, known_points, local_cell_size
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.restore.device import has_fast_bfloat16

# The network and its skip see 102 pixels far: a tile with this much around it gives what the whole image gives.
# A multiple of 8.
HALO = 112
# Inner side of a tile. What a halo costs again and again is least for large tiles: a megapixel is one tile.
TILE = 704


@dataclass(frozen=True)
class TiledDenoiser:
    """D(x, sigma) for whole images (23, H, W), on a device, tile by tile.

    The tiles of one call are stitched before the next call begins, and a tile's halo covers all that the network sees:
    the result does not depend on the tiling beyond the order of float sums.
    """

    model: Denoiser
    device: torch.device
    tile: int = TILE
    halo: int = HALO
    on_tile: Callable[[], None] = lambda: None

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if has_fast_bfloat16(self.device) else torch.float32

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        multiple = self.model.config.multiple
        rows, columns = x.shape[-2:]
        high, wide = rows + -rows % multiple, columns + -columns % multiple
        side = local_cell_size(known_points(sigma[None]))
        points = known_points(_padded(sigma[None, :1], (high, wide), SIGMA_MAX))
        out: Tensor | None = None
        for top, bottom in spans(high, self.tile):
            for left, end in spans(wide, self.tile):
                r = slice(max(0, top - self.halo), min(high, bottom + self.halo))
                c = slice(max(0, left - self.halo), min(wide, end + self.halo))
                cells = Cells(points[:, r, c].to(self.device), side, (r.start, c.start))
                # Only the tile is padded to a multiple, not the map, which may be large.
                size = (r.stop - r.start, c.stop - c.start)
                part = self._call(_padded(x[:, r, c], size), _padded(sigma[:, r, c], size, SIGMA_MAX), cells)
                # Made when the first tile's images are gone.
                out = torch.empty_like(x) if out is None else out
                here = out[:, top:bottom, left:end]
                here.copy_(part[:, top - r.start :, left - c.start :][:, : here.shape[1], : here.shape[2]])
                self.on_tile()
        assert out is not None
        return out

    def _call(self, x: Tensor, sigma: Tensor, cells: Cells) -> Tensor:
        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            part = self.model(x[None].to(self.device), sigma[None].to(self.device), cells)[0]
        return part.float().to(x.device)


def _padded(image: Tensor, size: tuple[int, int], value: float = 0.0) -> Tensor:
    """An image (..., row, column) grown to a size below and to the right; as it is where it has that size."""
    below, right = size[0] - image.shape[-2], size[1] - image.shape[-1]
    return F.pad(image, (0, right, 0, below), value=value) if below or right else image


def spans(size: int, tile: int) -> list[tuple[int, int]]:
    """Cut 0 .. size into spans of at most 1.5 tiles, at multiples of the tile: a sliver joins its neighbour."""
    edges = list(range(0, size, tile))
    if len(edges) > 1 and size - edges[-1] < tile // 2:
        edges.pop()
    return list(zip(edges, [*edges[1:], size], strict=True))


def count_tiles(rows: int, columns: int, tile: int = TILE) -> int:
    """Number of network calls for one denoising of an image."""
    return len(spans(rows, tile)) * len(spans(columns, tile))
