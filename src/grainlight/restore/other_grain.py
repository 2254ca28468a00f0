"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.doubt import RAW

# Raw doubt in degrees and the share of pixels that are off by more than 5 degrees there, on synthetic sections at
# scales 2 to 8 with and without light: what `python -m grainlight.benchmark.doubt` prints for the shipped weights.
OTHER = (0.0025, 0.0025, 0.0025, 0.0039, 0.0186, 0.1249, 0.3703, 0.5566)


def other_grain(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw doubts in degrees (`restore.ensemble`)."""
    return np.interp(raw, RAW, OTHER).astype(np.float32)
