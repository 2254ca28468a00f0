"""Check the extra columns that a writer is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.strips import strips


def extra_columns(
    extra: Mapping[str, NDArray[Any]] | None, shape: tuple[int, int], path: Path
) -> dict[str, NDArray[Any]]:
    """Return extra columns by a name without blanks or commas.

    Raises
    ------
    InputError
        For an array of another shape or with NaN or infinity in it.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name, array in (extra or {}).items():
        values = np.asarray(array)
        if values.dtype.kind not in "biuf":
            values = values.astype(np.float64)
        if values.shape != shape or not _all_finite(values):
            raise InputError(
                f"the extra column {name} cannot be written",
                file=path,
                found=f"an array of shape {values.shape}" + ("" if values.shape != shape else " with NaN or infinity"),
                expected=f"finite numbers of shape {shape}",
            )
        columns["_".join(name.replace(",", " ").split())] = values
    return columns


def _all_finite(values: NDArray[Any]) -> bool:
    return values.dtype.kind != "f" or all(bool(np.isfinite(values[rows]).all()) for rows in strips(values.shape))
