"""Labels without the network: an estimate becomes a map of grains, with the measured points as they were."""

from __future__ import annotations

import torch

from grainlight.crystal.embedding import SQUARED_NORM
from grainlight.restore.labelling.descent import RelabelSettings
from grainlight.restore.labelling.label import label_map, project_measured
from grainlight.restore.labelling.members import boundary_starts, label_members

from ..stage import SIDE, measurement, two_grains


def shifted() -> torch.Tensor:
    """The two grains with their boundary two pixels off, as a network may have it."""
    return two_grains().roll(2, 2).clone().contiguous()


def test_light_moves_the_boundary_to_its_place() -> None:
    truth = two_grains().contiguous()
    guide = shifted()
    inside = slice(4, SIDE - 4)
    wrong = {}
    for light in (False, True):
        found = label_map(measurement(truth, light), guide)
        assert (found.relabelled is not None) == light
        assert (found.blur is not None) == light
        torch.testing.assert_close(found.embedding.square().sum(0), torch.full((SIDE, SIDE), SQUARED_NORM))
        wrong[light] = int(((found.embedding - truth)[:, :, inside].norm(dim=0) > 0.1).sum())
    assert wrong[True] == 0 < wrong[False]


def test_the_chain_agrees_where_nothing_is_in_doubt() -> None:
    truth = two_grains().contiguous()
    found = label_map(measurement(truth), truth, RelabelSettings(visits=5))
    assert ((found.embedding - truth).norm(dim=0) < 0.1).all()


def test_without_projection_an_estimate_is_only_normalised() -> None:
    truth = two_grains().contiguous()
    found = label_map(measurement(truth, projection=False), 0.5 * truth)
    torch.testing.assert_close(found.embedding, truth)
    assert found.relabelled is None
    assert not found.error.any()


def test_measured_points_keep_their_orientation() -> None:
    truth = two_grains().contiguous()
    joint = measurement(truth)
    found = project_measured(joint, truth)
    assert not found.wrong.any()
    torch.testing.assert_close(found.embedding[:, joint.measured], truth[:, joint.measured], atol=1e-3, rtol=0)


def test_members_are_compared_with_the_map() -> None:
    truth = two_grains().contiguous()
    joint = measurement(truth)
    calls: list[int] = []
    same = label_members(joint, (truth.half(), truth.half()), truth, lambda: calls.append(1))
    assert len(calls) == 2
    assert same.orientations is not None
    assert same.orientations.shape == (2, SIDE, SIDE, 4)
    assert same.variance.max() < 1e-4
    assert torch.equal(same.boundary, boundary_starts(truth).float())
    none = label_members(joint, (), truth, lambda: None)
    assert none.orientations is None
    assert not none.variance.any()
