"""Small sections and their misplaced light, shared by the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.misplaced import Misplaced, misplace
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.synth.draw import Draw
from grainlight.synth.misregister import Misregistration, draw_misregistration
from grainlight.synth.section import make_sections

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)


def section_map(seed: int, size: int = 97, grain: float = 14.0) -> OrientationMap:
    sections = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain * 1.1), "equiaxed")
    q = sections.orientation[0].double().numpy()
    return OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (TITANIUM,))


@pytest.fixture(scope="session")
def full() -> OrientationMap:
    return section_map(21)


@pytest.fixture(scope="session")
def moved(full: OrientationMap) -> Misplaced:
    """Turned by 90 degrees, mirrored, stretched, drifted, corrupted light; every 2nd point."""
    return misplace(full, draw_misregistration("corrupted", 5, symmetry=5), scale=2, level="corrupted", seed=3)


@pytest.fixture(scope="session")
def still(full: OrientationMap) -> Misplaced:
    """Where it is stated to be."""
    return misplace(full, Misregistration(), scale=2, level="corrupted", seed=4)
