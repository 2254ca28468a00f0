"""A part of a map: points of enough quality, points on metal, the points of a rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import IDENTITY
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap


@dataclass(frozen=True)
class Threshold:
    """A quality ``field`` by its reader's name and its least ("min") or largest ("max") ``value`` that still counts."""

    field: str
    side: Literal["min", "max"]
    value: float


def with_quality(ebsd: OrientationMap, thresholds: Sequence[Threshold]) -> OrientationMap:
    """Return the map with the points that fail a threshold not indexed, and a note of how many they are.

    Raises
    ------
    InputError
        Where the map has no such field.
    """
    for threshold in thresholds:
        values = ebsd.fields.get(threshold.field)
        if values is None:
            raise InputError(
                f"the map has no quality field {threshold.field!r}",
                file=ebsd.path,
                found=", ".join(ebsd.fields) or "no fields",
                advice="name one of these fields, as `grainlight info` prints them",
            )
        least = threshold.side == "min"
        # a value that is not a number is not good enough
        good = values >= threshold.value if least else values <= threshold.value
        fails, total = ebsd.indexed & ~good, int(ebsd.indexed.sum())
        ebsd = ebsd.replace(
            phase_id=np.where(fails, 0, ebsd.phase_id).astype(np.int16),
            quaternions=np.where(fails[..., None], IDENTITY, ebsd.quaternions),
            notes=(
                *ebsd.notes,
                f"{int(fails.sum()):,} of {total:,} indexed points have {threshold.field} "
                f"{'below' if least else 'above'} {threshold.value:g}: taken as not indexed.",
            ),
        )
    return ebsd


def with_mask(ebsd: OrientationMap, metal: NDArray[np.bool_]) -> OrientationMap:
    """Return the map without the points that are not on metal (rows, cols), as if they had not been scanned, and a note
    of how many they are."""
    off = ebsd.present & ~metal
    if not off.any():
        return ebsd.replace(notes=(*ebsd.notes, "The mask leaves out no point."))
    share = 100 * off.sum() / ebsd.present.sum()
    return ebsd.replace(
        phase_id=np.where(metal, ebsd.phase_id, -1).astype(np.int16),
        quaternions=np.where(metal[..., None], ebsd.quaternions, IDENTITY),
        notes=(
            *ebsd.notes,
            f"{int(off.sum()):,} of {int(ebsd.present.sum()):,} points ({share:.3g} %) are masked: no metal.",
        ),
    )


def crop(ebsd: OrientationMap, box: tuple[float, float, float, float]) -> OrientationMap:
    """Return the rows and columns of a map that have points in a rectangle; its [0, 0] is the new first point.

    Parameters
    ----------
    ebsd
        The map.
    box
        (x0, y0, x1, y1) um in the file's own coordinates, x right, y down, the border included.

    Raises
    ------
    InputError
        Where the rectangle holds no point.
    """
    x, y = ebsd.x + ebsd.origin[0], ebsd.y + ebsd.origin[1]
    near = 1e-6 * min(ebsd.step)
    inside = (x >= box[0] - near) & (x <= box[2] + near) & (y >= box[1] - near) & (y <= box[3] + near)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        raise InputError(
            "no scan point lies in the rectangle",
            file=ebsd.path,
            found=f"x {box[0]:g} to {box[2]:g}, y {box[1]:g} to {box[3]:g} um",
            expected=f"a part of x {np.nanmin(x):g} to {np.nanmax(x):g}, y {np.nanmin(y):g} to {np.nanmax(y):g} um",
        )
    part = ebsd.part(slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    across, down = float(part.x[0, 0]), float(part.y[0, 0])
    return part.replace(x=part.x - across, y=part.y - down, origin=(ebsd.origin[0] + across, ebsd.origin[1] + down))
