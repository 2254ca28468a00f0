"""Which measured points are held back: single points, and blocks with nothing near their middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap

Kind = Literal["points", "blocks"]
SHARE = 0.1
"""Of the points, in every fold."""
BLOCK = 3
"""Points along the side of a block: its middle is two steps from what is kept."""
FEWEST = 10
"""Held-back points of a map under which nothing can be said."""
_APART = 2 * BLOCK + 1  # points from the middle of one block to that of the next, at least half of that


@dataclass(frozen=True, eq=False)
class Fold:
    """Points (h, w) that are ``held`` back together, and how they were chosen."""

    kind: Kind
    held: NDArray[np.bool_]

    def kept(self, ebsd: OrientationMap) -> OrientationMap:
        """Return the map without them, as if nobody had scanned there."""
        return ebsd.replace(phase_id=np.where(self.held, -1, ebsd.phase_id).astype(np.int16))


def kinds(count: int) -> tuple[Kind, ...]:
    """Return what each of so many folds holds back: single points, and blocks in the last, one fold in five."""
    blocks = 0 if count < 2 else max(1, round(0.2 * count))
    single: tuple[Kind, ...] = ("points",)
    block: tuple[Kind, ...] = ("blocks",)
    return single * (count - blocks) + block * blocks


def hold_back(ebsd: OrientationMap, count: int, seed: int) -> list[Fold]:
    """Return the folds of a map: a tenth of its points of Laue group 6/mmm each.

    No two single points of a fold touch, so that each has all its neighbours, and blocks lie apart; folds of one kind
    have no point in common.

    Raises
    ------
    InputError
        Where the map has too few points.
    """
    known = ebsd.is_6mmm
    if SHARE * np.count_nonzero(known) < FEWEST:
        raise InputError(
            "the map has too few points to hold any back",
            file=ebsd.path,
            found=f"{np.count_nonzero(known)} points of a hexagonal metal",
            expected=f"{FEWEST / SHARE:.0f} or more",
        )
    drawn = np.random.default_rng(seed)
    taken = {kind: np.zeros(ebsd.shape, dtype=bool) for kind in ("points", "blocks")}
    found = []
    for kind in kinds(count):
        held = _single(known & ~taken[kind], drawn) if kind == "points" else known & _blocks(taken[kind], drawn)
        taken[kind] |= held
        found.append(Fold(kind, held))
    return found


def _single(free: NDArray[np.bool_], drawn: np.random.Generator) -> NDArray[np.bool_]:
    """Points that drew the largest number of their 3 x 3 neighbours: one in nine, of which a tenth is left."""
    number = np.where(free, drawn.random(free.shape), -1.0)
    held = free & (number == maximum_filter(number, 3, mode="constant", cval=-1.0))
    return held & (drawn.random(free.shape) < 9 * SHARE)


def _blocks(taken: NDArray[np.bool_], drawn: np.random.Generator) -> NDArray[np.bool_]:
    """Blocks around points that drew the largest number of the square of points around them, none near one taken."""
    free = ~maximum_filter(taken, BLOCK, mode="constant")
    number = np.where(free, drawn.random(taken.shape), -1.0)
    middle = free & (number == maximum_filter(number, _APART, mode="constant", cval=-1.0))
    middle &= drawn.random(taken.shape) < SHARE * (_APART / BLOCK) ** 2
    if not middle.any():
        middle[np.unravel_index(number.argmax(), taken.shape)] = True
    return maximum_filter(middle, BLOCK, mode="constant")
