"""Small maps whose truth is known by hand, and one synthetic section."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

TITANIUM = Phase(1, "Titanium", "6/mmm")


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


@pytest.fixture(scope="session")
def section() -> OrientationMap:
    """97 x 97 equiaxed grains some 14 pixels wide."""
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    q = make_sections(Draw.seeded(5), 1, (97, 97), (12.0, 16.0), "equiaxed").orientation[0].double().numpy()
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,))
