"""With light a wide hole is restored where there is metal in it, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

import grainlight as gl
from grainlight.evaluation.degrade import degrade
from grainlight.restore.result import MEASURED, NOT_RESTORED

from .conftest import section_map

HOLE = np.hypot(*(np.indices((97, 97)) - np.array([50, 44])[:, None, None])) < 18


@pytest.fixture(scope="module", params=[(22, "clean"), (22, "corrupted"), (23, "corrupted"), (23, "severe")])
def tasks(request: pytest.FixtureRequest):
    """Every second point of a section with nothing in the hole, the light of metal in it, and that of resin."""
    seed, level = request.param
    full = section_map(seed, 97, 24.0)
    metal = degrade(full, scale=2, level=level, seed=3)
    phase = np.where(HOLE, 0, full.phase_id).astype(np.int16)
    resin = degrade(full.replace(phase_id=phase), scale=2, level=level, seed=3)
    coarse = metal.coarse.replace(phase_id=phase[::2, ::2])
    assert metal.stack is not None
    assert resin.stack is not None
    return coarse, metal.stack, resin.stack


def restored(coarse, stack, **more) -> np.ndarray:
    return gl.enhance(coarse, stack, scale=2, quality="fast", register="none", noise=0.5, **more).source


def test_metal_in_a_hole_is_restored_and_resin_is_not(tasks) -> None:
    coarse, metal, resin = tasks
    assert (restored(coarse, metal)[HOLE] != NOT_RESTORED).mean() > 0.95
    source = restored(coarse, resin)
    assert (source[HOLE] == NOT_RESTORED).mean() > 0.97
    assert (source[~HOLE] != NOT_RESTORED).mean() > 0.98


def test_a_mask_is_obeyed_with_light_too(tasks, tmp_path) -> None:
    coarse, metal, _ = tasks
    source = restored(coarse, metal, mask=~HOLE)
    assert (source[HOLE] == NOT_RESTORED).all()
    assert (source[~HOLE] != NOT_RESTORED).all()
    part = ~HOLE[::2, ::2]
    source = restored(coarse.replace(phase_id=np.ones_like(coarse.phase_id)), metal, mask=part)
    assert (source[::2, ::2][~part] == NOT_RESTORED).all()
    assert (source[::2, ::2][part] == MEASURED).mean() > 0.95
