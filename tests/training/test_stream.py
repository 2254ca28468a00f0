"""Sizes of the grains that training meets."""

from __future__ import annotations

from itertools import pairwise

import pytest

from grainlight.synth.draw import Draw
from grainlight.training.stream import SIZE_RANGES, SIZE_SHARES, draw_size_range


def test_shares_are_shares() -> None:
    assert sum(SIZE_SHARES) == pytest.approx(1)
    assert all(a[1] == b[0] for a, b in pairwise(SIZE_RANGES))


def test_ranges_are_drawn_by_their_shares() -> None:
    draw = Draw.seeded(1)
    found = [draw_size_range(draw) for _ in range(2000)]
    for size_range, share in zip(SIZE_RANGES, SIZE_SHARES, strict=True):
        assert found.count(size_range) / 2000 == pytest.approx(share, abs=0.03)
