"""A small map whose truth is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


def about_x(degrees: float) -> NDArray[np.float64]:
    """Quaternion of a crystal tilted about x."""
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), np.sin(half), 0.0, 0.0])


@pytest.fixture
def two_grains() -> NDArray[np.float64]:
    """(4, 6, 4): columns 0-2 at 0 degrees, columns 3-5 tilted by 30 degrees."""
    q = np.empty((4, 6, 4))
    q[:, :3], q[:, 3:] = about_x(0.0), about_x(30.0)
    return q
