"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.uncertainty.bound import RAW

# Raw uncertainty in degrees and the share of pixels that are off by more than 5 degrees there, on synthetic sections at
# scales 2 to 8 and with 1 % of the points: what `python -m benchmarks.doubt` prints for the shipped weights.
OTHER_LIT = (0.0025, 0.0132, 0.0132, 0.0132, 0.0132, 0.0865, 0.2784, 0.6447)
OTHER_UNLIT = (0.012, 0.0181, 0.0181, 0.0186, 0.0557, 0.2306, 0.5679, 0.7613)


def misassignment_probability(raw: NDArray[np.float32], lit: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw uncertainty in degrees.

    ``lit`` says where light had a say in the choice between grains.
    """
    return np.where(lit, np.interp(raw, RAW, OTHER_LIT), np.interp(raw, RAW, OTHER_UNLIT)).astype(np.float32)
