"""Edges: the pairs of neighbouring pixels of a map, as lists that grids of squares and hexagons share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import is_turned

BOUNDARY_ANGLE = 5.0
"""Degrees from which neighbours belong to different grains; a restored pixel that is off by more is in a wrong one."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Pairs of neighbours of a grid (H, W); on squares the right neighbours in reading order, then the lower ones.

    Parameters
    ----------
    first, second
        (E,) int32 flat indices of the two pixels.
    length
        (E,) um of boundary that the pair's common side stands for.
    shape
        (H, W).
    grid
        "square" or "hexagonal".
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    length: NDArray[np.float32]
    shape: tuple[int, int]
    grid: Literal["square", "hexagonal"] = "square"

    def __len__(self) -> int:
        return len(self.first)

    @property
    def rights(self) -> int:
        """How many of the first edges join a pixel and its right neighbour."""
        return self.shape[0] * (self.shape[1] - 1)

    def right(self, values: NDArray) -> NDArray:
        """Return values (E,) of the edges to the right neighbours as an image (H, W-1)."""
        return values[: self.rights].reshape(self.shape[0], self.shape[1] - 1)

    def down(self, values: NDArray) -> NDArray:
        """Return values (E,) of the edges to the lower neighbours as an image (H-1, W); square grids only."""
        if self.grid != "square":
            raise ValueError("a hexagonal grid has two lower neighbours")
        return values[self.rights :].reshape(self.shape[0] - 1, self.shape[1])

    def segments(self, of: NDArray[np.bool_], step: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
        """Return the sides (n, 2, 2) that edges of a square grid stand for, as (x, y) of both ends.

        Pixel centres lie at multiples of ``step`` (um; the default gives pixel coordinates), y down.
        """
        if self.grid != "square":
            raise ValueError("sides are drawn on square grids only")
        number = np.flatnonzero(of)
        row, column = np.divmod(self.first[number].astype(np.float64), self.shape[1])
        upright = (number < self.rights)[:, None]
        start = np.where(upright, np.stack([column + 0.5, row - 0.5], -1), np.stack([column - 0.5, row + 0.5], -1))
        end = np.stack([column + 0.5, row + 0.5], -1)
        return np.stack([start, end], axis=1) * np.asarray(step)


def edge_starts(right: NDArray[np.bool_], down: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (H, W) whether one of these edges, to the right (H, W-1) or down (H-1, W), starts at a pixel."""
    pixels = np.zeros((right.shape[0], down.shape[1]), dtype=bool)
    pixels[:, :-1] |= right
    pixels[:-1] |= down
    return pixels


def edges_of(
    shape: tuple[int, int],
    step: tuple[float, float] = (1.0, 1.0),
    grid: Literal["square", "hexagonal"] = "square",
    shifted: int = 1,
) -> Edges:
    """Return the edges of a grid.

    Parameters
    ----------
    shape
        (H, W).
    step
        (dx, dy) um.
    grid
        "square" or "hexagonal".
    shifted
        On hexagonal grids, those turned by 90 degrees too: 1 if the second, fourth, ... row is half a step to the
        right of the first, 0 otherwise.
    """
    rows, columns = shape
    index = np.arange(rows * columns, dtype=np.int32).reshape(shape)
    turned = grid == "hexagonal" and is_turned(step)
    # of a hexagonal grid turned by 90 degrees the nearest stand two rows apart, straight below one another
    pairs = [(index[:-2], index[2:]) if turned else (index[:, :-1], index[:, 1:])]
    if grid == "square":
        pairs.append((index[:-1], index[1:]))
        sides = [step[1], step[0]]
    else:
        # the lower neighbours of a row stand half a step left and right of it
        odd = (np.arange(rows - 1) % 2 == 1) == bool(shifted)
        for lean in (-1, 1):
            first, second = [], []
            for mask, offset in ((odd, (lean + 1) // 2), (~odd, (lean - 1) // 2)):
                above, below = index[:-1][mask], index[1:][mask]
                keep = slice(0, columns - 1) if offset == 1 else slice(1, None) if offset == -1 else slice(None)
                moved = slice(1, None) if offset == 1 else slice(0, columns - 1) if offset == -1 else slice(None)
                first.append(above[:, keep].ravel())
                second.append(below[:, moved].ravel())
            pairs.append((np.concatenate(first), np.concatenate(second)))
        # sides of a regular hexagon whose inner diameter is the step
        sides = [(2.0 * step[1] if turned else step[0]) / np.sqrt(3.0)] * 3
    first_all = np.concatenate([a.ravel() for a, _ in pairs])
    second_all = np.concatenate([b.ravel() for _, b in pairs])
    length = np.concatenate([np.full(a.size, side, np.float32) for (a, _), side in zip(pairs, sides, strict=True)])
    return Edges(first_all, second_all, length, (rows, columns), grid)


def edges_of_map(ebsd: OrientationMap) -> Edges:
    """Return the edges of a map's grid."""
    shifted = 1
    if ebsd.grid == "hexagonal" and ebsd.shape[0] > 1:
        shifted = int(ebsd.x[1, 0] > ebsd.x[0, 0])
    return edges_of(ebsd.shape, ebsd.step, ebsd.grid, shifted)
