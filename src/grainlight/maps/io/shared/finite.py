"""What to do with NaN and infinity in columns of points, the same for every binary format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.phase import LARGEST_DISORIENTATION

_NOT_KNOWN = {"uncertainty": LARGEST_DISORIENTATION}


def finite_fields(fields: dict[str, NDArray[Any]], notes: list[str]) -> dict[str, NDArray[Any]]:
    """Return fields with 0 in place of NaN and infinity, a bound with the largest angle; a note for each concerned."""
    result = {}
    for name, array in fields.items():
        if array.dtype.kind == "f":
            bad = ~np.isfinite(array)
            if bad.any():
                value = _NOT_KNOWN.get(name, 0.0)
                notes.append(f"Values that are not finite in {name} were set to {value:g}.")
                array = np.where(bad, value, array).astype(array.dtype)
        result[name] = array
    return result


def finite_angles(
    euler: NDArray[np.floating], phase: NDArray[np.int16], notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Return angles (n, 3) as float64 without NaN or infinity, and phases with 0 where an angle was not finite."""
    angles = np.asarray(euler, dtype=np.float64)
    bad = ~np.isfinite(angles).all(axis=1)
    if not bad.any():
        return angles, phase
    spoilt = int(np.count_nonzero(bad & (phase > 0)))
    if spoilt:
        notes.append(f"{spoilt:,} points have a phase but angles that are not finite: taken as not indexed.")
    return np.where(np.expand_dims(bad, 1), 0.0, angles), np.where(bad, 0, phase).astype(np.int16)
