"""Twins and Burgers variants have the misorientations that the literature gives."""

from __future__ import annotations

import pytest
import torch

from grainlight.crystal import quaternion
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.synth.orientations.variants import TWIN_SYSTEMS, burgers_variants, twin_normals, twin_rotations

IDENTITY = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
ANGLES = {"10-12": 85.0, "11-21": 35.0, "11-22": 64.4, "10-11": 57.2}


@pytest.mark.parametrize(("number", "system"), list(enumerate(TWIN_SYSTEMS)))
def test_twins_of_titanium(number: int, system: str) -> None:
    rotations = twin_rotations(1.587).double()[6 * number : 6 * number + 6]
    angles = torch.rad2deg(disorientation_angle(rotations, IDENTITY))
    assert angles.tolist() == pytest.approx([ANGLES[system]] * 6, abs=0.15)


def test_six_variants_of_a_twin_are_different() -> None:
    rotations = twin_rotations().double()
    assert rotations.shape == (24, 4)
    for four in rotations.split(6):
        between = torch.rad2deg(disorientation_angle(four[:, None], four[None]))
        # The K1 planes of opposite turns are one plane where l is turned with them; here l stays, so all six differ.
        assert (between + 100 * torch.eye(6)).min() > 5


def test_a_twin_of_the_twin_is_the_parent() -> None:
    q = quaternion.random((1,), torch.Generator().manual_seed(0), dtype=torch.float64)
    t = twin_rotations().double()
    twice = quaternion.multiply(t, quaternion.multiply(t, q))
    assert torch.rad2deg(disorientation_angle(twice, q)).max() < 1e-3


def test_twin_plane_is_shared() -> None:
    q = quaternion.random((24,), torch.Generator().manual_seed(1), dtype=torch.float64)
    n = twin_normals().double()

    def in_sample(q: torch.Tensor) -> torch.Tensor:
        a, b, c = quaternion.crystal_axes(q)
        return n[:, :1] * a + n[:, 1:2] * b + n[:, 2:] * c

    twin = quaternion.multiply(twin_rotations().double(), q)
    torch.testing.assert_close(in_sample(twin), in_sample(q), atol=1e-6, rtol=0)


def test_burgers_variants() -> None:
    v = burgers_variants().double()
    assert v.shape == (12, 4)
    between = torch.rad2deg(disorientation_angle(v[:, None], v[None]))
    apart = between[~torch.eye(12, dtype=torch.bool)]
    known = torch.tensor([10.53, 60.0, 60.83, 63.26, 90.0], dtype=torch.float64)
    gap = (apart[:, None] - known).abs()
    assert gap.amin(-1).max() < 0.01
    # How many of a variant's eleven partners each has: 1, 2, 4, 2, 2 (Wang, Aindow & Starink 2003).
    assert torch.bincount(gap.argmin(-1), minlength=5).tolist() == [12, 24, 48, 24, 24]


def test_burgers_planes_and_directions_are_parallel() -> None:
    a, _, c = quaternion.crystal_axes(burgers_variants().double())
    face_diagonal, body_diagonal = torch.tensor([0.0, 0.5**0.5, 0.5**0.5]), torch.full((3,), 3**-0.5)
    torch.testing.assert_close(c.abs().sort(-1)[0], face_diagonal.double().expand(12, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(a.abs(), body_diagonal.double().expand(12, 3), atol=1e-6, rtol=0)
