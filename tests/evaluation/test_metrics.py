"""Metrics against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.evaluation.metrics import (
    boundary_edges,
    boundary_pixels,
    boundary_starts,
    calibration_error,
    coverage,
    disorientation,
    light_nrmse,
    score,
)


def tilt(degrees):
    half = np.radians(np.asarray(degrees, dtype=float)) / 2
    return np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], axis=-1)


def columns_measured(shape):
    measured = np.zeros(shape, dtype=bool)
    measured[:, ::2] = True
    return measured


def test_perfect_restoration_has_perfect_scores(two_grains):
    s = score(two_grains, two_grains, columns_measured((4, 6)))
    assert s.mean == s.median == s.over_5 == s.near_over_5 == s.measured_median == pytest.approx(0.0, abs=1e-6)
    assert s.edge_precision == s.edge_recall == s.edge_f1 == s.pixel_f1 == 1.0


def test_disorientation_knows_the_symmetry():
    sixfold = np.array([np.cos(np.pi / 6), 0, 0, np.sin(np.pi / 6)])
    assert disorientation(np.array([1.0, 0, 0, 0]), sixfold) == pytest.approx(0.0, abs=1e-6)
    assert disorientation(tilt(0.0), tilt(25.0)) == pytest.approx(25.0)
    assert disorientation(tilt(0.0), tilt(179.0)) == pytest.approx(1.0)


def test_edges_lie_between_the_right_pixels(two_grains):
    right, down = boundary_edges(two_grains)
    assert right.shape == (4, 5)
    assert down.shape == (3, 6)
    assert right[:, 2].all()
    assert right.sum() == 4
    assert not down.any()
    assert boundary_pixels((right, down)).sum(axis=0).tolist() == [0, 0, 4, 4, 0, 0]
    assert boundary_starts((right, down)).sum(axis=0).tolist() == [0, 0, 4, 0, 0, 0]
    across = boundary_edges(two_grains.swapaxes(0, 1))
    assert boundary_starts(across).sum(axis=1).tolist() == [0, 0, 4, 0, 0, 0]


def test_five_degrees_is_the_limit():
    below, above = tilt([[0.0, 4.9]]), tilt([[0.0, 5.1]])
    assert not boundary_edges(below)[0].any()
    assert boundary_edges(above)[0].all()


def test_invalid_pixels_have_no_boundary(two_grains):
    valid = np.ones((4, 6), dtype=bool)
    valid[0, 3] = False
    assert boundary_edges(two_grains, valid)[0].sum() == 3


def test_boundary_one_pixel_off(two_grains):
    restored = two_grains.copy()
    restored[:, 3] = restored[:, 2]
    measured = columns_measured((4, 6))
    s = score(restored, two_grains, measured)
    # columns 1, 3, 5 are unmeasured, and column 3 is wrong by 30 degrees
    assert s.over_5 == pytest.approx(1 / 3)
    assert s.mean == pytest.approx(10.0)
    assert s.median == pytest.approx(0.0, abs=1e-6)
    # all columns 0 to 5 are within two pixels of columns 2 and 3
    assert s.near_over_5 == pytest.approx(1 / 3)
    # no edge in its place, but every boundary pixel within one pixel
    assert s.edge_precision == s.edge_recall == s.edge_f1 == 0.0
    assert s.pixel_f1 == 1.0


def test_boundary_three_pixels_off_is_found_by_no_measure():
    truth, restored = tilt([[0.0] * 3 + [30.0] * 9] * 2), tilt([[0.0] * 8 + [30.0] * 4] * 2)
    s = score(restored, truth, np.zeros((2, 12), dtype=bool))
    assert s.pixel_f1 == 0.0
    assert s.over_5 == pytest.approx(5 / 12)
    # boundary pixels are columns 2 and 3, so columns 0 to 5 are near; 3, 4 and 5 are wrong
    assert s.near_over_5 == pytest.approx(3 / 6)


def test_half_the_edges_and_one_too_many():
    truth = tilt([[0.0, 30.0, 30.0, 30.0], [0.0, 30.0, 30.0, 30.0]])
    restored = tilt([[0.0, 30.0, 30.0, 30.0], [30.0, 30.0, 30.0, 60.0]])
    s = score(restored, truth, np.zeros((2, 4), dtype=bool))
    # claimed: right (0,0), right (1,2), down (0,0), down (0,3); true: right (0,0), right (1,0)
    assert s.edge_precision == pytest.approx(1 / 4)
    assert s.edge_recall == pytest.approx(1 / 2)
    assert s.edge_f1 == pytest.approx(1 / 3)


def test_measured_pixels_are_scored_apart(two_grains):
    measured = columns_measured((4, 6))
    restored = np.where(measured[..., None], tilt(np.array([0.4, 0, 0.4, 0, 30.4, 0]))[None], two_grains)
    s = score(restored, two_grains, measured)
    assert s.measured_median == pytest.approx(0.4)
    assert s.mean == pytest.approx(0.0, abs=1e-6)


def test_nothing_unmeasured_gives_no_number(two_grains):
    s = score(two_grains, two_grains, np.ones((4, 6), dtype=bool))
    assert np.isnan(s.mean)
    assert s.edge_f1 == 1.0


def test_shapes_must_agree(two_grains):
    with pytest.raises(ValueError, match="shapes differ"):
        score(two_grains[:3], two_grains, np.ones((4, 6), dtype=bool))


def test_light_nrmse():
    clean = np.array([[[0.0, 2.0]], [[1.0, 1.0]]])
    assert light_nrmse(clean, clean) == 0.0
    assert light_nrmse(np.ones_like(clean), clean) == pytest.approx(1.0)
    assert light_nrmse(clean + 0.5, clean) == pytest.approx(np.sqrt(4 * 0.25 / 2))
    # a pixel that does not count changes nothing
    more, spoiled = (np.concatenate([part, part[..., :1]], axis=-1) for part in (clean, clean + 0.5))
    spoiled[..., 2] = 100.0
    assert light_nrmse(spoiled, more, np.array([[True, True, False]])) == light_nrmse(clean + 0.5, clean)


def test_coverage():
    error, bound = np.array([[0.5, 1.0, 2.0, 9.0]]), np.array([[1.0, 1.0, 1.0, 10.0]])
    assert coverage(error, bound) == 0.75
    assert coverage(error, bound, np.array([[True, True, False, False]])) == 1.0


def test_calibration_error():
    happened = np.array([[True, True, True, False]])
    assert calibration_error(np.full((1, 4), 0.75), happened) == pytest.approx(0.0)
    assert calibration_error(np.full((1, 4), 0.25), happened) == pytest.approx(0.5)
    # two bins of two pixels: |0.9 - 1| and |0.2 - 0.5|
    assert calibration_error(np.array([[0.9, 0.9, 0.2, 0.2]]), happened) == pytest.approx(0.2)
    assert calibration_error(happened.astype(float), happened) == 0.0
