"""Sections below and above: the candidates that they lend, in strips, in views, and what a network makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion import beside
from grainlight.diffusion.asked import Question
from grainlight.diffusion.beside import candidates_of
from grainlight.diffusion.evidence import gather_evidence, ideal_light, tabulate
from grainlight.diffusion.measurement import Measurement, Neighbours, Revealed
from grainlight.diffusion.network import LabelConfig, LabelNetwork
from grainlight.diffusion.sampler import draw, estimate
from grainlight.diffusion.square import VIEWS
from grainlight.diffusion.state import SIGMA_MAX

from .turned import turn_candidates, turn_labels_back, turn_measurement, turn_revealed

CONFIG = LabelConfig(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1), stacks=True)
SIDE, BATCH = 32, 2
PIXELS = BATCH * SIDE * SIDE


def stack(boundaries: tuple[float, float, float] = (12.0, 15.0, 18.0), lit: bool = True) -> tuple[Measurement, Tensor]:
    """Two grains whose boundary moves from section to section: below, between, above; and the truth between."""
    e = embed(random((BATCH, 2), torch.Generator().manual_seed(5)))
    column = torch.arange(SIDE).expand(SIDE, SIDE)
    maps = [e[:, (column > b).long()].permute(0, 3, 1, 2).contiguous() for b in boundaries]
    below, truth, above = maps
    known = torch.stack((below, above), 1)
    light = ideal_light(truth.movedim(1, -1)).movedim(-1, 1)
    return (
        Measurement(
            torch.zeros(BATCH, SIDE, SIDE, dtype=torch.bool),
            torch.zeros_like(truth),
            torch.zeros(BATCH, SIDE, SIDE),
            light if lit else torch.zeros_like(light),
            torch.full((BATCH, 3, SIDE, SIDE), 0.05 if lit else SIGMA_MAX),
            Neighbours(
                torch.ones(BATCH, 2, SIDE, SIDE, dtype=torch.bool),
                known,
                torch.full((BATCH, 2, SIDE, SIDE), 0.02),
                ideal_light(known.movedim(2, -1)).movedim(-1, 2),
                torch.full((BATCH, 2, 3, SIDE, SIDE), 0.05),
                torch.tensor([[4.0, 6.0]]).expand(BATCH, 2),
            ),
        ),
        truth,
    )


def test_a_section_without_points_takes_candidates_from_both_sides() -> None:
    measured, _ = stack()
    found = candidates_of(measured)
    layer = found.index // PIXELS
    assert set(layer.unique().tolist()) == {1, 2}
    assert (layer[:, :2] == torch.tensor([1, 2])).all()
    # A row of a table is of the image that the cell lies in.
    image = (found.index % PIXELS) // (SIDE * SIDE)
    assert (image == torch.arange(BATCH).repeat_interleave(len(image) // BATCH)[:, None]).all()
    assert found.usable.float().mean() > 0.8


@pytest.mark.parametrize("missing", [0, 1])
def test_where_one_section_is_missing_the_other_lends_all(missing: int) -> None:
    measured, _ = stack()
    assert measured.neighbours is not None
    known = measured.neighbours.known.clone()
    known[:, missing] = False
    found = candidates_of(replace(measured, neighbours=replace(measured.neighbours, known=known)))
    assert (found.index[found.usable] // PIXELS == 2 - missing).all()


def test_where_nothing_is_known_there_are_no_candidates() -> None:
    measured, _ = stack()
    assert measured.neighbours is not None
    nothing = replace(measured.neighbours, known=torch.zeros_like(measured.neighbours.known))
    assert not candidates_of(replace(measured, neighbours=nothing)).usable.any()


def test_points_of_the_section_itself_come_first() -> None:
    measured, truth = stack()
    points = torch.zeros_like(measured.points)
    points[0, ::4, ::4] = True
    own = replace(measured, points=points, embedding=torch.where(points[:, None], truth, 0.0))
    layer = candidates_of(own).index.view(BATCH, -1) // PIXELS
    assert (layer[0] == 0).all()
    assert (layer[1] > 0).all()


def test_before_training_light_chooses_among_the_grains_of_both_sides() -> None:
    measured, truth = stack()
    candidates = candidates_of(measured)
    with torch.inference_mode():
        labels = LabelNetwork(CONFIG).label(measured, Revealed.none(measured), candidates)
        found = estimate(labels, candidates, measured)
        drawn = draw(Question(LabelNetwork(CONFIG), measured, candidates).ask(), 2, torch.Generator().manual_seed(1))
    assert ((found.chosen - truth).norm(dim=1) < 1e-3).float().mean() > 0.999
    assert ((drawn - truth).norm(dim=1) < 1e-3).float().mean() > 0.98


def test_features_tell_what_lies_below_and_above() -> None:
    measured, _ = stack()
    tables, candidates = tabulate(measured, Revealed.none(measured)), candidates_of(measured)
    found = gather_evidence(tables, candidates).beside
    assert found is not None
    assert found.shape == (len(candidates.index), beside.CHANNELS)
    parts = [gather_evidence(tables, candidates, slice(s, s + 7)).beside for s in range(0, len(found), 7)]
    torch.testing.assert_close(torch.cat([p for p in parts if p is not None]), found, atol=1e-5, rtol=1e-5)
    # Far from the boundaries the candidates below are alike with what lies below, where they are of its grain.
    likeness = found[:, : 2 * 16 * 16].view(-1, 2, 16, 16)[0]
    assert (likeness[:, :, candidates.usable[0]] > 0.99).all()


def test_a_network_that_was_not_trained_on_stacks_refuses_them() -> None:
    measured, _ = stack()
    model = LabelNetwork(LabelConfig(widths=CONFIG.widths, down_blocks=(0, 1, 1), up_blocks=(0, 1)))
    with pytest.raises(ValueError, match="not trained on stacks"), torch.inference_mode():
        model.label(measured, Revealed.none(measured), candidates_of(measured))


@pytest.mark.parametrize("view", range(1, VIEWS))
def test_what_lies_beside_turns_with_the_section(view: int) -> None:
    measured, _ = stack()
    revealed, candidates = Revealed.none(measured), candidates_of(measured)
    turned, there = turn_measurement(measured, view), turn_candidates(candidates, view, BATCH, (SIDE, SIDE))
    torch.manual_seed(0)
    model = LabelNetwork(CONFIG).eval()
    with torch.inference_mode():
        here = model.label(measured, revealed, candidates)
        back = turn_labels_back(model.label(turned, turn_revealed(revealed, view), there), view, (SIDE, SIDE))
        same, own = (
            gather_evidence(tabulate(*x), c).beside
            for x, c in (((turned, turn_revealed(revealed, view)), there), ((measured, revealed), candidates))
        )
    torch.testing.assert_close(back.logits, here.logits, atol=2e-3, rtol=1e-3)
    # The same features in another order.
    assert same is not None
    assert own is not None
    torch.testing.assert_close(same.sum(), own.sum(), atol=0.5, rtol=1e-3)
