"""The whole analysis of a volume: grains over faces in three dimensions, and how they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.grains.segment import MINIMUM_PIXELS
from grainlight.maps.phase import Phase
from grainlight.scratch import release
from grainlight.volume.grains.labels import group
from grainlight.volume.grains.parts import Contacts, find_parts
from grainlight.volume.grains.statistics import VolumeGrains, volume_statistics
from grainlight.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class GrainVolume:
    """Grains of a volume (Z, Y, X) and how they meet.

    Parameters
    ----------
    labels
        (Z, Y, X) int32 grain ids from 1, 0 where there is none: where nothing is known, and at places of fewer than
        ``minimum_voxels`` with no neighbour of their phase. In a temporary file where it is large.
    grains
        Statistics.
    contacts
        Pairs of grains that share faces, with faces, area and disorientation (`Contacts`).
    origin
        x, y in um of the first column and row.
    known
        um3 of all voxels with an orientation.
    threshold, minimum_voxels
        As given to `find_volume_grains`.
    phases, sample_frame, crystal_frame
        Of the volume; tables write their Euler angles in these frames.
    """

    labels: NDArray[np.int32]
    grains: VolumeGrains
    contacts: Contacts
    origin: tuple[float, float]
    known: float
    threshold: float
    minimum_voxels: int
    phases: tuple[Phase, ...]
    sample_frame: SampleFrame
    crystal_frame: CrystalFrame

    @property
    def figures(self) -> dict[str, float]:
        """Figures of the volume by the names of `FIGURES`; averages are over grains that do not touch its border."""
        inner = ~self.grains.on_edge
        area = float(self.contacts.area.sum())
        return {
            "grains": float(len(self.grains)),
            "interior_grains": float(inner.sum()),
            "mean_volume": _mean(self.grains.volume[inner]),
            "mean_diameter": _mean(self.grains.diameter[inner]),
            "mean_gos": _mean(self.grains.gos[inner]),
            "mean_neighbours": _mean(self.grains.neighbours[inner].astype(np.float64)),
            "boundary_density": area / self.known if self.known > 0 else float("nan"),
        }


FIGURES = {
    "grains": "",
    "interior_grains": "",
    "mean_volume": "um3",
    "mean_diameter": "um",
    "mean_gos": "deg",
    "mean_neighbours": "",
    "boundary_density": "1/um",
}
"""Figures of a volume and their units; the order in which tables show them.

Faces of voxels overstate the area of boundaries that lie askew, of a sphere by one half.
"""


def find_volume_grains(
    volume: Volume, *, threshold: float = BOUNDARY_ANGLE, minimum_voxels: int | None = None
) -> GrainVolume:
    """Find the grains of a volume; two sections at a time are held in memory, and a label of every voxel.

    Parameters
    ----------
    volume
        Restored sections, in memory or on disk (`volume.output.load.load_volume`).
    threshold
        Degrees up to which two voxels of one phase with a common face belong to one grain.
    minimum_voxels
        Smaller grains join a neighbour of their phase; those that have none are left out. By default 5 or, where more,
        the pixels that an EBSD point stands for in its section, as the record tells it.

    Returns
    -------
    Grains with volume, diameter, mean orientation and neighbours, their contacts, and the label of every voxel.
    """
    if minimum_voxels is None:
        scale = volume.record.get("settings", {}).get("scale", 1)
        minimum_voxels = max(MINIMUM_PIXELS, int(scale) ** 2)
    parts = find_parts(volume, threshold)
    grouped = group(parts, minimum_voxels)
    grains = volume_statistics(volume, parts, grouped)
    slabs = np.array([np.count_nonzero(section) for section in parts.labels]) * volume.thickness
    # the labels of parts are no longer needed: those of grains take their place
    for section in parts.labels:
        section[:] = grouped.grain[section]
    release(parts.labels)
    return GrainVolume(
        labels=parts.labels,
        grains=grains,
        contacts=grouped.contacts,
        origin=volume.origin,
        known=float(slabs.sum() * volume.step**2),
        threshold=threshold,
        minimum_voxels=minimum_voxels,
        phases=volume.phases,
        sample_frame=volume.sample_frame,
        crystal_frame=volume.crystal_frame,
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
