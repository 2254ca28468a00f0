"""The probability that a pixel belongs to another grain than the restored map says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.restore.doubt import RAW

# Raw doubt in degrees and the share of pixels that are off by more than 5 degrees there, on synthetic sections at
# scales 2 to 8 with and without light: what `python -m grainlight.benchmark.doubt` prints for the shipped weights.
OTHER = (0.002, 0.002, 0.002, 0.0055, 0.0237, 0.1205, 0.3737, 0.5061)


def other_grain(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of an error of more than 5 degrees for raw doubts in degrees (`restore.ensemble`)."""
    return np.interp(raw, RAW, OTHER).astype(np.float32)
