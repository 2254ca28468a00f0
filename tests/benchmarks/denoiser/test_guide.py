"""The guided mean: copies with good light, interpolates without, knows what it does not know."""

from __future__ import annotations

import pytest
import torch

from benchmarks.peers.denoiser.guide import (
    AROUND,
    FLOOR,
    RELATIVE,
    TOLERANCE,
    WIDTH,
    Cells,
    Guided,
    cell_sizes,
    guided_strips,
    known_points,
)
from grainlight.crystal.embedding import degrees_between, embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.state import EBSD, SIGMA_MAX


def two_grains(size: int = 32, edge: int = 13, stride: int = 4, light: float = 0.02) -> tuple[torch.Tensor, ...]:
    """State (1, 23, H, W) of two grains side by side, noise levels (1, 4, H, W) with every stride-th point measured."""
    q = random((2,), torch.Generator().manual_seed(2))
    side = (torch.arange(size) >= edge).long().expand(size, size)
    state = torch.zeros(1, 23, size, size)
    state[0, EBSD] = embed(q[side], dim=-3)
    state[0, 18:] = torch.where(side == 0, 0.7, -0.4)
    sigma = torch.full((1, 4, size, size), SIGMA_MAX)
    sigma[:, 0, ::stride, ::stride] = 0.01
    sigma[:, 1:] = light
    return state, sigma


def guided_mean(
    x: torch.Tensor, sigma: torch.Tensor, points: torch.Tensor, cell: int, origin: tuple[int, int] = (0, 0)
) -> Guided:
    """Guided mean of images that share a cell size, in one piece."""
    strips = [strip for _, strip in guided_strips(x, sigma, Cells(points, cell, origin))]
    return Guided(*(torch.cat([getattr(s, name) for s in strips], -2) for name in ("mean", "variance", "support")))


def test_cells_hold_one_point_each() -> None:
    for stride in (1, 2, 3, 4, 8):
        sigma = torch.full((1, 4, 48, 48), SIGMA_MAX)
        sigma[:, 0, ::stride, ::stride] = 0.02
        points = known_points(sigma)
        assert int(points.sum()) == len(range(0, 48, stride)) ** 2
        assert cell_sizes(points) == [stride]


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_good_light_copies_the_right_neighbour(stride: int) -> None:
    state, sigma = two_grains(stride=stride)
    x = torch.where((sigma[:, :1] < 1).expand(-1, 18, -1, -1), state[:, EBSD], torch.zeros(1))
    found = guided_mean(torch.cat((x, state[:, 18:]), 1), sigma, known_points(sigma), stride)
    assert float(degrees_between(found.mean, state[:, EBSD], dim=1).max()) < 0.1
    assert float(found.variance.max()) < 2 * FLOOR[0] ** 2


def test_without_light_the_boundary_is_doubted_and_the_interior_is_not() -> None:
    state, sigma = two_grains(light=SIGMA_MAX)
    found = guided_mean(state, sigma, known_points(sigma), 4)
    doubt = found.variance[0, 0].sqrt()  # rows of measured points know their own side
    assert float(doubt[2::4, 12:14].min()) > 3 * float(doubt[8:24, 28:30].max())
    assert float(degrees_between(found.mean, state[:, EBSD], dim=1)[0, :, 28:].max()) < 0.1


@pytest.mark.parametrize("cell", [1, 2, 3, 4, 8])
def test_against_the_formula_written_out(cell: int) -> None:
    """One pixel asked by hand: all points within the window of its block, weighted one by one."""
    generator = torch.Generator().manual_seed(cell)
    size = 24
    x = torch.randn(1, 23, size, size, generator=generator)
    sigma = torch.rand(1, 4, size, size, generator=generator) * 0.2 + 0.5
    sigma[:, 0, ::cell, ::cell] = 0.1
    points = known_points(sigma)
    found = guided_mean(x, sigma, points, cell)
    row, column = 10, 13
    together = -(-4 // cell)
    around = AROUND if cell > 1 else 1
    block = together * cell
    low = [(p // block * together - around) * cell for p in (row, column)]
    high = [((p // block + 1) * together + around) * cell for p in (row, column)]
    total, mean = 0.0, torch.zeros(18)
    tolerance = torch.tensor(TOLERANCE)
    for r, c in points[0].nonzero().tolist():
        inside = low[0] <= r < high[0] and low[1] <= c < high[1]
        if not inside or (r, c) == (row, column):
            continue
        difference = (x[0, :, row, column] - x[0, :, r, c]).square()
        groups = torch.stack([part.sum() for part in difference.split((18, 1, 2, 2))])
        variance = sigma[0, :, row, column] ** 2 + sigma[0, :, r, c] ** 2 + tolerance**2
        strength = x[0, :, row, column].square() + x[0, :, r, c].square()
        variance[1:] += RELATIVE**2 * torch.stack([part.sum() for part in strength.split((18, 1, 2, 2))])[1:]
        unlike = float((groups / variance).sum())
        far = ((r - row) ** 2 + (c - column) ** 2) / (WIDTH * cell) ** 2
        weight = float(torch.tensor(-0.5 * (100 * unlike / (100 + unlike) + far)).exp())
        total += weight
        mean += weight * x[0, EBSD, r, c]
    torch.testing.assert_close(found.mean[0, :, row, column], mean / total, atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("cell", [1, 2, 3, 4])
def test_a_tile_gives_what_the_whole_gives(cell: int) -> None:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(1, 23, 72, 64, generator=generator)
    sigma = torch.full((1, 4, 72, 64), 0.5)
    sigma[:, 0, 1::cell, 2::cell] = 0.05
    points = known_points(sigma)
    whole = guided_mean(x, sigma, points, cell)
    r, c = slice(8, 64), slice(8, 56)
    tile = guided_mean(x[..., r, c], sigma[..., r, c], points[..., r, c], cell, (8, 8))
    inner = (..., slice(16, 40), slice(16, 32))
    torch.testing.assert_close(tile.mean[inner], whole.mean[..., 24:48, 24:40], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tile.variance[inner], whole.variance[..., 24:48, 24:40], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("cell", [1, 2, 5])
def test_gradients_and_irregular_grids_take_another_way_to_the_same(cell: int) -> None:
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(2, 23, 40, 37, generator=generator)
    sigma = torch.full((2, 4, 40, 37), 0.5)
    sigma[:, 0, ::cell, ::cell] = 0.05
    points = known_points(sigma)
    found = guided_mean(x, sigma, points, cell, (3, 7))
    traced = guided_mean(x.requires_grad_(), sigma, points, cell, (3, 7))
    traced.mean.square().sum().backward()
    assert bool(torch.isfinite(x.grad).all())
    assert float(x.grad.abs().max()) > 0
    # One point elsewhere in its cell in the other image: nothing there is in one table any more.
    moved = points.clone()
    moved[1, 0, 0], moved[1, cell // 2, 0] = False, True
    other = guided_mean(x.detach()[:1], sigma[:1], moved[:1], cell, (3, 7))
    together = guided_mean(x.detach(), sigma, moved, cell, (3, 7))
    for name in ("mean", "variance", "support"):
        one = getattr(found, name)
        torch.testing.assert_close(getattr(traced, name), one, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(getattr(other, name), one[:1], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(getattr(together, name)[:1], one[:1], rtol=1e-4, atol=1e-4)


def test_a_wrong_point_is_no_witness_for_itself() -> None:
    state, sigma = two_grains(stride=1, edge=40)
    wrong = embed(random((1,), torch.Generator().manual_seed(8)), dim=-1)[0]
    state[0, EBSD, 16, 16] = wrong
    found = guided_mean(state, sigma, known_points(sigma), 1)
    assert float(degrees_between(found.mean[0, :, 16, 16], state[0, EBSD, 20, 20], dim=0)) < 0.5


def test_inside_a_hole_there_is_no_support() -> None:
    sigma = torch.full((1, 4, 64, 64), SIGMA_MAX)
    sigma[:, 0, ::2, ::2] = 0.02
    sigma[:, 0, 20:44, 20:44] = SIGMA_MAX
    found = guided_mean(torch.zeros(1, 23, 64, 64), sigma, known_points(sigma), 2)
    assert float(found.support[0, 0, 31, 31]) < 1e-3
    assert float(found.support[0, 0, 5, 5]) > 1
    assert bool(torch.isfinite(found.mean).all())
    assert bool(torch.isfinite(found.variance).all())
