"""A small restoration made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.result import INFERRED, MEASURED, Result

PHASES = (Phase(1, "Titanium", "6/mmm"), Phase(2, "beta", "m-3m"))


def grains(shape: tuple[int, int], step: float) -> OrientationMap:
    """Two grains: c along Z in the left half, c along -X or so in the right."""
    q = np.empty((*shape, 4))
    q[:, : shape[1] // 2] = [1.0, 0.0, 0.0, 0.0]
    q[:, shape[1] // 2 :] = [np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    return OrientationMap.from_quaternions(q, (step, step), PHASES)


@pytest.fixture
def restoration() -> tuple[OrientationMap, Result, OrientationMap]:
    """Coarse map 7 x 10, its restoration 25 x 37 with a corner not restored, and the truth."""
    full = grains((25, 37), 0.5)
    coarse = full.every(4)
    measured = np.zeros(full.shape, dtype=bool)
    measured[::4, ::4] = True
    source = np.where(measured, MEASURED, INFERRED).astype(np.uint8)
    source[:3, :5] = 0
    rng = np.random.default_rng(0)
    result = Result(
        map=full,
        uncertainty=rng.uniform(0.3, 30.0, full.shape).astype(np.float32),
        boundary=rng.uniform(0.0, 1.0, full.shape).astype(np.float32),
        source=source,
        light=np.zeros((5, *full.shape), dtype=np.float32),
        measured=measured,
        measured_quaternions=full.quaternions,
        correction=np.zeros(full.shape, dtype=np.float32),
        record={},
    )
    return coarse, result, full
