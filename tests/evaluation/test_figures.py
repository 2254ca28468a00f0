"""Figures of an answer against cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.crystal.euler import multiply
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.figures import NAMES, Figures, cell, mean, measure
from grainlight.evaluation.methods import Answer
from grainlight.evaluation.metrics import disorientation


def turned(q, degrees):
    half = np.radians(degrees) / 2
    return multiply(np.broadcast_to([np.cos(half), np.sin(half), 0.0, 0.0], q.shape), q)


def figures(**known):
    return Figures(**{name: known.get(name, float("nan")) for name in NAMES})


@pytest.fixture(scope="module")
def task(section):
    return degrade(section, scale=2, level=None, misindexed=0.05, seed=1)


def test_the_truth_is_perfect(task):
    found = measure(Answer(task.truth), task)
    assert found.edge_f1 == found.corrected == 1.0
    assert max(found.inside_measured, found.inside_unmeasured) < 1e-3
    assert found.changed == 0.0
    assert all(np.isnan(getattr(found, name)) for name in ("light_before", "light_after", "coverage", "calibration"))


def test_what_was_measured_corrects_and_changes_nothing(task):
    raw = np.where(task.measured[..., None], task.quaternions, task.truth)
    found = measure(Answer(raw), task)
    assert found.corrected < 0.05
    assert found.changed == 0.0
    # median of a Maxwell distribution whose rms is the noise
    assert found.inside_measured == pytest.approx(0.5 * 1.5382 / np.sqrt(3), rel=0.05)
    assert found.inside_unmeasured == pytest.approx(0.0, abs=1e-3)


def test_a_turn_of_three_degrees_changes_every_good_point(task):
    found = measure(Answer(turned(task.truth, 3.0)), task)
    assert found.changed > 0.95
    assert found.corrected == 1.0
    assert found.inside_unmeasured == pytest.approx(3.0, abs=1e-3)


def test_stated_bounds_and_probabilities(task):
    shape = task.measured.shape
    restored = turned(task.truth, 3.0)
    bound = np.full(shape, 2.0)
    bound[: shape[0] // 2] = 4.0
    bound[0] = np.nan  # nothing is stated there
    found = measure(Answer(restored, bound=bound, boundary=np.full(shape, 0.5)), task)
    stated = np.isfinite(bound)
    assert found.coverage == pytest.approx((bound[stated] == 4.0).mean())
    assert 0.2 < found.calibration < 0.5


def test_light_is_compared_with_clean_light(section):
    task = degrade(section, scale=4, level="corrupted", seed=1)
    found = measure(Answer(task.truth, light=task.light), task)
    assert found.light_after == found.light_before > 0.05
    assert measure(Answer(task.truth, light=task.clean_light), task).light_after == 0.0


def test_only_valid_pixels_count(task):
    restored = task.truth.copy()
    restored[:, :40] = turned(restored[:, :40], 20.0)
    valid = np.ones(task.measured.shape, dtype=bool)
    valid[:, :40] = False
    found = measure(Answer(restored), replace(task, valid=valid))
    assert found.over_5 == found.changed == 0.0
    assert disorientation(restored, task.truth).max() > 15


def test_mean_skips_what_does_not_apply():
    found = mean([figures(median=1.0), figures(median=3.0, coverage=0.9)])
    assert (found.median, found.coverage) == (2.0, 0.9)
    assert np.isnan(found.edge_f1)


def test_cells():
    assert cell(0.1234, "%") == "12.3 %"
    assert cell(float("nan"), "deg") == "-"
