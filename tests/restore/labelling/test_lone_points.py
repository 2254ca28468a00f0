"""Measured points that a map leaves standing alone, though the scan supports them, are noticed where there are many."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.restore.labelling.lone_points import crowded, lone_points
from grainlight.restore.points.neighbours import find_neighbours

SIDE, STEP = 64, 4
WRONG = (slice(16, 40), slice(20, 44))


@pytest.fixture(scope="module")
def grains() -> Tensor:
    return embed(random((3,), torch.Generator().manual_seed(1), dtype=torch.float64).float(), dim=-1)


@pytest.fixture(scope="module")
def points() -> Tensor:
    found = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    found[::STEP, ::STEP] = True
    return found


def two_grains(grains: Tensor) -> Tensor:
    e = grains[0][:, None, None].repeat(1, SIDE, SIDE)
    e[:, :, SIDE // 2 :] = grains[1][:, None, None]
    return e


def found(e: Tensor, truth: Tensor, points: Tensor) -> Tensor:
    return lone_points(e, truth, torch.full((SIDE, SIDE), 0.01), points, find_neighbours(points))


def test_a_map_that_agrees_with_its_points_has_none(grains: Tensor, points: Tensor) -> None:
    truth = two_grains(grains)
    lone = found(truth, truth, points)
    assert not lone.any()
    assert not crowded(lone, points).any()


def test_points_in_a_false_grain_stand_alone(grains: Tensor, points: Tensor) -> None:
    truth, restored = two_grains(grains), two_grains(grains)
    restored[:, *WRONG] = grains[2][:, None, None]
    # Measured pixels keep their orientation.
    restored[:, points] = truth[:, points]
    lone = found(restored, truth, points)
    assert (lone[WRONG] == points[WRONG]).float().mean() > 0.95
    assert lone.sum() == lone[WRONG].sum()
    there = crowded(lone, points)
    assert there[WRONG].all()
    assert there.float().mean() < 0.6


def test_a_point_that_no_other_supports_is_no_contradiction(grains: Tensor, points: Tensor) -> None:
    truth = two_grains(grains)
    measured = truth.clone()
    measured[:, 20, 8] = grains[2]
    assert not found(truth, measured, points).any()


def test_one_lone_point_is_chance(grains: Tensor, points: Tensor) -> None:
    truth, restored = two_grains(grains), two_grains(grains)
    restored[:, 19:22, 7:10] = grains[2][:, None, None]
    restored[:, points] = truth[:, points]
    lone = found(restored, truth, points)
    assert lone.sum() == 1
    assert not crowded(lone, points).any()
