"""Grains that no candidate lies in are looked for among farther points, by their light."""

from __future__ import annotations

import torch

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.candidates import PIXELS, SLOTS, Candidates, find_candidates, nearest_point, point_spacing
from grainlight.diffusion.evidence import ideal_light
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.network import Labels
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.restore.sampling.farther import look_farther

SIDE = 48


def stripes(lit: bool) -> tuple[Measurement, Candidates, torch.Tensor]:
    """Two grains, of which the second was measured at the far right only, though it reaches to the middle."""
    one, two = embed(random((2,), torch.Generator().manual_seed(4)))
    right = (torch.arange(SIDE) >= 20).expand(SIDE, SIDE)
    truth = torch.where(right, two[:, None, None], one[:, None, None])[None]
    points = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    points[:, ::4, ::4] = True
    points[:, :, 20:36] = False
    light = ideal_light(truth.movedim(1, -1)).movedim(-1, 1)
    measured = Measurement(
        points,
        torch.where(points[:, None], truth, 0.0),
        torch.where(points, 0.02, 0.0),
        light if lit else torch.zeros_like(light),
        torch.full((1, 3, SIDE, SIDE), 0.05 if lit else SIGMA_MAX),
    )
    return measured, find_candidates(nearest_point(points), point_spacing(points)), truth


def none_of_them(measured: Measurement, candidates: Candidates, probability: float) -> Labels:
    p = torch.full((len(candidates.index), PIXELS, SLOTS + 1), (1 - probability) / SLOTS)
    p[..., SLOTS] = probability
    return Labels(p.log(), torch.zeros(len(candidates.index), 18, PIXELS))


def test_a_farther_point_whose_light_fits_gives_its_orientation() -> None:
    measured, candidates, truth = stripes(lit=True)
    found = look_farther(none_of_them(measured, candidates, 0.9), candidates, measured).other
    # Row 5 of cells, the cell of columns 20 to 23: what its candidates miss lies 16 pixels to the right.
    cell = 5 * (SIDE // 4) + 5
    taken = found[cell].square().sum(0) > 0
    assert taken.any()
    away = (found[cell] - truth[0, :, 21, 21][:, None]).norm(dim=0)
    assert bool((away[taken] < 1e-3).all())


def test_without_light_or_doubt_nothing_is_looked_for() -> None:
    for lit, probability in ((False, 0.9), (True, 0.2)):
        measured, candidates, _ = stripes(lit)
        labels = none_of_them(measured, candidates, probability)
        assert torch.equal(look_farther(labels, candidates, measured).other, labels.other)


def test_light_that_fits_no_point_changes_nothing() -> None:
    measured, candidates, _ = stripes(lit=True)
    strange = Measurement(measured.points, measured.embedding, measured.noise, measured.light + 3.0, measured.sigma)
    labels = none_of_them(strange, candidates, 0.9)
    assert torch.equal(look_farther(labels, candidates, strange).other, labels.other)
