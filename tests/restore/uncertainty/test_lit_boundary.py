"""The probability of a boundary with light, corrected: it rises with what was stated, and less so far from points."""

from __future__ import annotations

from dataclasses import replace

import torch

from grainlight.constants import LitBoundary, constants, using
from grainlight.restore.uncertainty.lit_boundary import TERMS, lit_boundary
from grainlight.restore.uncertainty.surroundings import Surroundings


def around(nearest: float) -> Surroundings:
    at = torch.full((1, 1001), nearest)
    return Surroundings(torch.zeros_like(at), at, at + 1, 0.2, 0.15)


STATED = torch.linspace(0.0, 1.0, 1001)[None]


def test_it_never_falls_as_the_stated_probability_rises() -> None:
    for nearest in (0.0, 1.0, 4.0, 30.0):
        found = lit_boundary(STATED, around(nearest))
        assert bool((found.diff() >= 0).all())
        assert 0 <= float(found.min()) < 0.06
        assert 0.85 < float(found.max()) <= 1


def test_far_from_points_it_is_never_as_sure() -> None:
    near, far = (lit_boundary(STATED, around(nearest)) for nearest in (0.0, 20.0))
    assert far[0, 0] > near[0, 0]
    assert far[0, -1] < near[0, -1]


def test_weights_of_nothing_but_what_was_stated_change_nothing() -> None:
    plain = replace(constants(), lit_boundary=LitBoundary((0.0, 1.0, *[0.0] * (TERMS - 2))))
    with using(plain):
        found = lit_boundary(STATED, around(3.0))
    torch.testing.assert_close(found, STATED, atol=1.1e-3, rtol=0)
