"""From the raw uncertainty of a map to a bound in degrees that holds for nine pixels in ten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Raw uncertainty in degrees and the 90 % quantile of the error found there, on synthetic sections at scales 2 to 8 and
# with 1 % of the points: what `python -m benchmarks.doubt` prints for the shipped weights. With light and
# without it raw uncertainty is of another make. Up to 4 degrees the spread's own bound covers nine errors in ten.
RAW = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BOUND_LIT = (0.0, 0.0, 0.0, 0.0, 0.0, 2.49, 27.92, 60.76)
BOUND_UNLIT = (0.0, 0.68, 0.68, 0.68, 0.97, 59.61, 61.79, 86.72)

# 90 % quantile over root mean square of an angle. Of three normal components it is 1.44 (Maxwell); the weights of the
# projection follow an estimate that has seen the same noise, and at scale 1 with 2 and 5 degrees 1.69 to 1.79 are
# found.
OF_SPREAD = 1.7


def bound_90(raw: NDArray[np.float32], spread: NDArray[np.float32], lit: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The 90 % bound of the misorientation in degrees, at most 93.84.

    Parameters
    ----------
    raw, spread
        (H, W) `Uncertainty.raw` and `Uncertainty.spread` in degrees. The larger of their bounds counts.
    lit
        Whether light had a say in the choice.
    """
    choice = np.where(lit, np.interp(raw, RAW, BOUND_LIT), np.interp(raw, RAW, BOUND_UNLIT))
    bound = np.maximum(choice, OF_SPREAD * spread)
    return np.minimum(bound, 93.84).astype(np.float32)
