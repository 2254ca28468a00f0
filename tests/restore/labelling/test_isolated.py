from __future__ import annotations

import torch

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.restore.labelling.isolated import join_isolated_pixels


def _grains() -> tuple[torch.Tensor, torch.Tensor]:
    """Two grains side by side and a third orientation."""
    three = embed(random((3,), torch.Generator().manual_seed(4)), dim=-1)
    e = three[(torch.arange(12) >= 6).long()].T[:, None, :].expand(18, 12, 12).clone()
    return e, three[2]


def test_a_lone_inferred_pixel_joins_the_grain_that_the_guide_likes() -> None:
    truth, third = _grains()
    e = truth.clone()
    e[:, 4, 5] = third
    out = join_isolated_pixels(e, truth, torch.zeros(12, 12, dtype=torch.bool))
    assert torch.equal(out, truth)


def test_a_lone_measured_pixel_stays() -> None:
    truth, third = _grains()
    e = truth.clone()
    e[:, 4, 5] = third
    measured = torch.zeros(12, 12, dtype=torch.bool)
    measured[4, 5] = True
    assert torch.equal(join_isolated_pixels(e, truth, measured), e)


def test_a_diagonal_lamella_of_one_pixel_stays() -> None:
    truth, third = _grains()
    e = truth.clone()
    for k in range(12):
        e[:, k, k] = third
    assert torch.equal(join_isolated_pixels(e, truth, torch.zeros(12, 12, dtype=torch.bool)), e)


def test_corners_and_a_single_pixel() -> None:
    truth, third = _grains()
    e = truth.clone()
    e[:, 0, 0] = third
    assert torch.equal(join_isolated_pixels(e, truth, torch.zeros(12, 12, dtype=torch.bool)), truth)
    one = third[:, None, None]
    assert torch.equal(join_isolated_pixels(one, one, torch.zeros(1, 1, dtype=torch.bool)), one)
