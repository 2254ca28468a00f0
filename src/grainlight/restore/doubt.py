"""From the raw doubt of an ensemble to a bound in degrees that holds for nine pixels in ten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Raw doubt in degrees and the 90 % quantile of the error found there, on synthetic sections with and without light:
# what `python -m grainlight.benchmark.doubt` prints for the shipped weights.
RAW = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BOUND = (0.57, 1.23, 2.0, 2.0, 2.0, 25.24, 49.19, 89.93)


# 90 % quantile over root mean square of an angle whose three components are normal (Maxwell).
OF_SCATTER = 1.44


def bound_90(doubt: NDArray[np.float32], scatter: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 90 % bound of the misorientation in degrees, at most 93.84.

    Parameters
    ----------
    doubt, scatter
        Root mean squares in degrees of `restore.ensemble`: of the choice between grains, before calibration, and of the
        orientation of a grain. The larger of their bounds counts.
    """
    bound = np.maximum(np.interp(doubt, RAW, BOUND), OF_SCATTER * scatter)
    return np.minimum(bound, 93.84).astype(np.float32)
