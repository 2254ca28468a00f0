"""Grain structures: who reaches a pixel first, and how large grains come out."""

from __future__ import annotations

import math

import pytest
import torch

from grainlight.synth.draw import Draw
from grainlight.synth.tessellation import Seeds, assign, draw_warp, pixel_grid, scatter_seeds


def grown(size: float, aspect: float = 1.0, shape: tuple[int, int] = (64, 64), speed_spread: float = 0.2) -> Seeds:
    """Seeds of three sections."""
    full = torch.ones(3)
    return scatter_seeds(Draw.seeded(5), size * full, aspect * full, 0.4 * full, 0.1 * full, shape, speed_spread)


def times(seeds: Seeds, points: torch.Tensor) -> torch.Tensor:
    x, y = points.double().unbind(-1)
    monomials = torch.stack((x * x, x * y, y * y, x, y, torch.ones_like(x)), -1)
    return monomials @ seeds.form.double().transpose(1, 2)


@pytest.mark.parametrize("size", [4.0, 9.0, 30.0])
def test_blocks_on_a_cpu_agree_with_brute_force(size: float) -> None:
    seeds = grown(size, 2.0)
    points = pixel_grid(64, 64, torch.device("cpu")).expand(3, -1, 2)
    found, all_times = assign(seeds, points), times(seeds, points)
    least, first = all_times.min(-1)
    taken = all_times.gather(-1, found[..., None])[..., 0]
    # The seed's number lies in the low bits of the time: ties closer than that may fall either way.
    bits = max(all_times.shape[-1] - 1, 1).bit_length()
    assert ((taken - least) / taken.clamp(min=1e-3)).max() < 2.0 ** (bits - 22) + 1e-3
    assert (found == first).float().mean() > 0.998


def test_equal_circles_make_a_voronoi_diagram() -> None:
    position = torch.tensor([[[5.0, 5.0], [20.0, 8.0], [12.0, 25.0]]])
    x, y = position.unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    seeds = Seeds(position, torch.stack((one, zero, one, -2 * x, -2 * y, x * x + y * y), -1), zero)
    points = pixel_grid(32, 32, torch.device("cpu"))[None]
    assert torch.equal(assign(seeds, points), torch.cdist(points, position).argmin(-1))


def test_pixel_grid_is_column_then_row() -> None:
    grid = pixel_grid(3, 5, torch.device("cpu"))
    assert grid[1].tolist() == [1.0, 0.0]
    assert grid[5].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("size", [6.0, 12.0, 24.0])
def test_mean_grain_area_is_that_of_the_size(size: float) -> None:
    shape = (192, 192)
    points = pixel_grid(*shape, torch.device("cpu")).expand(3, -1, 2)
    index = assign(grown(size, shape=shape), points)
    grains = [len(torch.unique(i)) for i in index]
    # Grains at the edge count as halves.
    diameter = math.sqrt(shape[0] * shape[1] / (sum(grains) / 3 - 2 * shape[0] / size))
    assert diameter == pytest.approx(size, rel=0.2)


def test_long_grains_lie_along_their_direction() -> None:
    full = torch.ones(1)
    seeds = scatter_seeds(Draw.seeded(2), 16 * full, 5 * full, 0 * full, 0 * full, (96, 96))
    index = assign(seeds, pixel_grid(96, 96, torch.device("cpu"))[None]).view(96, 96)
    along_row = (index[:, 1:] != index[:, :-1]).float().mean()
    along_column = (index[1:] != index[:-1]).float().mean()
    assert along_column > 2.5 * along_row


def test_more_speed_spread_makes_more_unequal_grains() -> None:
    points = pixel_grid(128, 128, torch.device("cpu")).expand(3, -1, 2)

    def inequality(spread: float) -> float:
        index = assign(grown(10.0, shape=(128, 128), speed_spread=spread), points)
        areas = torch.bincount(index.flatten()).float()
        areas = areas[areas > 0]
        return float(areas.std() / areas.mean())

    assert inequality(0.4) > 1.2 * inequality(0.0)


def test_warp_moves_by_its_amplitude() -> None:
    points = pixel_grid(64, 64, torch.device("cpu"))
    zero, some = torch.zeros(8), torch.full((8,), 2.0)
    assert torch.equal(draw_warp(Draw.seeded(1), (64, 64), zero, zero, 12.0).moved(points), points.expand(8, -1, 2))
    for amplitude, serration in ((some, zero), (zero, some)):
        moved = draw_warp(Draw.seeded(1), (64, 64), amplitude, serration, 12.0).moved(points) - points
        assert float(moved.std()) == pytest.approx(2.0, rel=0.2)
