"""What a format that has room for more than the vendor's columns gets: a map's fields and the layers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap

_NARROW = {
    "f2": np.float32,
    "f4": np.float32,
    "f8": np.float32,
    "f16": np.float32,
    "b1": np.uint8,
    "u1": np.uint8,
}


def layers(
    ebsd: OrientationMap, extra: Mapping[str, NDArray[Any]] | None, path: Path, leave: tuple[str, ...] = ()
) -> dict[str, NDArray[Any]]:
    """Return the fields of a map and what stands beside it, (rows, cols) each, as float32, uint8 or int32.

    Parameters
    ----------
    ebsd
        The map.
    extra
        More arrays by name; one that is called as a field is takes its place.
    path
        For messages.
    leave
        Fields that are written otherwise.

    Raises
    ------
    InputError
        For an array of another shape or without numbers.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, array in {**{k: v for k, v in ebsd.fields.items() if k not in leave}, **(extra or {})}.items():
        values = np.asarray(array)
        if values.shape != ebsd.shape or values.dtype.kind not in "biuf":
            raise InputError(
                f"the layer {name} cannot be written",
                file=path,
                found=f"{values.dtype} of shape {values.shape}",
                expected=f"numbers of shape {ebsd.shape}",
            )
        found["_".join(name.replace("/", " ").split())] = values.astype(_type(values), copy=False)
    return found


def _type(values: NDArray[Any]) -> type:
    kind = values.dtype.str[1:]
    if kind in _NARROW:
        return _NARROW[kind]
    # whole numbers beyond 32 bits lose digits in float32, which no quality field needs
    fits = not values.size or (values.min() >= -(2**31) and values.max() < 2**31)
    return np.int32 if fits else np.float32
