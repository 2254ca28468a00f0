"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.doubt import RAW

# Raw doubt in degrees and the share of pixels that are off by more than 5 degrees there, on synthetic sections at
# scales 2 to 8: what `python -m grainlight.benchmark.doubt` prints for the shipped weights.
OTHER_LIT = (0.0014, 0.0014, 0.0042, 0.0068, 0.0068, 0.0599, 0.1715, 0.5556)
OTHER_UNLIT = (0.0062, 0.0062, 0.0062, 0.0095, 0.0447, 0.2307, 0.5707, 0.7663)


def other_grain(raw: NDArray[np.float32], lit: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw doubts in degrees (`restore.ensemble`).

    ``lit`` says where light had a say in the choice between grains.
    """
    return np.where(lit, np.interp(raw, RAW, OTHER_LIT), np.interp(raw, RAW, OTHER_UNLIT)).astype(np.float32)
