"""The doubt of a restored map: how likely each pixel belongs to another grain than it shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.restore.result import NOT_RESTORED, Result


def doubt_of(result: Result) -> NDArray[np.float64]:
    """Return the probability (H, W) of another grain, 0 where nothing was restored.

    Without one, for weights that none was fitted for, the probability of a boundary stands in its place: where a map
    is wrong is still where its boundaries are.

    Raises
    ------
    InputError
        Where there is no doubt at all.
    """
    known = result.other_grain.shape == result.source.shape and np.isfinite(result.other_grain).any()
    stated = np.nan_to_num((result.other_grain if known else result.boundary).astype(np.float64))
    doubt = np.where(result.source == NOT_RESTORED, 0.0, stated)
    if not (doubt > 0).any():
        raise InputError(
            "the map has no doubt that further points could lift",
            found="a probability of another grain of 0 everywhere",
            expected="the .npz of a restoration at a scale of 2 or more",
        )
    return doubt


def spacing_of(measured: NDArray[np.bool_], restored: NDArray[np.bool_]) -> float:
    """Return the distance in pixels between neighbouring measured points, as if they were spread evenly."""
    return float(np.sqrt(max(restored.sum(), 1) / max((measured & restored).sum(), 1)))
