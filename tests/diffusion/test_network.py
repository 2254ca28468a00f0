"""The label network: what it says before training, in strips, in views of the square, and of its own samples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.asked import Question
from grainlight.diffusion.candidates import (
    CELL,
    Candidates,
    find_candidates,
    nearest_point,
    point_spacing,
    to_cells,
)
from grainlight.diffusion.evidence import CHANNELS, gather_evidence, ideal_light, tabulate
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import LabelConfig, LabelNetwork, Labels
from grainlight.diffusion.sampler import draw, estimate, schedule
from grainlight.diffusion.square import VIEWS
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.optics.forward.curves import IDEAL

from .turned import turn_candidates, turn_labels_back, turn_measurement, turn_revealed

SMALL = LabelConfig(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1))
SIDE = 32


def sections(lit: bool = True, batch: int = 2, scale: int = 4) -> tuple[Measurement, Tensor]:
    """Two grains a section, measured at every fourth point; the truth (B, 18, H, W)."""
    generator = torch.Generator().manual_seed(5)
    e = embed(random((batch, 2), generator))
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    side = (column + 0.4 * row > 0.7 * SIDE).long()
    truth = e[:, side].permute(0, 3, 1, 2).contiguous()
    points = torch.zeros(batch, SIDE, SIDE, dtype=torch.bool)
    points[:, 1::scale, 2::scale] = True
    light = ideal_light(truth.movedim(1, -1)).movedim(-1, 1)
    sigma = torch.full((batch, 3, SIDE, SIDE), 0.05 if lit else SIGMA_MAX)
    measured = Measurement(
        points,
        torch.where(points[:, None], truth, 0.0),
        torch.where(points, 0.02, 0.0),
        light if lit else torch.zeros_like(light),
        sigma,
    )
    return measured, truth


def candidates_of(measured: Measurement) -> Candidates:
    return find_candidates(nearest_point(measured.points), point_spacing(measured.points))


def some_network(seed: int = 0) -> LabelNetwork:
    """Small, random, and not silent: an untrained head says nothing."""
    torch.manual_seed(seed)
    model = LabelNetwork(SMALL)
    torch.nn.init.normal_(model.head.weight, std=0.3)
    return model.eval()


def test_ideal_light_is_that_of_optics() -> None:
    e = embed(random((50,), torch.Generator().manual_seed(1)))
    expected = IDEAL.of_embedding(e.T[:, None])[:, 0].T
    torch.testing.assert_close(ideal_light(e), expected, atol=1e-5, rtol=1e-4)


def test_before_training_it_copies_by_light() -> None:
    measured, truth = sections()
    with torch.inference_mode():
        labels = LabelNetwork(SMALL).label(measured, Revealed.none(measured), candidates_of(measured))
        found = estimate(labels, candidates_of(measured), measured)
    assert ((found.chosen - truth).norm(dim=1) < 1e-4).all()
    assert found.sure.median() > 0.9
    # A mean of orientations is no longer than one.
    assert (found.mean.square().sum(1) < 4.5001).all()


def test_an_unmeasured_grain_can_be_left_out_of_the_choice() -> None:
    measured, _ = sections(lit=False)
    candidates = candidates_of(measured)
    with torch.inference_mode():
        said = LabelNetwork(SMALL).label(measured, Revealed.none(measured), candidates)
    # every pixel is almost surely of a grain that no candidate lies in, and that looks like nothing
    labels = Labels(said.logits.clone(), torch.randn(said.other.shape, generator=torch.Generator().manual_seed(1)))
    labels.logits[..., -1] = 20.0
    free, known = (estimate(labels, candidates, measured, known=which) for which in (False, True))
    of_points = measured.embedding[:, :, 1::4, 2::4].flatten(2)
    away = [torch.cdist(one.chosen.flatten(2).mT, of_points.mT).amin(2) for one in (free, known)]
    assert away[0].median() > 0.5
    assert away[1].max() < 0.1
    assert torch.equal(free.mean, known.mean)
    assert torch.equal(free.other, known.other)
    # where there is no candidate at all, what is expected is all that there is
    nowhere = Candidates(candidates.index, torch.zeros_like(candidates.usable), candidates.offset, candidates.spacing)
    assert torch.equal(*(estimate(labels, nowhere, measured, known=which).chosen for which in (False, True)))


def test_features_are_as_many_as_declared_and_do_not_depend_on_the_strip() -> None:
    measured, _ = sections()
    tables, candidates = tabulate(measured, Revealed.none(measured)), candidates_of(measured)
    whole = gather_evidence(tables, candidates).features
    assert whole.shape == (2 * (SIDE // CELL) ** 2, CHANNELS)
    parts = [gather_evidence(tables, candidates, slice(s, s + 7)).features for s in range(0, len(whole), 7)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-5)


def test_training_and_restoring_see_the_same() -> None:
    measured, _ = sections()
    model, candidates = some_network(), candidates_of(measured)
    evidence = gather_evidence(tabulate(measured, Revealed.none(measured)), candidates)
    trained = model(evidence.features, model.guided(evidence), (SIDE, SIDE))
    with torch.inference_mode():
        asked = model.label(measured, Revealed.none(measured), candidates)
    torch.testing.assert_close(asked.logits, trained.logits.detach(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(asked.other, trained.other.detach(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("view", range(1, VIEWS))
def test_evidence_turns_with_the_section(view: int) -> None:
    """Every pixel has the same misfits to the same candidates, and they come back where they belong."""
    measured, _ = sections()
    revealed, candidates = Revealed.none(measured), candidates_of(measured)
    turned = turn_measurement(measured, view)
    there = turn_candidates(candidates, view, 2, (SIDE, SIDE))
    # Points stay points.
    assert turned.points.reshape(-1)[there.index].all()

    def guided(of: Measurement, among: Candidates, shown: Revealed) -> Tensor:
        return LabelNetwork(SMALL).guided(gather_evidence(tabulate(of, shown), among))

    with torch.inference_mode():
        here = guided(measured, candidates, revealed)
        back = guided(turned, there, turn_revealed(revealed, view))
        from grainlight.diffusion.network import Labels

        back = turn_labels_back(Labels(back, torch.zeros(len(back), 18, 16)), view, (SIDE, SIDE)).logits
    torch.testing.assert_close(back, here, atol=2e-3, rtol=1e-3)


def test_views_of_a_network_that_is_silent_agree() -> None:
    measured, _ = sections(lit=False)
    model, candidates = LabelNetwork(SMALL).eval(), candidates_of(measured)
    with torch.inference_mode():
        one = model.label(measured, Revealed.none(measured), candidates)
        all_of_them = Question(model, measured, candidates).ask(VIEWS).mean
    torch.testing.assert_close(all_of_them.logits.softmax(2), one.logits.softmax(2), atol=1e-4, rtol=1e-3)


def test_steps_reveal_ever_more() -> None:
    assert schedule(1) == []
    assert schedule(4) == [0.125, 0.25, 0.5]


def test_a_drawn_map_has_measured_orientations_and_agrees_with_what_is_certain() -> None:
    measured, truth = sections()
    candidates, model = candidates_of(measured), LabelNetwork(SMALL).eval()
    with torch.inference_mode():
        asked = Question(model, measured, candidates).ask()
        drawn = [draw(asked, 4, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
        sure = estimate(model.label(measured, Revealed.none(measured), candidates), candidates, measured).sure > 0.999
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    given = measured.embedding.permute(0, 2, 3, 1)[measured.points]
    for image in drawn:
        away = torch.cdist(image.permute(0, 2, 3, 1).reshape(-1, 18), given).amin(1)
        assert (away < 1e-3).float().mean() > 0.99
        assert ((image - truth).norm(dim=1) < 0.1)[sure].float().mean() > 0.995


def test_what_is_revealed_is_seen() -> None:
    measured, truth = sections(lit=False)
    candidates = candidates_of(measured)
    mask = ~measured.points & (torch.rand(measured.points.shape, generator=torch.Generator().manual_seed(0)) < 0.5)
    revealed = Revealed(mask, torch.where(mask[:, None], truth, 0.0), torch.zeros_like(mask))
    none = gather_evidence(tabulate(measured, Revealed.none(measured)), candidates).features
    some = gather_evidence(tabulate(measured, revealed), candidates).features
    assert (none != some).any(1).all()
    known = to_cells((measured.points | mask)[:, None])[:, 0].sum()
    # Of the 36 pixels that a cell sees, 16 are its own.
    assert some[:, 512 + 576 + 120 + 160 :][:, :36].sum() > known
