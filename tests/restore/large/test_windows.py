"""Windows of large maps: they cover the map once, and their seams do not show."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import grainlight.restore.inputs as module
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.reference_map import validation_section
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.progress import Progress
from grainlight.restore.enhance import enhance
from grainlight.restore.large.stitching import Stitcher
from grainlight.restore.large.windows import windows
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 500), st.integers(1, 500), st.integers(48, 300), st.integers(0, 96))
def test_every_pixel_is_kept_once(rows: int, columns: int, side: int, halo: int) -> None:
    count = np.zeros((rows, columns), dtype=int)
    for window in windows(rows, columns, side, halo, at_once=1):
        count[window.inner] += 1
        seen = np.zeros((rows, columns), dtype=bool)
        seen[window.outer] = True
        assert seen[window.inner].all()
        inside = np.arange(rows * columns).reshape(rows, columns)
        assert (inside[window.outer][window.kept] == inside[window.inner]).all()
    assert (count == 1).all()


def test_a_small_map_is_one_window() -> None:
    assert len(windows(1001, 1001)) == 1
    assert len(windows(4001, 4001)) > 16


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no way to take room on this system's disks")
def test_the_result_of_a_map_of_several_windows_is_not_in_memory() -> None:
    rows, columns = 1100, 1100
    window = next(iter(windows(rows, columns, 48, 0)))
    size = window.kept[0].stop, window.kept[1].stop
    q = np.broadcast_to(np.array([1.0, 0.0, 0.0, 0.0]), (*size, 4))
    single, light = np.ones(size, np.float32), np.ones((5, *size), np.float32)
    found = OrientationMap.from_quaternions(q, (1.0, 1.0), (Phase(1, "Ti", "6/mmm"),), fields={"mad": single})
    known, source = np.ones(size, bool), np.ones(size, np.uint8)
    part = Result(found, single, single, source, light, known, q.reshape(-1, 4), single, {})
    stitcher = Stitcher(rows, columns)
    stitcher.put(part, window)
    held = sum(array.nbytes for array in stitcher.arrays.values() if array.base is None)
    assert held <= 4 * rows * columns  # phase, source and where it was measured
    copy = pickle.loads(pickle.dumps(stitcher.result(part, q.reshape(-1, 4), (0.0, 0.0), {})))
    assert (copy.light[:, *window.inner] == 1).all()
    np.testing.assert_array_equal(copy.map.quaternions[window.inner], q)


@pytest.mark.parametrize("level", ["corrupted", None])
def test_windows_give_what_the_whole_gives(level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    full = validation_section("equiaxed", 1, 193, first=6_000_000).full
    task = degrade(full, scale=2, level=level, seed=4)  # type: ignore[arg-type]
    chosen = Settings(scale=2, quality="fast", register="none")
    whole = enhance(task.coarse, task.stack, chosen)
    monkeypatch.setattr(module, "windows", lambda rows, columns: windows(rows, columns, 96, 48, at_once=1))
    stages: list[str] = []
    parts = enhance(task.coarse, task.stack, chosen, _Told(stages))
    assert stages.count("restoring, window by window") == 1
    assert parts.map.shape == whole.map.shape
    assert parts.map.origin == whole.map.origin
    np.testing.assert_array_equal(parts.map.x, whole.map.x)
    np.testing.assert_array_equal(parts.measured, whole.measured)
    np.testing.assert_array_equal(parts.measured_quaternions, whole.measured_quaternions)
    assert set(parts.map.fields) == set(whole.map.fields)
    assert parts.record["misindexed_points"] == whole.record["misindexed_points"]
    q = (torch.from_numpy(of.map.quaternions) for of in (whole, parts))
    other = np.rad2deg(disorientation_angle(*q).numpy()) > 5
    seam = np.zeros_like(other)
    seam[94:98] = seam[:, 94:98] = True
    # Constants of the light and of boundaries are fitted window by window: a few pixels fall the other way.
    assert other.mean() < 0.01
    assert other[seam].mean() < 0.02
    known = whole.source > 0
    assert (parts.source > 0)[known].all()


@pytest.mark.parametrize("level", ["mild", None])
def test_a_window_may_hold_no_measured_point(level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    full = validation_section("equiaxed", 1, 97, first=6_000_000).full
    task = degrade(full, scale=2, level=level, seed=4)  # type: ignore[arg-type]
    phase = task.coarse.phase_id.copy()
    phase[8:], phase[:, 8:] = 0, 0
    monkeypatch.setattr(module, "windows", lambda rows, columns: windows(rows, columns, 48, 0, at_once=1))
    result = enhance(task.coarse.replace(phase_id=phase), task.stack, Settings(scale=2, register="none", visits=2))
    assert np.isfinite(result.map.quaternions).all()
    # Without light nothing is said of what lies far from all points; with light, that nobody knows which grain it is,
    # or nothing where it is that of no grain which was measured.
    far = result.uncertainty[60:, 60:]
    assert np.isnan(far).all() if level is None else (np.isnan(far) | (far > 10)).all()


class _Told(Progress):
    def __init__(self, stages: list[str]) -> None:
        self.stages = stages

    def begin(self, stage: str, total: int) -> None:
        self.stages.append(stage)

    def advance(self, units: int = 1) -> None:
        pass
