"""Histograms of grains: shares that add up, intervals around them, classes with round limits."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.grains.grain_map import find_grains
from grainlight.report.histograms import angle_histogram, diameter_histogram


@pytest.fixture(scope="module")
def found(made):
    return find_grains(made.result.map, made.result.samples)


@pytest.mark.parametrize("which", ["diameter", "angle"])
def test_shares_add_up_and_lie_in_their_intervals(found, made, which):
    one = diameter_histogram(found) if which == "diameter" else angle_histogram(found, made.result.samples)
    assert one.share.sum() == pytest.approx(1.0)
    assert (one.low <= one.share).all()
    assert (one.share <= one.high).all()
    assert (one.high - one.low).max() > 0
    assert (one.high - one.low).max() < 0.6


def test_diameters_are_those_of_whole_grains(found):
    one = diameter_histogram(found)
    whole = found.grains.diameter[~found.grains.on_edge]
    assert one.edges[0] == 0
    assert one.edges[-1] > whole.max() >= one.edges[-2]
    assert np.allclose(np.histogram(whole, one.edges)[0] / whole.size, one.share)


def test_samples_like_the_map_leave_no_interval(found, made):
    same = np.repeat(found.ebsd.quaternions[None], 3, axis=0)
    one = angle_histogram(found, same)
    assert np.allclose(one.low, one.high, atol=1e-6)


def test_without_samples_there_is_no_interval(made):
    alone = find_grains(made.result.map)
    assert diameter_histogram(alone).low is None
    assert angle_histogram(alone, np.zeros((0, *made.result.map.shape, 4), np.float16)).low is None


def test_one_grain_has_no_histogram(made):
    q = np.zeros((12, 12, 4))
    q[..., 0] = 1.0
    flat = made.result.map.replace(
        quaternions=q,
        phase_id=np.ones((12, 12), np.int16),
        x=made.result.map.x[:12, :12],
        y=made.result.map.y[:12, :12],
    )
    alone = find_grains(flat)
    assert diameter_histogram(alone) is None
    assert angle_histogram(alone, np.zeros((0, 12, 12, 4))) is None
