"""Small maps whose grains are known."""

from __future__ import annotations

import numpy as np
import pytest
from painted import painted, turned

from grainlight.maps.orientation_map import OrientationMap


@pytest.fixture
def quarters() -> OrientationMap:
    """Four grains of 6 x 8 pixels, 10 degrees apart from left to right and 20 from top to bottom."""
    labels = np.zeros((12, 16), int)
    labels[:, 8:] += 1
    labels[6:] += 2
    return painted(labels, turned(0, 10, 20, 30))
