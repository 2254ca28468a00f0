"""The chain over labels: its shares are the posterior's, and its choices are the grains nearby."""

from __future__ import annotations

import pytest
import torch

from grainlight.optics.forward.local_forward import Field
from grainlight.optics.forward.point_spread import gaussian
from grainlight.restore.labelling.chain import (
    Chain,
    Choices,
    Prior,
    find_choices,
    nearest_of,
    window,
    with_company,
)

SHAPE = (12, 15)


def stripes() -> torch.Tensor:
    """Labels (180,) of three grains side by side, five columns each."""
    return (torch.arange(15) // 5).expand(SHAPE).reshape(-1)


def chain_of(light: torch.Tensor, length: float, width: float = 0.0, noise: float = 0.5, seed: int = 0) -> Chain:
    labels = stripes()
    everything = torch.ones(len(labels), dtype=torch.bool)
    choices = find_choices(labels, everything, everything, SHAPE, 2)
    expected = (labels - 1.0).expand(5, -1)
    cost = torch.zeros(choices.label.shape)
    field = Field(light, torch.full_like(light, noise**-2), gaussian(width))
    return Chain(choices, labels, expected, cost, field, Prior(length, 0.7, 1.0), seed)


def test_window_begins_with_the_pixel_and_goes_outward() -> None:
    offsets = window(2)
    assert offsets[0] == (0, 0)
    assert len(set(offsets)) == 25
    reach = [r * r + c * c for r, c in offsets]
    assert reach == sorted(reach)


def test_choices_are_the_grains_within_reach() -> None:
    labels = stripes()
    free = torch.ones(len(labels), dtype=torch.bool)
    free[0] = False
    lends = labels != 2
    found = find_choices(labels, free, lends, SHAPE, 2)
    column = found.at % SHAPE[1]
    # Columns 3 to 6 reach the first boundary; behind the second one nobody lends but from the left.
    assert set(column.tolist()) == {3, 4, 5, 6, 10, 11}
    assert (found.label[:, 0] == labels[found.at]).all()
    known = found.label >= 0
    assert (labels[found.source][known] == found.label[known]).all()
    assert known.sum(1).unique().tolist() == [2]
    away = (found.source[:, 1] % SHAPE[1] - column).abs()
    assert away.max() == 2
    assert away.min() == 1


def test_nearest_pixel_of_a_grain() -> None:
    labels = stripes()
    at = torch.tensor([4, 3, 7])
    assert nearest_of(labels, at, torch.tensor([1, 1, 9]), SHAPE, 2).tolist() == [5, 5, 7]


def test_one_free_pixel_is_in_each_grain_as_often_as_bayes_says() -> None:
    """Without a prior and blur the odds of two grains are the ratio of their likelihoods."""
    labels = stripes()
    light = (labels - 1.0).expand(5, -1).reshape(5, *SHAPE).clone()
    light[:, 6, 5] = -0.48
    chain = chain_of(light, length=0.0, noise=1.0)
    only = (chain.choices.at == 6 * 15 + 5).nonzero()[0]
    kept = Choices(chain.choices.at[only], chain.choices.source[only], chain.choices.label[only])
    field = Field(light, torch.ones_like(light), gaussian(0.0))
    chain = Chain(
        kept, labels, (labels - 1.0).expand(5, -1), torch.zeros(kept.label.shape), field, Prior(0.0, 0.7, 1.0)
    )
    for _ in range(4):
        chain.sweep()
    found = chain.probability[0, :2] / chain.visits
    # Both within the range where robust and square misfit hardly differ.
    own, other = (5 * 0.5 * (-0.48 - value) ** 2 for value in (0.0, -1.0))
    assert found[0].item() == pytest.approx(torch.sigmoid(torch.tensor(other - own)).item(), abs=0.02)
    assert found.sum().item() == pytest.approx(1.0, abs=1e-5)


def test_same_seed_same_walk_and_the_given_labels_stay() -> None:
    light = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(5))
    labels = stripes()
    walks = []
    for seed in (1, 1, 2):
        chain = chain_of(light, 0.5, width=0.7, seed=seed)
        for _ in range(3):
            chain.sweep()
        walks.append(chain.probability)
    assert torch.equal(walks[0], walks[1])
    assert not torch.equal(walks[0], walks[2])
    assert torch.equal(labels, stripes())


def test_a_long_boundary_prior_keeps_grains_whole() -> None:
    noisy = 0.8 * torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(6))
    light = (stripes() - 1.0).view(SHAPE) + noisy
    wrong = []
    for length in (0.0, 1.5):
        chain = chain_of(light, length, noise=0.8)
        for number in range(13):
            chain.sweep(counts=number >= 3)
        assert chain.visits == 10
        best = chain.choices.label.gather(1, chain.probability.argmax(1, keepdim=True))[:, 0]
        wrong.append(int((best != stripes()[chain.choices.at]).sum()))
    assert wrong[1] < wrong[0]


def test_a_pixel_that_would_be_alone_takes_the_best_grain_beside_it() -> None:
    shape = (3, 6)
    labels = torch.tensor([[0, 0, 0, 1, 1, 2]] * 3).reshape(-1)
    # Three pixels of the first grain: in the corner, and in the middle, where the second grain is beside the last.
    at = torch.tensor([0, 7, 8])
    choices = Choices(at, at[:, None].expand(-1, 3).clone(), torch.tensor([[0, 1, -1], [0, 2, 1], [0, 2, 1]]))
    # The corner stays; the others are most often in the third grain, which is nowhere near, then in the second.
    order = torch.tensor([[0, 1, 2], [1, 2, 0], [1, 2, 0]])
    found = with_company(order, choices, labels, shape)
    assert found[0].tolist() == [0, 1, 2]
    # The two are beside one another: both are in the third grain together, and that is company.
    assert torch.equal(found, order)
    single = Choices(at[:2], choices.source[:2], choices.label[:2])
    assert with_company(order[:2], single, labels, shape).tolist() == [[0, 1, 2], [0, 1, 2]]
    last = Choices(at[[0, 2]], choices.source[[0, 2]], choices.label[[0, 2]])
    assert with_company(order[[0, 2]], last, labels, shape).tolist() == [[0, 1, 2], [2, 1, 0]]
