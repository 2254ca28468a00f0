"""Light that contradicts measured pixels is believed less around them, and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.point_spread import blurred, gaussian
from grainlight.restore.labelling.descent import RelabelSettings, relabel
from grainlight.restore.light.outlier_variance import variance_inflation

SIDE = 48


def grid(step: int) -> Tensor:
    measured = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    measured[::step, ::step] = True
    return measured


def noise() -> Tensor:
    return torch.randn(5, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


def test_light_that_agrees_is_believed_nearly_as_it_was() -> None:
    """What is left is the chance of a mean over few points."""
    factor = variance_inflation(0.1 * noise(), torch.full((5, SIDE, SIDE), 100.0), grid(2))
    assert (factor >= 1).all()
    assert factor.median() == 1
    assert factor.mean() < 1.5


def test_dust_is_believed_less_where_points_see_it() -> None:
    residual = 0.1 * noise()
    residual[1:3, 20:26, 20:26] += 0.5
    precision = torch.full((5, SIDE, SIDE), 100.0)
    precision[4] = 0
    factor = variance_inflation(residual, precision, grid(2))
    assert (factor[1:3, 21:25, 21:25] > 10).all()
    assert (factor[[0, 3], 21:25, 21:25] < 5).all()
    assert factor[1:3, :10].mean() < 1.5
    # Nobody saw it: no channel of that kind, no point.
    assert (factor[4] == 1).all()
    assert (variance_inflation(residual, precision, torch.zeros(SIDE, SIDE, dtype=torch.bool)) == 1).all()


def test_one_point_says_no_more_than_the_cap() -> None:
    residual = torch.zeros(5, SIDE, SIDE)
    residual[:, 24, 24] = 1.0
    measured = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    measured[24, 24] = True
    small, large = (
        variance_inflation(residual * size, torch.full((5, SIDE, SIDE), 1e4), measured) for size in (0.06, 60.0)
    )
    assert torch.allclose(small, large)
    assert small.max() == small[0, 24, 24] > 10
    assert (small[:, :, :10] == 1).all()


def test_a_grain_does_not_grow_over_dust_between_measured_points() -> None:
    """Dust beside a grain looks like it: pixels between points that contradict it stay where they are."""
    generator = torch.Generator().manual_seed(5)
    several = embed(torch.nn.functional.normalize(torch.randn(16, 4, generator=generator), dim=-1)).float()
    at = torch.arange(SIDE) // 12
    truth = several[at[:, None] * 4 + at].movedim(-1, 0)
    width, level = 0.6, 0.06
    light = blurred(IDEAL.of_embedding(truth), gaussian(width)) + level * noise()
    # Beyond the boundary at column 24 the light of the grain on its left, half as clear.
    spot = (slice(None), slice(27, 33), slice(24, 30))
    left = IDEAL.of_embedding(truth)[:, 30, 20, None, None]
    light[spot] = 0.25 * light[spot] + 0.75 * left
    sigma = torch.full_like(light, level)
    found = relabel(truth, truth, grid(2), light, sigma, RelabelSettings(visits=10)).embedding
    wrong = (found - truth).norm(dim=0) > 5 * PER_DEGREE
    # Without the inflation more than half of them.
    assert wrong[spot[1:]].float().mean() < 0.1
