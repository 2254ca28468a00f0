"""A small synthetic section and its task, shared by the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.evaluation.degrade import Task, degrade
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
STEEL = Phase(2, "Beta", "m-3m", 3.3, 3.3, 3.3, 90.0, 90.0, 90.0)


def section_map(seed: int, size: int = 65, grain: float = 18.0, family: str = "equiaxed") -> OrientationMap:
    sections = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain * 1.1), family)
    q = sections.orientation[0].double().numpy()
    return OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (TITANIUM,))


@pytest.fixture(scope="session")
def full() -> OrientationMap:
    return section_map(6)


@pytest.fixture(scope="session")
def lit(full: OrientationMap) -> Task:
    """Every 4th point and clean light."""
    return degrade(full, scale=4, level="clean", seed=1)


@pytest.fixture(scope="session")
def dark(full: OrientationMap) -> Task:
    """Every 2nd point and no light."""
    return degrade(full, scale=2, level=None, seed=2)


@pytest.fixture(autouse=True)
def _threads() -> None:
    torch.manual_seed(0)
