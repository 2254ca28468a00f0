"""Boundaries move to where blurred, noisy light says, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import random
from grainlight.grains.segment import connected
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.point_spread import blurred, gaussian, grown, spread_back
from grainlight.restore.labelling.descent import RelabelSettings, _Relabelling, relabel
from grainlight.restore.light.grain_offsets import join_neighbours, neighbour_distances, offset_sums, shrunk
from grainlight.restore.uncertainty.second_label import boundary_probability, second_probability

SIDE = 40


def two_grains(slope: float) -> Tensor:
    """Embedding (18, 40, 40) of two grains on either side of a sloping line."""
    left, right = embed(random((2,), torch.Generator().manual_seed(11)))
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    beyond = column + slope * (row - SIDE / 2) > SIDE / 2
    return torch.where(beyond, right[:, None, None], left[:, None, None])


def seen(e: Tensor, width: float, noise: float, offset: float = 0.0) -> Tensor:
    light = blurred(IDEAL.of_embedding(e), gaussian(width))
    side = (e - e[:, :1, :1]).norm(dim=0) > 0.1
    return light + offset * side + noise * torch.randn(light.shape, generator=torch.Generator().manual_seed(3))


DESCENT, CHAIN = RelabelSettings(), RelabelSettings(visits=10)


@pytest.mark.parametrize("how", [DESCENT, CHAIN])
@pytest.mark.parametrize("offset", [0.0, 0.08])
def test_a_displaced_boundary_goes_back(offset: float, how: RelabelSettings) -> None:
    truth = two_grains(0.4)
    wrong = truth.roll(2, -1)
    wrong[:, :, :2] = truth[:, :, :2]
    light = seen(truth, 0.9, 0.06, offset)
    free = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    found = relabel(wrong, wrong, free, light, torch.full_like(light, 0.06), how)
    before = ((wrong - truth).norm(dim=0) > 0.1).float().mean()
    after = ((found.embedding - truth).norm(dim=0) > 0.1).float().mean()
    assert before > 0.04
    assert after < 0.2 * before
    assert abs(found.blur - 0.9) <= 0.2


@pytest.mark.parametrize("how", [DESCENT, CHAIN])
def test_fixed_pixels_stay_and_no_orientation_is_invented(how: RelabelSettings) -> None:
    truth = two_grains(0.4)
    wrong = truth.roll(2, -1)
    light = seen(truth, 0.9, 0.06)
    fixed = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1)) < 0.2
    given = wrong.clone()
    found = relabel(wrong, wrong, fixed, light, torch.full_like(light, 0.06), how).embedding
    assert torch.equal(wrong, given)
    assert torch.equal(found[:, fixed], wrong[:, fixed])
    known = torch.stack((truth[:, 0, 0], truth[:, 0, -1]), 1)
    assert ((found[:, :, :, None] - known[:, None, None]).norm(dim=0).amin(-1) == 0).all()


@pytest.mark.parametrize("how", [DESCENT, CHAIN])
def test_without_light_a_straight_boundary_stays(how: RelabelSettings) -> None:
    truth = two_grains(0.0)
    light = torch.zeros(5, SIDE, SIDE)
    found = relabel(truth, truth, torch.zeros(SIDE, SIDE, dtype=torch.bool), light, torch.full_like(light, 8.0), how)
    assert torch.equal(found.embedding, truth)
    assert found.changed == 0


@pytest.mark.parametrize("how", [DESCENT, CHAIN])
def test_margins_are_small_where_the_light_is_weak(how: RelabelSettings) -> None:
    truth = two_grains(0.4)
    fixed = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    doubts = []
    for noise in (0.05, 0.4):
        light = seen(truth, 0.9, noise)
        found = relabel(truth, truth, fixed, light, torch.full_like(light, noise), how)
        doubts.append(second_probability(found.gap).sum())
    assert doubts[1] > 2 * doubts[0]
    assert (
        found.second[~torch.isfinite(found.gap)] == torch.arange(SIDE**2).view(SIDE, SIDE)[~torch.isfinite(found.gap)]
    ).all()


@given(st.floats(0.3, 2.0), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_spread_back_is_the_transpose_of_blur(width: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    kernel = gaussian(width)
    gap = len(kernel)
    x, y = torch.zeros(2, 1, 40, 40)
    inner = (slice(None), slice(gap, -gap), slice(gap, -gap))
    x[inner] = torch.randn(x[inner].shape, generator=generator)
    y = torch.randn(y.shape, generator=generator)
    left, right = (blurred(x, kernel) * y).sum(), (x * spread_back(y, kernel)).sum()
    assert left.item() == pytest.approx(right.item(), abs=1e-3)


@pytest.mark.parametrize("rows", [(0, 2), (1, 2), (2, 3)])
def test_spread_back_on_some_rows_is_that_of_all(rows: tuple[int, int]) -> None:
    images = torch.randn(3, 21, 17, generator=torch.Generator().manual_seed(6))
    found, expected = (spread_back(images, gaussian(0.8), *some) for some in ((rows,), ()))
    torch.testing.assert_close(found, expected[:, rows[0] :: rows[1]])


@given(st.integers(0, 4), st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_mask_grows_by_its_reach_on_all_sides(reach: int, seed: int) -> None:
    mask = torch.rand(13, 9, generator=torch.Generator().manual_seed(seed)) < 0.05
    expected = torch.nn.functional.max_pool2d(mask[None].float(), 2 * reach + 1, 1, reach)[0] > 0
    assert torch.equal(grown(mask, reach), expected)


def test_energies_that_are_kept_are_those_of_the_map_as_it_is() -> None:
    truth = two_grains(0.4)
    wrong = truth.roll(2, -1)
    light = seen(truth, 0.9, 0.06)
    none = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    work = _Relabelling(wrong, wrong, none, none, light, torch.full_like(light, 0.06), RelabelSettings())
    assert work.sweep(~none).sum() > 20
    kept = (work.place >= 0).nonzero()[:, 0]
    assert len(kept) > 20
    found = work.without_light.index_select(0, work.place[kept])
    torch.testing.assert_close(found, work._without_light(kept), atol=0.05, rtol=0)


def test_grains_are_counted_and_their_offsets_found() -> None:
    e = two_grains(0.3)
    labels, count = join_neighbours(*(apart < 3 * PER_DEGREE for apart in neighbour_distances(e)))
    assert count == 2
    assert len(labels) == SIDE**2
    side = (labels == labels[-1]).view(SIDE, SIDE).float()
    residual = (0.2 * side - 0.1 * (1 - side)).expand(5, -1, -1)
    residual = residual.flatten(1)
    found = shrunk(offset_sums(labels, count, residual, torch.full_like(residual, 400.0)))
    assert torch.allclose(found[:, labels], residual, atol=1e-3)
    # Parts of a map add up.
    half = SIDE**2 // 2
    parts = [
        offset_sums(labels[p], count, residual[:, p], torch.full_like(residual[:, p], 400.0))
        for p in (slice(half), slice(half, None))
    ]
    assert torch.allclose(shrunk(parts[0] + parts[1]), found)
    assert shrunk(offset_sums(labels, count, residual, torch.zeros_like(residual))).abs().max() == 0


@given(st.integers(0, 1000), st.floats(0.3, 0.95))
@settings(max_examples=20, deadline=None)
def test_grains_are_the_parts_that_neighbours_connect(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    right = torch.rand(9, 12, generator=generator) < share
    down = torch.rand(8, 13, generator=generator) < share
    labels, count = join_neighbours(right, down)
    at = torch.arange(9 * 13).view(9, 13)
    pairs = torch.cat(
        (torch.stack((at[:, :-1][right], at[:, 1:][right])), torch.stack((at[:-1][down], at[1:][down]))), 1
    )
    expected = connected(pairs[0].numpy(), pairs[1].numpy(), 9 * 13)
    assert count == expected.max() + 1
    assert (labels.numpy() == expected).all()


def test_boundary_probability_is_one_at_most() -> None:
    """Four labels that are all apart: their shares are rounded, and sum to one all the same."""
    rng = torch.Generator().manual_seed(0)
    e = torch.randn(18, 400, 400, generator=rng)
    second = torch.randint(400 * 400, (400, 400), generator=rng)
    found = boundary_probability(e, second, 0.01 + 0.98 * torch.rand(400, 400, generator=rng), 5.0)
    assert found.max() == 1.0


def test_boundary_probability_of_certain_and_open_pixels() -> None:
    e = two_grains(0.0)
    none = torch.arange(SIDE**2).view(SIDE, SIDE)
    sure = boundary_probability(e, none, second_probability(torch.full((SIDE, SIDE), torch.inf)), 5.0)
    assert set(sure.unique().tolist()) == {0.0, 1.0}
    assert sure.sum() == SIDE
    second, gap = none.clone(), torch.full((SIDE, SIDE), torch.inf)
    column = int(sure[0].argmax())
    second[:, column] = none[:, column + 1]
    gap[:, column] = 0.0
    half = boundary_probability(e, second, second_probability(gap), 5.0)
    assert torch.allclose(half[:, column], torch.tensor(0.5))
    assert torch.allclose(half[:, column - 1], torch.tensor(0.5))
