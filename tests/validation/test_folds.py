"""Points held back: a tenth, apart from one another, none twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.validation.folds import BLOCK, FEWEST, SHARE, hold_back, kinds

from .conftest import section


@pytest.fixture(scope="module")
def coarse() -> OrientationMap:
    return section(1, 121).every(2)


def test_kinds_of_so_many_folds() -> None:
    assert kinds(1) == ("points",)
    assert kinds(5) == ("points", "points", "points", "points", "blocks")
    assert all(len(kinds(n)) == n and kinds(n)[0] == "points" for n in range(1, 12))


def test_a_tenth_is_held_back_and_single_points_keep_their_neighbours(coarse: OrientationMap) -> None:
    for fold in hold_back(coarse, 5, 3):
        assert fold.held.mean() == pytest.approx(SHARE, rel=0.3)
        places, count = label(fold.held, np.ones((3, 3)))
        if fold.kind == "points":
            assert count == fold.held.sum()
        else:
            assert np.bincount(places.ravel())[1:].max() == BLOCK**2


def test_no_single_point_is_held_back_twice(coarse: OrientationMap) -> None:
    single = [fold.held for fold in hold_back(coarse, 5, 3) if fold.kind == "points"]
    assert np.sum(single, axis=0).max() == 1


def test_blocks_lie_apart_from_those_of_another_fold(coarse: OrientationMap) -> None:
    one, other = (fold.held for fold in hold_back(coarse, 8, 3) if fold.kind == "blocks")
    assert not (one & other).any()


def test_the_seed_says_which(coarse: OrientationMap) -> None:
    first, again, others = (hold_back(coarse, 2, seed) for seed in (7, 7, 8))
    assert all((a.held == b.held).all() for a, b in zip(first, again, strict=True))
    assert any((a.held != b.held).any() for a, b in zip(first, others, strict=True))


def test_what_was_held_back_is_as_if_never_scanned(coarse: OrientationMap) -> None:
    fold = hold_back(coarse, 1, 0)[0]
    kept = fold.kept(coarse)
    assert (kept.phase_id[fold.held] == -1).all()
    assert (kept.phase_id[~fold.held] == coarse.phase_id[~fold.held]).all()


def test_points_of_other_phases_and_missing_ones_are_never_held_back(coarse: OrientationMap) -> None:
    phase_id = coarse.phase_id.copy()
    phase_id[:, :20], phase_id[:, 20:30] = 0, -1
    for fold in hold_back(coarse.replace(phase_id=phase_id), 5, 0):
        assert not fold.held[:, :30].any()


def test_a_map_of_few_points_is_refused(coarse: OrientationMap) -> None:
    side = int(np.sqrt(FEWEST / SHARE)) - 2
    with pytest.raises(InputError, match="too few points"):
        hold_back(coarse.cropped(side, side), 5, 0)
