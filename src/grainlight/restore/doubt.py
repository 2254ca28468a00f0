"""From the raw doubt of an ensemble to a bound in degrees that holds for nine pixels in ten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Raw doubt in degrees and the 90 % quantile of the error found there, on synthetic sections with and without light:
# what `python -m grainlight.benchmark.doubt` prints for the shipped weights.
RAW = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BOUND = (0.3, 0.77, 0.78, 0.78, 1.53, 12.13, 44.94, 84.26)


def bound_90(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 90 % bound of the misorientation in degrees for raw doubts in degrees, monotonic, at most 93.84."""
    return np.minimum(np.interp(raw, RAW, BOUND), 93.84).astype(np.float32)
