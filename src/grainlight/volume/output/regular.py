"""Levels of even spacing, which files of voxels want, from sections that need not have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.volume.volume import Volume

_EVEN = 1e-3  # of the spacing


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of a volume from the lowest up.

    ``section`` (K,) the section that each shows, the nearest one; ``spacing`` of the levels and height of the first
    (``start``) in um; ``notes`` what that changes, a sentence each.
    """

    section: NDArray[np.int64]
    spacing: float
    start: float
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.section)

    def upward(self, array: NDArray[Any]) -> Callable[[int], NDArray[Any]]:
        """Return what gives the k-th level from below of an array (Z, ...) of the volume."""
        return lambda k: np.asarray(array[int(self.section[k])])

    def downward(self, array: NDArray[Any]) -> Callable[[int], NDArray[Any]]:
        """Return what gives the k-th level from above of an array (Z, ...), with an axis of one number a voxel."""
        return lambda k: np.asarray(array[int(self.section[-1 - k])])[..., None]


def levels_of(volume: Volume) -> Levels:
    """Return a level for each section where they are evenly spaced; else levels at their median distance."""
    z, count = np.asarray(volume.z, dtype=np.float64), len(volume.z)
    apart = np.diff(z)
    if count < 2 or np.ptp(apart) <= _EVEN * volume.spacing:
        spacing = float((z[-1] - z[0]) / (count - 1)) if count > 1 else volume.spacing
        return Levels(np.arange(count), spacing, float(z[0]))
    spacing = volume.spacing
    heights = z[0] + spacing * np.arange(round((z[-1] - z[0]) / spacing) + 1)
    nearest = np.abs(heights[:, None] - z[None]).argmin(axis=1)
    times = np.bincount(nearest, minlength=count)
    note = (
        f"The sections are {apart.min():g} to {apart.max():g} um apart: the file has {len(heights)} levels {spacing:g} "
        f"um apart, each a copy of the nearest section. {int((times > 1).sum())} sections stand in more than one "
        f"level, {int((times == 0).sum())} in none."
    )
    return Levels(nearest, spacing, float(z[0]), (note,))
