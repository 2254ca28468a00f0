"""Grains are what the definition says, and boundaries that members of an ensemble place differently stay closed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted import painted, turned

from grainlight.grains.boundaries import angles_of_map, edge_evidence, edge_probabilities, edge_share
from grainlight.grains.edges import edges_of, edges_of_map
from grainlight.grains.matching import adjusted_rand, match
from grainlight.grains.segment import absorb, components, in_reading_order, merge, segment

VALID = np.ones((8, 8), bool)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_components_agree_with_ndimage(seed: int, share: float) -> None:
    from scipy.ndimage import label

    mask = np.random.default_rng(seed).random((8, 8)) < share
    edges = edges_of(mask.shape)
    found = components(np.ones(len(edges), bool), mask, edges)
    np.testing.assert_array_equal(found, in_reading_order(label(mask)[0]))


def test_threshold_is_the_largest_angle_inside_a_grain(quarters) -> None:
    edges = edges_of_map(quarters)
    angle = angles_of_map(quarters, edges)
    for threshold, count in ((5.0, 4), (15.0, 2), (25.0, 1)):
        assert segment(angle, quarters.indexed, edges, threshold=threshold).max() == count


def test_points_without_orientation_are_no_grain(quarters) -> None:
    phase = quarters.phase_id.copy()
    phase[0] = 2  # another phase, that of the beta crystals
    phase[:, 8] = 0
    found = quarters.replace(phase_id=phase)
    edges = edges_of_map(found)
    labels = segment(angles_of_map(found, edges), found.indexed, edges, minimum_pixels=1)
    assert (labels[:, 8] == 0).all()
    # two runs of beta, cut by the column that is not indexed, and four grains of alpha
    assert labels.max() == 6
    assert len(np.unique(labels[0, :8])) == 1
    assert labels[0, 0] != labels[1, 0]


def test_small_grain_joins_the_neighbour_that_is_nearest_in_angle() -> None:
    labels = np.ones((8, 8), int)
    labels[:, 4:] = 2
    labels[3:5, 3:5] = 0
    ebsd = painted(labels, turned(16, 0, 22))
    edges = edges_of_map(ebsd)
    angle = angles_of_map(ebsd, edges)
    assert segment(angle, VALID, edges, minimum_pixels=4).max() == 3
    found = segment(angle, VALID, edges, minimum_pixels=5)
    assert found.max() == 2
    assert set(found[3:5, 3:5].ravel()) == {found[0, 7]}


@pytest.mark.parametrize("least", [1, 2, 3, 4])
def test_small_grain_of_another_phase_is_left_out(least) -> None:
    edges = edges_of((1, 6))
    angles = np.array([np.inf, 0, np.inf, 0, 0], np.float32)
    labels = absorb(np.array([[1, 2, 2, 3, 3, 3]]), angles, edges, least)
    assert np.bincount(labels[0])[1:].tolist() == [n for n in (1, 2, 3) if n >= least]
    assert (labels == 0).sum() == sum(n for n in (1, 2, 3) if n < least)


def test_a_gap_does_not_open_a_boundary() -> None:
    """With members a boundary is judged along its whole length; edge by edge, one gap joins the grains."""
    edges = edges_of((8, 8))
    share = np.zeros(len(edges), np.float32)
    edges.right(share)[:, 3] = 0.8
    edges.right(share)[4, 3] = 0.2
    angle = 10 * share
    assert segment(angle, VALID, edges, minimum_pixels=1).max() == 1
    assert segment(angle, VALID, edges, share=share, minimum_pixels=1).max() == 2


def test_weak_boundaries_merge_first() -> None:
    edges = edges_of((1, 4))
    share = np.array([0.2, 0.1, 0.9], np.float32)
    labels = merge(np.array([[1, 2, 3, 4]]), share, np.ones(3, bool), edges, 0.3)
    np.testing.assert_array_equal(labels, [[1, 1, 1, 2]])
    shut = merge(np.array([[1, 2, 3, 4]]), share, np.array([False, True, True]), edges, 0.3)
    np.testing.assert_array_equal(shut, [[1, 2, 2, 3]])


def test_evidence_and_probability() -> None:
    angle = np.array([0.0, 5.0, 40.0, np.nan, np.inf], np.float32)
    same = np.stack([angle, angle])
    np.testing.assert_allclose(edge_evidence(angle, same, 5.0), [0.0, 0.5, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(edge_share(angle, same, 4.0), [0.0, 1.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(edge_share(angle, np.zeros_like(same), 4.0), [0.0, 1 / 3, 1 / 3, 0.0, 1.0], rtol=1e-6)
    alone = edge_probabilities(angle, same[:0])
    np.testing.assert_array_equal(alone, [[0, 1, 1, 0, 1], [0, 0, 1, 0, 1], [0, 0, 1, 0, 1]])
    chance = edge_probabilities(angle, same)
    assert np.all(chance[:, 3] == 0)
    assert np.all(chance[:, 4] == 1)
    assert np.all(np.diff(chance[:, :3], axis=1) >= 0)
    assert np.all(np.diff(chance, axis=0) <= 1e-6)
    split = edge_probabilities(angle, np.stack([angle, np.zeros_like(angle)]), [5.0])[0]
    assert split[2] < chance[1, 2]


def test_matching() -> None:
    labels = np.array([[1, 1, 2, 2], [1, 1, 2, 2]])
    other = np.array([[2, 2, 2, 1], [2, 2, 1, 1]])
    partner, overlap = match(labels, other)
    np.testing.assert_array_equal(partner, [2, 1])
    np.testing.assert_allclose(overlap, [4 / 5, 3 / 4])
    assert adjusted_rand(labels, labels + 5) == pytest.approx(1.0)
    shuffled = np.random.default_rng(0).permutation(np.repeat(np.arange(20), 50))
    assert abs(adjusted_rand(shuffled, np.repeat(np.arange(20), 50))) < 0.02
