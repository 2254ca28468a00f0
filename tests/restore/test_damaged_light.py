"""Whatever is wrong with the images, the map is no worse than it must be, and the user is told."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.damage import bar, standing_alone
from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.evaluation.metrics import Scores, disorientation, score
from grainlight.optics.calibration.canonical import DIM, NOT_USED, OUTSIDE
from grainlight.restore.enhance import enhance
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings
from tests.restore.conftest import section_map

pytestmark = pytest.mark.slow
UNUSED = NOT_USED | DIM | OUTSIDE
# Kind, strength, and a part of what the user is told.
REGIONS = (
    ("dark", 2, "contradicts what EBSD measured"),
    ("bright", 2, "contradicts what EBSD measured"),
    ("moved tile", 2, "was moved back"),
    ("lower black", 2, "margins, which show nothing"),
    ("border", 2, "margins, which show nothing"),
)
IMAGES = (
    ("black image", 2, "4 of 18 light images"),
    ("black image", 3, "10 of 18 light images"),
    ("corners", 2, "margins, which show nothing"),
    ("moved image", 2, "1 of 18 images"),
    ("inverted", 3, None),
)


@cache
def restored(level: Level | None, kind: str = "", strength: int = 2) -> tuple[Task, Result, Scores]:
    damage = Damage(kind, strength, 2) if kind else None
    task = degrade(section_map(11, 97, 15.0), scale=4, level=level, seed=3, damage=damage)
    result = enhance(task.coarse, task.stack, Settings(scale=4))
    return task, result, score(result.map.quaternions, task.truth, task.measured, task.valid)


@pytest.mark.parametrize(("kind", "strength", "told"), REGIONS)
def test_a_region_costs_no_more_than_its_light(kind: str, strength: int, told: str) -> None:
    task, result, found = restored("clean", kind, strength)
    undamaged, unlit = restored("clean")[2], restored(None)[2]
    assert task.damaged is not None
    limit = bar(100 * undamaged.near_over_5, 100 * unlit.near_over_5, float(task.damaged.mean()))
    assert 100 * found.near_over_5 <= limit
    assert found.edge_f1 > unlit.edge_f1
    assert any(told in sentence for sentence in result.record["warnings"])


# A tile that was moved back is no lost light.
@pytest.mark.parametrize(("kind", "strength", "told"), [its for its in REGIONS if its[0] != "moved tile"])
def test_a_region_is_flagged_and_its_bound_holds(kind: str, strength: int, told: str) -> None:
    task, result, _ = restored("clean", kind, strength)
    assert result.light_flags is not None
    assert task.damaged is not None
    assert ((result.light_flags & UNUSED) > 0)[task.damaged].mean() > 0.8
    there = task.damaged & ~task.measured
    error = disorientation(result.map.quaternions, task.truth)
    assert (error <= result.uncertainty)[there].mean() > 0.85


@pytest.mark.parametrize(("kind", "strength", "told"), IMAGES)
def test_wrong_images_cost_next_to_nothing(kind: str, strength: int, told: str | None) -> None:
    task, result, found = restored("clean", kind, strength)
    undamaged, unlit = restored("clean")[2], restored(None)[2]
    assert task.damaged is not None
    # Of the field that is left by fewer than five images nothing is known.
    limit = bar(100 * undamaged.near_over_5, 100 * unlit.near_over_5, float(task.damaged.mean()))
    assert 100 * found.near_over_5 <= limit
    assert told is None or any(told in sentence for sentence in result.record["warnings"])


@pytest.mark.parametrize(("kind", "strength", "told"), REGIONS)
def test_no_measured_point_stands_alone_for_it(kind: str, strength: int, told: str) -> None:
    task, result, _ = restored("clean", kind, strength)
    before = standing_alone(restored(None)[1].map.quaternions, task.measured)
    assert standing_alone(result.map.quaternions, task.measured) <= before + 0.01


def test_a_stack_of_zeros_is_no_light() -> None:
    _, result, _ = restored("clean", "zeros")
    assert (result.map.quaternions == restored(None)[1].map.quaternions).all()
    assert any("every pixel of every light image is 0" in sentence for sentence in result.record["warnings"])


@pytest.mark.parametrize("level", ["clean", "corrupted"])
def test_undamaged_light_is_used(level: Level) -> None:
    _, result, _ = restored(level)
    assert result.light_flags is not None
    assert ((result.light_flags & UNUSED) > 0).mean() < 0.03
    assert not np.isnan(result.uncertainty).any()
