"""What vendors do: every pixel takes the nearest measured orientation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.errors import InputError


def nearest(quaternions: NDArray[np.float64], measured: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill a map with the nearest measured orientations.

    Parameters
    ----------
    quaternions
        (H, W, 4), of which only the measured ones count.
    measured
        (H, W) bool.

    Returns
    -------
    (H, W, 4); measured pixels as they were.

    Raises
    ------
    InputError
        If nothing was measured.
    """
    if not measured.any():
        raise InputError("there is no measured orientation to fill the map from")
    rows, cols = distance_transform_edt(~measured, return_distances=False, return_indices=True)
    return quaternions[rows, cols]
