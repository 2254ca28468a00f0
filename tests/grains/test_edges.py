"""Every pair of neighbours is there once, at the right distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grainlight.grains.edges import edges_of


@given(st.integers(1, 7), st.integers(1, 7))
def test_square_pairs(rows: int, columns: int) -> None:
    edges = edges_of((rows, columns), (0.5, 0.25))
    a, b = np.divmod(edges.first, columns), np.divmod(edges.second, columns)
    assert len(edges) == rows * (columns - 1) + (rows - 1) * columns
    assert np.all(np.abs(a[0] - b[0]) + np.abs(a[1] - b[1]) == 1)
    assert len(set(zip(edges.first.tolist(), edges.second.tolist(), strict=True))) == len(edges)
    # a boundary to the right is as long as a pixel is high
    assert np.all(edges.length == np.where(a[0] == b[0], 0.25, 0.5))


@given(st.integers(2, 7), st.integers(2, 7), st.sampled_from([0, 1]))
def test_hexagonal_pairs_are_a_step_apart(rows: int, columns: int, shifted: int) -> None:
    edges = edges_of((rows, columns), (1.0, np.sqrt(3) / 2), "hexagonal", shifted)
    row, column = np.divmod(np.arange(rows * columns), columns)
    x = column + 0.5 * ((row % 2 == 1) == bool(shifted))
    y = row * np.sqrt(3) / 2
    distance = np.hypot(x[edges.first] - x[edges.second], y[edges.first] - y[edges.second])
    np.testing.assert_allclose(distance, 1.0)
    apart = np.hypot(x[:, None] - x[None], y[:, None] - y[None])
    assert len(edges) == int((np.abs(apart - 1) < 1e-9).sum() / 2)


@given(st.integers(3, 9), st.integers(2, 7), st.sampled_from([0, 1]))
def test_hexagonal_pairs_of_a_turned_grid(rows: int, columns: int, shifted: int) -> None:
    """Turned by 90 degrees every point has the same six neighbours a step away, and sides as long."""
    edges = edges_of((rows, columns), (np.sqrt(3), 0.5), "hexagonal", shifted)
    row, column = np.divmod(np.arange(rows * columns), columns)
    x = np.sqrt(3) * (column + 0.5 * ((row % 2 == 1) == bool(shifted)))
    apart = np.hypot(x[:, None] - x[None], 0.5 * (row[:, None] - row[None]))
    pairs = {tuple(sorted(pair)) for pair in np.argwhere(np.abs(apart - 1) < 1e-9).tolist()}
    assert {tuple(sorted(pair)) for pair in zip(edges.first.tolist(), edges.second.tolist(), strict=True)} == pairs
    assert len(edges) == len(pairs)
    np.testing.assert_allclose(edges.length, 1 / np.sqrt(3), rtol=1e-6)


def test_images_of_edges() -> None:
    edges = edges_of((3, 4))
    values = np.arange(len(edges))
    assert edges.right(values).shape == (3, 3)
    assert edges.down(values).shape == (2, 4)
    assert edges.first[edges.right(values)[1, 2]] == 1 * 4 + 2
    assert edges.second[edges.down(values)[1, 3]] == 2 * 4 + 3
    with pytest.raises(ValueError, match="hexagonal"):
        edges_of((3, 4), grid="hexagonal").down(values)


def test_segments_separate_their_pixels() -> None:
    edges = edges_of((2, 2))
    of = np.zeros(4, bool)
    of[0] = of[2] = True  # right of [0, 0] and below it
    sides = edges.segments(of)
    np.testing.assert_allclose(sides[0], [[0.5, -0.5], [0.5, 0.5]])
    np.testing.assert_allclose(sides[1], [[-0.5, 0.5], [0.5, 0.5]])
