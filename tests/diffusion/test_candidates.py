"""Candidates of cells: the nearest points, each once, and the same ones whatever way the section is turned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.diffusion.candidates import (
    CELL,
    SLOTS,
    find_candidates,
    from_cells,
    nearest_point,
    point_spacing,
    to_cells,
)


def scattered(share: float, shape: tuple[int, int] = (48, 32), batch: int = 3) -> torch.Tensor:
    return torch.rand(batch, *shape, generator=torch.Generator().manual_seed(3)) < share


def grid(step: int, shape: tuple[int, int] = (48, 48), first: tuple[int, int] = (0, 0)) -> torch.Tensor:
    points = torch.zeros(1, *shape, dtype=torch.bool)
    points[:, first[0] :: step, first[1] :: step] = True
    return points


def test_cells_come_back_as_the_image() -> None:
    image = torch.randn(2, 3, 16, 24)
    assert torch.equal(from_cells(to_cells(image), (16, 24)), image)
    assert torch.equal(to_cells(image)[0, 1], image[0, 1, :4, :4].reshape(-1))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.6])
def test_the_nearest_point_is_the_nearest(share: float) -> None:
    points = scattered(share)
    found = nearest_point(points)
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(32.0), indexing="ij")
    for mask, index in zip(points, found, strict=True):
        at = mask.nonzero().float()
        pixels = torch.stack((rows, columns), -1).reshape(-1, 2)
        best = torch.cdist(pixels, at).amin(1)
        mine = torch.stack((index // 32, index % 32), -1).reshape(-1, 2).float()
        assert mask.reshape(-1)[index.reshape(-1)].all()
        # Jump flooding misses the nearest now and then, by a fraction of a pixel.
        excess = (mine - pixels).norm(dim=1) - best
        assert excess.max() < 1.5
        assert (excess > 1e-4).float().mean() < 0.01


def test_without_points_there_are_no_candidates() -> None:
    points = torch.zeros(1, 16, 16, dtype=torch.bool)
    found = find_candidates(nearest_point(points), point_spacing(points))
    assert not found.usable.any()
    assert (found.index >= 0).all()


@pytest.mark.parametrize("step", [2, 4, 6, 8])
def test_spacing_of_a_grid_is_its_step_and_holes_do_not_count(step: int) -> None:
    points = grid(step)
    points[:, :20, :20] = False
    assert point_spacing(grid(step)).item() == pytest.approx(step, rel=0.02)
    assert point_spacing(points).item() == pytest.approx(step, rel=0.15)


@pytest.mark.parametrize("first", [(0, 0), (1, 3), (2, 1)])
def test_inside_a_grid_the_candidates_are_the_sixteen_points_around(first: tuple[int, int]) -> None:
    points = grid(4, first=first)
    found = find_candidates(nearest_point(points), point_spacing(points))
    middle = 12 * 5 + 5
    assert found.usable[middle].all()
    assert len(set(found.index[middle].tolist())) == SLOTS
    # All lie within the reach of two and a half steps from the middle of the cell.
    assert found.offset[middle].abs().max() <= 2.5


@pytest.mark.parametrize("step", range(1, 9))
def test_points_of_a_grid_are_nowhere_dense(step: int) -> None:
    """The nodes of all cells lie as far apart as the points, at the edges too."""
    points = grid(step)
    spacing = point_spacing(points)
    assert find_candidates(nearest_point(points), spacing).spacing.unique().tolist() == [spacing.item()]


def test_a_row_of_cells_has_candidates() -> None:
    points = grid(2, (CELL, 48))
    assert find_candidates(nearest_point(points), point_spacing(points)).spacing.unique().tolist() == [2.0]


def test_in_a_finer_box_every_point_is_a_candidate_of_its_own_cell() -> None:
    points = grid(4, (144, 144))
    side, box = points.shape[-1], slice(60, 84)
    points[:, box, box] = True
    found = find_candidates(nearest_point(points), point_spacing(points))
    cells = np.arange((side // CELL) ** 2).reshape(side // CELL, -1)
    for row, column in np.ndindex(*cells.shape):
        own = {
            r * side + c
            for r in range(CELL * row, CELL * row + CELL)
            for c in range(CELL * column, CELL * column + CELL)
            if points[0, r, c]
        }
        cell = cells[row, column]
        assert own <= set(found.index[cell][found.usable[cell]].tolist())
    # beside the box and far from it nothing changes
    plain = find_candidates(nearest_point(grid(4, (144, 144))), point_spacing(grid(4, (144, 144))))
    assert torch.equal(found.index[cells[0]], plain.index[cells[0]])
    outside = np.ones(cells.shape, bool)
    outside[15:21, 15:21] = False
    assert torch.equal(found.spacing[cells[outside]], plain.spacing[cells[outside]])


def test_every_candidate_counts_once_and_is_a_point() -> None:
    points = scattered(0.03)
    found = find_candidates(nearest_point(points), point_spacing(points))
    flat = points.reshape(-1)
    for index, usable in zip(found.index, found.usable, strict=True):
        taken = index[usable].tolist()
        assert len(taken) == len(set(taken)) > 0
        assert flat[index].all()
