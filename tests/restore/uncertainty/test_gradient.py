"""How fast grains turn is found from their measured points, and widens the error far from them."""

from __future__ import annotations

import math

import torch

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import from_rotation_vector, multiply, random
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.uncertainty.gradient import OrientationSpread, intragranular_gradient, orientation_spread

NOISE = 0.3 * PER_DEGREE / math.sqrt(3.0)


def walk(rows: int, columns: int, step: float) -> torch.Tensor:
    """Embedding (18, rows, columns) of one grain that turns along its rows, at random by ``step`` degrees a pixel."""
    generator = torch.Generator().manual_seed(2)
    vector = torch.randn(columns, 3, generator=generator, dtype=torch.float64) * math.radians(step) / math.sqrt(3.0)
    q = multiply(from_rotation_vector(vector.cumsum(0)), random((1,), generator, dtype=torch.float64))
    return embed(q.float(), dim=-1).T[:, None].expand(18, rows, columns).contiguous()


def measure(e: torch.Tensor, scale: int) -> float:
    sigma = torch.full((4, *e.shape[1:]), SIGMA_MAX)
    sigma[0, ::scale, ::scale] = NOISE
    noise = NOISE * torch.randn(e.shape, generator=torch.Generator().manual_seed(1)) / math.sqrt(6.0)
    state = torch.cat((e + noise, torch.zeros(5, *e.shape[1:])))
    return intragranular_gradient(e, state, sigma, find_neighbours(sigma[0] < SIGMA_MAX))


def test_a_grain_that_turns_is_told_from_one_that_does_not():
    still, slow, fast = (measure(walk(129, 257, step), 4) for step in (0.0, 0.3, 0.6))
    assert still < 0.02
    # the mean square angle grows by step^2 a pixel of way along rows, and not along columns
    assert 0.3 * 0.09 < slow < 1.2 * 0.09
    assert 0.3 * 0.36 < fast < 1.2 * 0.36


def test_error_grows_with_the_distance_to_the_nearest_point():
    error, nearest = torch.full((1, 4), NOISE), torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    found = orientation_spread(error, 0.0, 0.2, nearest).both
    assert torch.isclose(found[0, 0], torch.tensor(0.3))
    assert bool((found.diff() > 0).all())
    counted = 0.2 * PER_DEGREE**2 / 3
    assert torch.allclose(orientation_spread(error, counted, 0.2, nearest).both, found[:, :1])


def test_without_pairs_grains_turn_as_usual():
    sigma = torch.full((4, 9, 9), SIGMA_MAX)
    sigma[0, 4, 4] = NOISE
    e = walk(9, 9, 0.0)
    state = torch.cat((e, torch.zeros(5, 9, 9)))
    assert intragranular_gradient(e, state, sigma, find_neighbours(sigma[0] < SIGMA_MAX)) == 0.05


def test_the_bound_of_an_orientation_is_its_spread_times_what_the_spacing_says() -> None:
    its = constants().spread_quantile
    spacing, half, none = torch.tensor([[1.0, 6.0, 50.0]]), torch.full((1, 3), 0.5), torch.zeros(1, 3)
    for spread, values in ((OrientationSpread(half, none), its.noise), (OrientationSpread(none, half), its.turn)):
        found = spread.bound(spacing)[0] / 0.5
        expected = [values[0], (values[2] + values[3]) / 2, values[-1]]
        torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=0)
    both = OrientationSpread(half, half).bound(spacing)
    apart = (OrientationSpread(half, none).bound(spacing), OrientationSpread(none, half).bound(spacing))
    torch.testing.assert_close(both, torch.hypot(*apart))
