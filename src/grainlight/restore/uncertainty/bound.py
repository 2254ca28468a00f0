"""From the raw uncertainty of a map to a bound in degrees that holds for nine pixels in ten."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.constants import constants
from grainlight.maps.phase import LARGEST_DISORIENTATION

LARGEST = LARGEST_DISORIENTATION


def bound_90(
    raw: NDArray[np.float32], orientation: NDArray[np.float32], lit: NDArray[np.bool_], unfitted: Collection[str] = ()
) -> NDArray[np.float32]:
    """The 90 % bound of the misorientation in degrees, at most 93.84; NaN where no table was fitted for the weights.

    Parameters
    ----------
    raw, orientation
        (H, W) `Uncertainty.raw` and `Uncertainty.orientation` in degrees. The larger of their bounds counts.
    lit
        Whether light had a say in the choice.
    unfitted
        Tables that were fitted for other weights (`Constants.unfitted`).
    """
    choice = looked_up("bound", raw, lit, unfitted)
    bound = np.maximum(choice, orientation)
    return np.minimum(bound, LARGEST).astype(np.float32)


def looked_up(
    column: Literal["bound", "other_grain"],
    raw: NDArray[np.float32],
    lit: NDArray[np.bool_],
    unfitted: Collection[str] = (),
) -> NDArray[np.float64]:
    """A column of the tables of raw uncertainty (H, W), interpolated: with light and without it raw uncertainty is of
    another make and has a table of its own. NaN where that table is ``unfitted``."""
    found = {}
    for name in ("uncertainty_lit", "uncertainty_unlit"):
        table = getattr(constants(), name)
        known = np.interp(raw, table.raw, getattr(table, column))
        found[name] = np.full_like(known, np.nan) if name in unfitted else known
    return np.where(lit, found["uncertainty_lit"], found["uncertainty_unlit"])
