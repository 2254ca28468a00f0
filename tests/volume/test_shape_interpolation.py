"""Shape interpolation between two maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.crystal.quaternion import random
from grainlight.volume.shape import interpolate_shapes, label_grains

SIZE = 40
A, B, C = random((3,), torch.Generator().manual_seed(3), dtype=torch.float64).numpy()
ALL = np.ones((SIZE, SIZE), bool)


def disc(radius: float, inside: np.ndarray = B, at: float = 20.0) -> np.ndarray:
    row, column = np.indices((SIZE, SIZE))
    there = np.hypot(row - 20, column - at) <= radius
    return np.where(there[..., None], inside, A)


def area(q: np.ndarray, of: np.ndarray = B) -> int:
    return int((np.abs(q @ of) > 0.9999).sum())


@pytest.mark.parametrize(("distance", "radius"), [((1.0, 1.0), 9.0), ((1.0, 3.0), 7.5), ((3.0, 1.0), 10.5)])
def test_a_cone_is_cut_where_it_should(distance: tuple[float, float], radius: float) -> None:
    q, there = interpolate_shapes(disc(6), disc(12), (ALL, ALL), distance)
    assert there.all()
    assert area(q) == pytest.approx(np.pi * radius**2, rel=0.08)


def test_a_grain_that_moves_is_between() -> None:
    q, _ = interpolate_shapes(disc(8, at=16), disc(8, at=24), (ALL, ALL), (1.0, 1.0))
    column = np.indices((SIZE, SIZE))[1]
    assert column[np.abs(q @ B) > 0.9999].mean() == pytest.approx(20, abs=0.5)


def test_a_grain_that_one_section_does_not_show_ends_between() -> None:
    near, _ = interpolate_shapes(disc(8, C), disc(0.1), (ALL, ALL), (1.0, 9.0))
    far, _ = interpolate_shapes(disc(8, C), disc(0.1), (ALL, ALL), (9.0, 1.0))
    assert area(near, C) > area(far, C)
    assert area(far, C) < 60


def test_what_is_not_known_is_no_grain() -> None:
    known = ALL.copy()
    known[:, :10] = False
    q, there = interpolate_shapes(disc(6), disc(6), (known, known), (1.0, 1.0))
    assert area(q) > 90
    assert there[:, 15:].all()
    assert (label_grains(disc(6), known)[:, :10] == 0).all()
