"""Sections between two others: what training draws, and what is right there."""

from __future__ import annotations

import torch

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.beside import candidates_of
from grainlight.synth.draw import Draw
from grainlight.training.hidden_labels import LabelMixture, right_candidates
from grainlight.training.stacks import draw_stack_case
from grainlight.training.validation import stack_questions


def test_a_case_is_consistent() -> None:
    case = draw_stack_case(Draw.seeded(4), 12, 32, 2, LabelMixture())
    beside = case.measured.neighbours
    assert beside is not None
    assert case.beside is not None
    assert (beside.distance > 0).all()
    # At most one of the two is missing.
    assert beside.known.flatten(2).any(2).any(1).all()
    assert (beside.embedding[~beside.known[:, :, None].expand_as(beside.embedding)] == 0).all()
    # Where a map gives a pixel the pixel's own grain, it also gives it the orientation of that, but for gradients.
    for layer in range(2):
        same = (case.beside[layer] == case.grain) & beside.known[:, layer]
        away = (beside.embedding[:, layer] - case.embedding).norm(dim=1) / PER_DEGREE
        assert away[same].median() < 2
        assert away[~same & beside.known[:, layer]].median() > 5


def test_some_sections_have_points_of_their_own() -> None:
    none = draw_stack_case(Draw.seeded(1), 8, 32, 1, LabelMixture(unmeasured=1.0)).measured
    assert not none.points.any()
    assert (none.embedding == 0).all()
    assert draw_stack_case(Draw.seeded(1), 8, 32, 1, LabelMixture(unmeasured=0.0)).measured.points.any()


def test_right_candidates_are_of_the_pixels_grain() -> None:
    case = draw_stack_case(Draw.seeded(4), 6, 32, 1, LabelMixture(unmeasured=1.0))
    candidates = candidates_of(case.measured)
    right = right_candidates(case, candidates)
    assert 0.3 < right.any(2).float().mean() < 1
    assert not right[~candidates.usable[:, None].expand_as(right)].any()


def test_the_protocol_asks_the_same_sections_with_light_and_without() -> None:
    lit, alone = stack_questions(2, 32)
    assert torch.equal(lit.right, alone.right)
    assert lit.case.measured.light.abs().sum() > 0
    assert alone.case.measured.light.abs().sum() == 0
