"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.doubt import RAW

# Raw doubt in degrees and the share of pixels that are off by more than 5 degrees there, on synthetic sections at scale
# 4 with corrupted light: what `python -m grainlight.benchmark.grains --calibrate` prints for the shipped weights.
OTHER = (0.004, 0.013, 0.05, 0.076, 0.11, 0.164, 0.253, 0.476)


def other_grain(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw doubts in degrees (`restore.ensemble`)."""
    return np.interp(raw, RAW, OTHER).astype(np.float32)
