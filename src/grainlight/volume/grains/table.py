"""Grains of a volume, and how they meet, as comma-separated text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.symmetry import disorientation
from grainlight.grains.table import cells, csv_text, orientation_columns
from grainlight.volume.grains.grain_volume import FIGURES, GrainVolume

_UNITS = {"x": "um", "y": "um", "z": "um", "volume": "um3", "diameter": "um", "gos": "deg", "uncertainty": "deg"}
_PLACES = ("x", "y", "z")
_COLUMNS = (
    *("id", "phase", "voxels", "on_edge", *_PLACES),
    *("volume", "diameter", "gos", "uncertainty", "neighbours"),
)


def volume_grain_table(found: GrainVolume) -> str:
    """Return a line per grain: `VolumeGrains` with units in the titles, Bunge angles in degrees and their frames.

    Centroids are in the coordinates of the input. Euler angles are in the frames of the volume, as in the table of a
    section (`grains.table.grain_table`).
    """
    grains = found.grains
    start = {"x": found.origin[0], "y": found.origin[1], "z": 0.0}
    columns: dict[str, list[str]] = {}
    for name in _COLUMNS:
        title = f"{name}_{_UNITS[name]}" if name in _UNITS else name
        values = getattr(grains, name)
        columns[title] = cells(values + start[name], ".10g") if name in start else cells(values)
    columns |= orientation_columns(
        grains.orientation, grains.phase, found.phases, found.sample_frame, found.crystal_frame
    )
    return csv_text([list(columns), *zip(*columns.values(), strict=True)])


def contact_table(found: GrainVolume) -> str:
    """Return a line per pair of grains that share faces.

    ``faces`` of voxels and their area; ``across_deg`` is the mean disorientation across them, by area, ``means_deg``
    that of the mean orientations of the two grains; both empty between two phases.
    """
    met = found.contacts
    with np.errstate(invalid="ignore"):
        across = np.where(np.isfinite(met.angle), met.angle / met.area, np.nan)
    columns = {
        "grain_1": cells(met.first),
        "grain_2": cells(met.second),
        "faces": cells(met.faces.astype(np.int64)),
        "area_um2": cells(met.area),
        "across_deg": cells(across),
        "means_deg": cells(_between_means(found)),
    }
    return csv_text([list(columns), *zip(*columns.values(), strict=True)])


def volume_figure_table(found: GrainVolume) -> str:
    """Return a line per figure of the volume: name, unit and value."""
    lines = [[name, FIGURES[name], *cells(np.array([value]))] for name, value in found.figures.items()]
    return csv_text([["figure", "unit", "value"], *lines])


def _between_means(found: GrainVolume) -> NDArray[np.float64]:
    grains, groups = found.grains, {phase.id: phase.laue_group for phase in found.phases}
    one, two = found.contacts.first - 1, found.contacts.second - 1
    angle = np.full(len(one), np.nan)
    for number in np.unique(grains.phase):
        at = (grains.phase[one] == number) & (grains.phase[two] == number)
        q = grains.orientation
        angle[at] = disorientation(q[one[at]], q[two[at]], groups.get(int(number), ""))
    return angle
