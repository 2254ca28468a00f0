"""From points to pixels: weights, shares with intervals, what is carried, the bound."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.validation.estimate import (
    POWER,
    carry,
    median_of,
    over_bound,
    times,
    uncovered,
    weights,
)
from grainlight.validation.share import share_of, tiles

rng = np.random.default_rng(5)


def test_weights_make_the_doubt_of_points_that_of_pixels() -> None:
    points, pixels = rng.beta(2, 4, 4000), rng.beta(1, 6, 20000)
    weight = weights(points, pixels)
    assert weight.mean() == pytest.approx(1.0)
    assert (weight * points).mean() == pytest.approx(pixels.mean(), rel=0.25)
    assert points.mean() > 2 * pixels.mean()


def test_weights_of_the_same_doubt_are_even() -> None:
    doubt = rng.random(5000)
    assert weights(doubt, doubt) == pytest.approx(np.ones(5000), rel=0.01)


def test_a_share_is_the_mean_and_lies_in_its_interval() -> None:
    value = (rng.random(900) < 0.2).astype(float)
    found = share_of(value, np.ones(900), tiles(np.argwhere(np.ones((30, 30))), (30, 30)))
    assert found.value == pytest.approx(value.mean())
    assert found.low < found.value < found.high
    assert 0 < share_of(np.zeros(900), np.ones(900), np.arange(900) % 60).high < 0.02


def test_the_interval_holds_nine_times_in_ten_though_errors_go_together() -> None:
    """Errors of whole patches of a map: an interval that took them for independent would be too narrow."""
    held, narrow = [], []
    place = np.argwhere(np.ones((40, 40)))
    for _ in range(200):
        patch = rng.random((10, 10)) < 0.2
        value = np.kron(patch, np.ones((4, 4))).ravel().astype(float)
        found = share_of(value, np.ones(1600), tiles(place, (40, 40)))
        held.append(found.low <= 0.2 <= found.high)
        alone = share_of(value, np.ones(1600), np.arange(1600))
        narrow.append(alone.low <= 0.2 <= alone.high)
    assert 0.8 <= np.mean(held) <= 0.98
    assert np.mean(narrow) < 0.7


def test_a_share_that_is_carried_with_less_certainty_is_wider() -> None:
    value, tile = (rng.random(600) < 0.1).astype(float), np.arange(600) % 60
    sure, unsure = (share_of(value, np.ones(600), tile, extra) for extra in (0.0, 0.3))
    assert unsure.low < sure.low < sure.high < unsure.high
    assert times(sure, 0.5).high == pytest.approx(0.5 * sure.high)


def test_nearer_pixels_are_less_often_wrong() -> None:
    wrong = (rng.random(2000) < 0.3).astype(float)
    assert carry(wrong, None, (np.ones(2000), np.full(9, 0.4))) == pytest.approx(0.4**POWER)
    assert carry(wrong, None, (np.ones(2000), np.ones(9))) == pytest.approx(1.0)
    # the doubt that is stated counts as much
    doubt = np.where(wrong > 0, 0.6, 0.2)
    sure = carry(wrong, (doubt, np.full(5000, 0.2)), (np.ones(2000), np.full(9, 0.4)))
    assert sure < carry(wrong, (doubt, doubt), (np.ones(2000), np.full(9, 0.4)))


def test_useless_light_is_as_wrong_near_a_point_as_far_from_it() -> None:
    wrong, distance = (rng.random(2000) < 0.3).astype(float), (np.ones(2000), np.full(9, 0.4))
    useful, useless = (carry(wrong, None, distance, against) for against in (0.2, 1.1))
    assert useful == carry(wrong, None, distance) < useless < 1.0


def test_noise_of_the_measurement_is_no_error_of_the_map() -> None:
    noise = np.full(20000, 0.5)
    measured = np.linalg.norm(rng.normal(0, 0.5 / np.sqrt(3), (20000, 3)), axis=1)
    assert over_bound(measured, np.full(20000, 0.1), noise).mean() < 0.015
    assert over_bound(np.full(5, 30.0), np.full(5, 2.0), noise[:5]).all()
    assert not over_bound(np.full(5, 30.0), np.full(5, 35.0), noise[:5]).any()


def test_what_no_bound_covers() -> None:
    wrong = (np.arange(1000) < 100).astype(float)
    even = np.ones(1000)
    assert uncovered(0.1, wrong, np.zeros(1000), even) == 0.0
    assert uncovered(0.1, wrong, wrong, even) == pytest.approx(0.1)
    assert 0.025 < uncovered(0.1, wrong, wrong * (np.arange(1000) < 25), even) < 0.1


def test_the_median_and_its_interval() -> None:
    value = rng.exponential(1.0, 4000)
    middle, low, high = median_of(value)
    assert low < middle < high
    assert low < np.log(2) < high
    assert np.isnan(median_of(np.zeros(0))).all()
