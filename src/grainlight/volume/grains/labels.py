"""From parts of sections to grains of a volume: parts that join across faces, small ones absorbed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.segment import connected, in_reading_order, join_small
from grainlight.volume.grains.parts import Contacts, Parts


@dataclass(frozen=True, eq=False)
class Grouped:
    """Which grain each of N parts belongs to.

    Parameters
    ----------
    grain
        (N + 1,) int32 grains from 1 in the order in which they appear from the lowest section up; 0 for the part 0, and
        for parts that are too small and have no neighbour of their phase.
    core
        (N + 1,) whether the part has an orientation of its grain; others only joined it because they are small.
    contacts
        Between grains, each pair once.
    """

    grain: NDArray[np.int32]
    core: NDArray[np.bool_]
    contacts: Contacts


def group(parts: Parts, minimum_voxels: int) -> Grouped:
    """Join parts across faces into grains.

    Parameters
    ----------
    parts
        Of all sections.
    minimum_voxels
        Smaller grains join the neighbour of their phase across the lowest mean disorientation, as in a section
        (`grains.segment.absorb`); those without one are no grains.
    """
    count = len(parts.voxels)
    region = connected(parts.joined[0], parts.joined[1], count)
    alone = region.copy()
    size = np.bincount(region, parts.voxels)
    while True:
        small = (size < minimum_voxels) & (size > 0)
        met = parts.contacts.renamed(region)
        use = np.isfinite(met.angle) & (small[met.first] | small[met.second])
        if not use.any():
            break
        merged = join_small(small, met.first[use], met.second[use], met.angle[use], met.area[use])
        region = merged[region]
        size = np.bincount(region, parts.voxels)
    known = (parts.voxels > 0) & ~small[region]
    grain = in_reading_order(np.where(known, region + 1, 0))
    # a part counts for the orientation where what it was before small ones joined is large enough
    before = np.bincount(alone, parts.voxels)[alone]
    largest = np.zeros(int(grain.max(initial=0)) + 1)
    np.maximum.at(largest, grain, before)
    core = known & (before >= np.minimum(largest[grain], minimum_voxels))
    contacts = parts.contacts.renamed(grain)
    inner = contacts.first > 0
    return Grouped(grain, core, Contacts(*(getattr(contacts, name)[inner] for name in _COLUMNS)))


_COLUMNS = ("first", "second", "faces", "area", "angle")
