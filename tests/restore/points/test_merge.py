"""Several scans of one field."""

from __future__ import annotations

import numpy as np
import pytest

import grainlight as gl
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task, degrade
from grainlight.evaluation.metrics import disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.merge import merge

from ..conftest import STEEL, section_map


@pytest.fixture(scope="module")
def coarse() -> Task:
    return degrade(section_map(6, 97), scale=4, level=None, seed=2)


@pytest.fixture(scope="module")
def fine() -> OrientationMap:
    return degrade(section_map(6, 97), scale=1, level=None, seed=5).coarse


def box(fine: OrientationMap, rows: slice, columns: slice, off: float = 0.0) -> OrientationMap:
    """A part of a map as a file of its own, displaced by so many steps."""
    part = fine.part(rows, columns)
    step = fine.step[0]
    origin = (columns.start + off) * step, (rows.start - off) * step
    return part.replace(x=part.x - part.x[0, 0], y=part.y - part.y[0, 0], origin=origin)


def test_points_go_to_their_pixels_and_the_newest_counts(coarse: Task, fine: OrientationMap) -> None:
    older, newer = box(fine, slice(10, 40), slice(20, 60)), box(fine, slice(30, 50), slice(20, 60))
    found = merge(coarse.coarse, [older, newer], 4, 0.5)
    assert found.ebsd.shape == (97, 97)
    assert found.ebsd.step == (0.5, 0.5)
    there = np.zeros((97, 97), bool)
    there[::4, ::4] = there[10:50, 20:60] = True
    assert (found.ebsd.indexed == there).all()
    assert found.ebsd.quaternions[10:50, 20:60] == pytest.approx(fine.quaternions[10:50, 20:60])
    assert [one["points"] for one in found.used] == [20 * 40, 20 * 40]
    assert found.used[0]["replaced"] == 10 * 40
    assert "replaced by newer" in found.told[0]


def test_frames_and_phases_are_those_of_the_first(coarse: Task, fine: OrientationMap) -> None:
    part = box(fine, slice(10, 40), slice(20, 60))
    phase_id = part.phase_id.copy()
    phase_id[:5] = 7
    titanium = part.phases[0]
    other = part.replace(phases=(titanium, type(titanium)(**{**STEEL.__dict__, "id": 7})), phase_id=phase_id)
    other = other.in_frame(SampleFrame.EDAX2).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
    found = merge(coarse.coarse, [other], 4, 0.5)
    assert found.ebsd.sample_frame is coarse.coarse.sample_frame
    assert found.ebsd.quaternions[15:40, 20:60] == pytest.approx(fine.quaternions[15:40, 20:60], abs=1e-6)
    assert [phase.name for phase in found.ebsd.phases] == [titanium.name, STEEL.name]
    assert (found.ebsd.phase_id[10:15, 20:60] == found.ebsd.phases[1].id).all()


def test_points_outside_are_left_out_and_said(coarse: Task, fine: OrientationMap) -> None:
    part = box(fine, slice(10, 40), slice(20, 60)).replace(origin=(-2.0, 5.0))
    found = merge(coarse.coarse, [part], 4, 0.5)
    assert found.used[0]["outside"] == 30 * 4
    assert "outside the field" in found.told[0]
    with pytest.raises(InputError, match="no point in the field"):
        merge(coarse.coarse, [part.replace(origin=(500.0, 0.0))], 4, 0.5)


def test_a_finer_box_is_merged_without_a_seam(coarse: Task, fine: OrientationMap) -> None:
    part = box(fine, slice(30, 70), slice(24, 80), 0.4)
    alone = gl.enhance(coarse.coarse, scale=4, quality="fast", device="cpu")
    both = gl.enhance(coarse.coarse, scale=4, quality="fast", device="cpu", also=[part])
    assert both.map.shape == alone.map.shape
    assert both.map.origin == alone.map.origin
    assert both.record["settings"]["scale"] == 4
    assert both.record["also"] == [{"file": None, "outside": 0, "points": 40 * 56, "replaced": 0}]
    inside = np.zeros(both.map.shape, bool)
    inside[30:70, 24:80] = True
    rim = np.zeros_like(inside)
    rim[28:72, 22:82] = True
    rim[32:68, 26:78] = False
    before, after = (disorientation(one.map.quaternions, coarse.truth) > 5 for one in (alone, both))
    # displaced by 0.4 steps and measured everywhere: a pixel at a boundary may be its neighbour's
    assert after[inside].mean() < 0.35 * before[inside].mean()
    assert after[rim].mean() <= before[rim].mean()
    assert after[~inside].mean() < 1.1 * before[~inside].mean()
    # no more boundary along the rim than the truth has there
    true = disorientation(coarse.truth[:, :-1], coarse.truth[:, 1:]) > 5
    made = disorientation(both.map.quaternions[:, :-1], both.map.quaternions[:, 1:]) > 5
    assert made[30:70, [23, 79]].mean() < true[30:70, [23, 79]].mean() + 0.1


def test_points_here_and_there_are_used_too(coarse: Task, fine: OrientationMap) -> None:
    """As a stage that was sent to a list of places leaves them: few points, most places of their grid empty."""
    some = np.random.default_rng(1).random(fine.shape) < 0.06
    points = fine.replace(phase_id=np.where(some, fine.phase_id, -1).astype(np.int16))
    alone = gl.enhance(coarse.coarse, scale=4, quality="fast", device="cpu")
    both = gl.enhance(coarse.coarse, scale=4, quality="fast", device="cpu", also=[points])
    assert both.measured.sum() == (some | coarse.measured).sum()
    before, after = (float((disorientation(one.map.quaternions, coarse.truth) > 5).mean()) for one in (alone, both))
    assert after < 0.8 * before


def test_light_is_placed_by_the_first_map() -> None:
    """Points here and there tell less of its place than the grid of the first map, which alone is asked."""
    full = section_map(6, 97)
    task = degrade(full, scale=4, level="clean", seed=2)
    every = degrade(full, scale=1, level=None, seed=5).coarse
    some = np.zeros(every.shape, bool)
    some[20:23, 30:34] = True
    points = every.replace(phase_id=np.where(some, every.phase_id, -1).astype(np.int16))
    alone, both = (
        gl.enhance(task.coarse, task.stack, scale=4, quality="fast", device="cpu", also=also) for also in ((), [points])
    )
    assert both.record["registration"] == alone.record["registration"]
    assert both.record["light_refused"] is None
    assert "light" in both.record
