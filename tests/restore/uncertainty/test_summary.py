"""What is not known of a map, from labels alone."""

from __future__ import annotations

import pytest
import torch

from grainlight.restore.labelling.label import label_map
from grainlight.restore.labelling.members import boundary_starts, label_members
from grainlight.restore.uncertainty.summary import Uncertainty, measure_uncertainty

from ..stage import SIDE, measurement, two_grains


def found(light: bool, projection: bool = True, certain: float = 1.0) -> Uncertainty:
    truth = two_grains().contiguous()
    joint = measurement(truth, light, projection)
    guide = certain * truth
    labelled = label_map(joint, guide)
    return measure_uncertainty(joint, guide, labelled, label_members(joint, (), labelled.embedding, lambda: None))


def test_light_has_a_say_where_it_is_and_nowhere_else() -> None:
    assert found(light=True).lit.all()
    assert not found(light=False).lit.any()
    assert not found(light=False, projection=False).lit.any()


@pytest.mark.parametrize("light", [True, False])
def test_boundaries_are_likeliest_where_the_map_has_one(light: bool) -> None:
    chance = found(light).boundary
    assert ((chance >= 0) & (chance <= 1)).all()
    edge = boundary_starts(two_grains().contiguous())
    assert chance[edge].mean() > 5 * chance[~edge].mean()


def test_a_shorter_mean_is_a_larger_uncertainty() -> None:
    for projection in (True, False):
        sure, unsure = (found(False, projection, certain).raw for certain in (1.0, 0.7))
        assert (unsure >= sure).all()
        assert unsure.mean() > sure.mean() + 1


def test_without_projection_one_number_stands_for_both() -> None:
    alone = found(light=False, projection=False, certain=0.8)
    assert torch.equal(alone.raw, alone.spread)
    assert torch.equal(alone.boundary, boundary_starts(two_grains().contiguous()).float())
    assert alone.raw.shape == (SIDE, SIDE)


def test_orientations_are_known_worse_far_from_points() -> None:
    spread = found(light=True).spread
    at_points = spread[::4, ::4].mean()
    between = spread[2::4, 2::4].mean()
    assert 0 < at_points < between
