"""A network that is asked again: what was computed once must be what it would say if asked anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from grainlight.diffusion.asked import Question
from grainlight.diffusion.candidates import CELL, SLOTS, Candidates
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import LabelNetwork, Labels
from grainlight.diffusion.sampler import draw
from grainlight.diffusion.square import VIEWS

from . import test_beside, test_network
from .turned import turn_candidates, turn_labels_back, turn_measurement, turn_revealed

SIDE = test_network.SIDE
SIZE = (SIDE, SIDE)


def cases() -> dict[str, tuple[LabelNetwork, Measurement, Candidates]]:
    """A random network that is not silent, on points with light, on scattered ones, and between two sections."""
    torch.manual_seed(3)
    plain, stacked = LabelNetwork(test_network.SMALL).eval(), LabelNetwork(test_beside.CONFIG).eval()
    for model in (plain, stacked):
        torch.nn.init.normal_(model.head.weight, std=0.3)
        torch.nn.init.normal_(model.head.bias, std=0.3)
    assert stacked.beside is not None
    torch.nn.init.normal_(stacked.beside.weight, std=0.3)
    lit, truth = test_network.sections()
    points = torch.rand(lit.points.shape, generator=torch.Generator().manual_seed(1)) < 0.1
    scattered = replace(lit, points=points, embedding=torch.where(points[:, None], truth, 0.0), noise=0.02 * points)
    beside = test_beside.stack()[0]
    return {
        "points": (plain, lit, test_network.candidates_of(lit)),
        "scattered": (plain, scattered, test_network.candidates_of(scattered)),
        "between": (stacked, beside, test_beside.candidates_of(beside)),
    }


def some_labels(measured: Measurement) -> Revealed:
    """Half of the pixels, a few of them in new grains."""
    generator = torch.Generator().manual_seed(7)
    mask = ~measured.points & (torch.rand(measured.points.shape, generator=generator) < 0.5)
    embedding = torch.where(mask[:, None], torch.randn(measured.embedding.shape, generator=generator), 0.0)
    return Revealed(mask, embedding, mask & (torch.rand(mask.shape, generator=generator) < 0.2))


def same(found: Labels, expected: Labels) -> None:
    torch.testing.assert_close(found.logits, expected.logits, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(found.other, expected.other, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("case", ["points", "scattered", "between"])
def test_labels_given_others_are_those_of_a_call_of_its_own(case: str) -> None:
    model, measured, candidates = cases()[case]
    revealed = some_labels(measured)
    with torch.inference_mode():
        asked = Question(model, measured, candidates).ask()
        none, some = (model.label(measured, r, candidates) for r in (Revealed.none(measured), revealed))
        again = asked.given(revealed)
        same(asked.labels, none)
        same(again, some)
        # It matters what is revealed, and asking changes nothing of the answer before.
        assert (again.logits - none.logits).abs().max() > 0.1
        same(asked.given(Revealed.none(measured)), none)


@pytest.mark.parametrize("case", ["points", "scattered", "between"])
@pytest.mark.parametrize("view", range(VIEWS))
def test_a_view_is_the_answer_for_the_turned_section(case: str, view: int) -> None:
    model, measured, candidates = cases()[case]
    turned, there = turn_measurement(measured, view), turn_candidates(candidates, view, 2, SIZE)
    question = Question(model, measured, candidates)
    with torch.inference_mode():
        plain = model.label(turned, turn_revealed(Revealed.none(measured), view), there)
        first, _, guided = question.first_layers(question.ask().tables, [view], fixed=False)
        found = question.answer(first[0], guided, view)
        same(found, turn_labels_back(plain, view, SIZE))
        if view:
            assert (found.logits - question.ask().labels.logits).abs().max() > 0.1


def test_the_average_is_that_of_the_views() -> None:
    model, measured, candidates = cases()["points"]
    calls: list[int] = []
    with torch.inference_mode():
        asked = Question(model, measured, candidates, done=lambda: calls.append(1)).ask(VIEWS, reveals=False)
        p: Tensor = torch.zeros(len(candidates.index), CELL**2, SLOTS + 1)
        for view in range(VIEWS):
            turned, there = turn_measurement(measured, view), turn_candidates(candidates, view, 2, SIZE)
            labels = model.label(turned, Revealed.none(turned), there)
            p += turn_labels_back(labels, view, SIZE).logits.softmax(2) / VIEWS
    torch.testing.assert_close(asked.mean.logits.softmax(2), p, atol=1e-4, rtol=1e-3)
    assert len(calls) == VIEWS
    assert asked.fixed is None


def test_a_sample_of_one_step_asks_no_second_time() -> None:
    model, measured, candidates = cases()["points"]
    calls: list[int] = []
    with torch.inference_mode():
        asked = Question(model, measured, candidates, done=lambda: calls.append(1)).ask()
        for steps in (1, 1, 3):
            draw(asked, steps, torch.Generator().manual_seed(0))
    assert len(calls) == 1 + 2
