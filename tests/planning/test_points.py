"""Points ranked by the doubt that they lift."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.planning.boxes import rank_boxes
from grainlight.planning.points import WIDTH, rank_points


def _doubt(shape: tuple[int, int] = (70, 90)) -> np.ndarray:
    doubt = np.zeros(shape)
    doubt[20:23, 10:80] = 0.5
    doubt[50, 30] = 0.05
    return doubt


def test_points_go_where_the_doubt_is() -> None:
    doubt = _doubt()
    found = rank_points(doubt, np.ones(doubt.shape, bool), 20, 8.0)
    assert len(found.place) == 20
    assert (np.abs(found.place[:, 0] - 21) <= 1).all()
    # as far apart as the first ones can be
    first = np.sort(found.place[:8, 1])
    assert np.diff(first).min() >= 4


def test_each_point_lifts_no_more_than_the_one_before() -> None:
    doubt = np.random.default_rng(1).random((64, 64))
    found = rank_points(doubt, np.ones(doubt.shape, bool), 200, 6.0)
    lifted = -np.diff(found.left)
    assert found.left[0] == pytest.approx(doubt.sum())
    assert (lifted > 0).all()
    assert (np.diff(lifted) < 1e-9).all()
    assert len(np.unique(found.place, axis=0)) == 200


def test_the_worth_kept_up_to_date_is_that_computed_anew() -> None:
    """What is chosen step by step is what a search over the whole map would choose at each step."""
    doubt = np.random.default_rng(2).random((40, 50))
    free = np.random.default_rng(3).random((40, 50)) < 0.8
    found = rank_points(doubt, free, 30, 2.0 / WIDTH)
    width, left, open_ = 2.0, doubt.copy(), free.copy()
    side = np.arange(-6, 7)
    kernel = np.exp(-0.5 * np.add.outer(side**2, side**2) / width**2)
    from scipy.ndimage import correlate

    for place in found.place:
        worth = np.where(open_, correlate(left, kernel, mode="constant"), -1.0)
        assert worth[tuple(place)] == pytest.approx(worth.max(), rel=1e-6)
        padded = np.pad(left, 6)
        padded[place[0] : place[0] + 13, place[1] : place[1] + 13] *= 1 - kernel
        left = padded[6:-6, 6:-6]
        open_[tuple(place)] = False


def test_only_free_places_are_chosen_and_no_more_than_there_are() -> None:
    doubt = np.ones((12, 12))
    free = np.zeros((12, 12), bool)
    free[3, 4] = free[8, 8] = True
    found = rank_points(doubt, free, 10, 3.0)
    assert {tuple(place) for place in found.place} == {(3, 4), (8, 8)}


def test_boxes_hold_the_doubt_and_keep_to_the_points() -> None:
    doubt = np.full((128, 128), 1e-4)
    doubt[30:40, 60:70] = 0.4
    boxes = rank_boxes(doubt, np.ones(doubt.shape, bool), 600, (0.01, 1.0), 8.0)
    assert sum(box.points for box in boxes) <= 600
    first = boxes[0]
    assert first.top <= 40
    assert first.bottom >= 30
    assert first.left <= 70
    assert first.right >= 60
    assert first.doubt > 0.4 * doubt.sum()


def test_a_box_has_the_points_that_it_says() -> None:
    doubt = np.random.default_rng(5).random((61, 90)) ** 4
    for box in rank_boxes(doubt, np.ones(doubt.shape, bool), 900, (0.01, 0.2), 8.0):
        rows = np.arange(box.top, box.bottom + 1, box.step)
        columns = np.arange(box.left, box.right + 1, box.step)
        assert len(rows) * len(columns) == box.points
        assert box.bottom < 61
        assert box.right < 90


def test_overhead_makes_boxes_fewer_and_larger() -> None:
    doubt = np.random.default_rng(4).random((128, 128)) ** 8
    free = np.ones(doubt.shape, bool)
    cheap, dear = (rank_boxes(doubt, free, 3000, (0.01, overhead), 8.0) for overhead in (0.0, 100.0))
    assert len(dear) < len(cheap)
    assert dear[0].points > cheap[0].points
