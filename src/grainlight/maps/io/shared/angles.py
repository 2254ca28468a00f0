"""The Euler angles of a whole map for formats that hold them as one array, made a few rows at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.strips import strips


def bunge_angles(
    ebsd: OrientationMap,
    sample_frame: SampleFrame,
    crystal_frame: CrystalFrame,
    *,
    degrees: bool = False,
    not_indexed: float = 0.0,
) -> NDArray[np.float32]:
    """Return the Bunge angles (rows, cols, 3) of a map in radians or degrees, in frames of choice."""
    found = np.empty((*ebsd.shape, 3), np.float32)
    for rows in strips(ebsd.shape):
        part = ebsd.rows(rows).in_frame(sample_frame).in_crystal_frame(crystal_frame)
        angles = bunge_from_quaternion(part.quaternions)
        found[rows] = np.degrees(angles) if degrees else angles
        found[rows][~part.indexed] = not_indexed
    return found
