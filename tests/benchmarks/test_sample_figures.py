"""Figures of sections that were drawn: on patterns whose chords, angles and ranks are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sample_ranks import Ranked
from benchmarks.sample_ranks import figures_of as counted
from benchmarks.samples import figures_of
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM


def of_labels(labels: np.ndarray) -> OrientationMap:
    """A map whose grains are turned about X by 20 degrees more from label to label."""
    half = np.deg2rad(20.0 * labels) / 2
    q = np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], -1)
    return OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,))


def test_chords_of_stripes_are_their_width() -> None:
    section = of_labels(np.arange(42)[None].repeat(30, 0) // 7 % 3)
    found = figures_of(section)
    assert set(found.chords) == {7.0}
    assert found.boundary == pytest.approx(5 * 30 / (30 * 41 + 29 * 42))
    assert len(found.angles) == 0
    assert counted(section).tolist() == [6, 5 * 30]


def test_three_sectors_meet_at_the_angles_they_have() -> None:
    y, x = np.mgrid[-20:21, -20:21]
    turn = np.degrees(np.arctan2(y + 0.3, x + 0.2)) % 360
    found = figures_of(of_labels(np.digitize(turn, (90.0, 210.0)))).angles
    assert len(found) == 3
    assert found.sum() == pytest.approx(360)
    assert np.sort(found) == pytest.approx([90, 120, 150], abs=12)


def test_the_rank_of_a_truth_is_the_number_of_samples_below_it() -> None:
    samples = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    lots = np.random.default_rng(0)
    ranks = [Ranked(np.array([2.5, 5.0]), samples).rank(lots) for _ in range(200)]
    assert {int(r[0]) for r in ranks} == {2}
    # among equals every rank is as likely
    assert set(np.bincount([int(r[1]) for r in ranks]) > 20) == {True}
