"""A small section with its light, and what validating it found."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.evaluation.degrade import Task, degrade
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.settings import Settings
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections
from grainlight.validation.validate import Validated, validate


def section(seed: int, size: int = 101, grain: float = 14.0) -> OrientationMap:
    """An equiaxed section as a full map."""
    q = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain), "equiaxed").orientation[0].double().numpy()
    return OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (TITANIUM,))


@pytest.fixture(scope="session")
def lit() -> Task:
    """Every fourth point and clean light."""
    return degrade(section(4), scale=4, level="clean", seed=4)


@pytest.fixture(scope="session")
def validated(lit: Task) -> Validated:
    return validate(lit.coarse, lit.stack, Settings(scale=4, quality="fast", device="cpu", seed=1), folds=4)
