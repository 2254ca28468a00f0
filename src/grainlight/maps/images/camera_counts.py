"""The bit depth of a camera behind the integers that its images are stored in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CAMERA_BITS = (8, 10, 12, 14, 16)
_MOST_SHIFT = 8


def unused_bits(data: NDArray[Any]) -> int:
    """Return how many of the lowest bits are zero in all counts: those of a camera whose counts fill the upper bits."""
    if data.dtype.kind not in "ui" or data.dtype.itemsize == 1 or not data.size:
        return 0
    together = int(np.bitwise_or.reduce(data, axis=None))
    return _even(together) if together > 0 else _MOST_SHIFT


def _even(number: int) -> int:
    """Return the number of zeros at the end of a number, an even one up to 8: cameras have 8, 10, 12, 14 bits."""
    zeros = (number & -number).bit_length() - 1 if number > 0 else 0
    return min(zeros - zeros % 2, _MOST_SHIFT)


def saturation(brightest: float, dtype: np.dtype[Any], unused: int = 0) -> float | None:
    """Return a camera's highest count: the full scale of a bit depth that its images reach, else of their type.

    Parameters
    ----------
    brightest
        The highest count of the images.
    dtype
        Their type; luminance of integers is a float.
    unused
        How many of the lowest bits are zero in all of them.
    """
    if dtype.kind == "f":
        if not 0 < brightest < 2**16 or brightest % 1:
            return None
        unused = _even(int(brightest)) if brightest > 2**8 else 0
    top = int(brightest) >> unused
    if brightest > 0 and top in [2**bits - 1 for bits in CAMERA_BITS]:
        return float(brightest)
    return float(int(np.iinfo(dtype).max) >> unused << unused) if dtype.kind in "ui" else None


def full_scale(brightest: float, unused: int = 0) -> int:
    """Return the full scale of the least bit depth, of 16 at most, that holds a count, see `saturation`."""
    top = int(brightest) >> unused
    return next((2**bits - 1 for bits in CAMERA_BITS if top < 2**bits), top) << unused
