"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.uncertainty.bound import looked_up


def misassignment_probability(
    raw: NDArray[np.float32], lit: NDArray[np.bool_], unfitted: Collection[str] = ()
) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw uncertainty in degrees.

    ``lit`` says where light had a say in the choice between grains, ``unfitted`` which tables were fitted for other
    weights (`Constants.unfitted`): there it is NaN.
    """
    return looked_up("other_grain", raw, lit, unfitted).astype(np.float32)
