"""Sections drawn from the label model: what the points say holds, the rest is drawn, and a seed is a section."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.evaluation.metrics import boundary_edges, disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.samples import around
from grainlight.samples.around import prepared_points, sample_around
from grainlight.samples.recipe import sample_from_nothing
from grainlight.samples.seeding import _alone, _places
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections

SHAPE = (48, 56)


@pytest.fixture(scope="module")
def prior() -> LabelPrior:
    return load_prior()


@pytest.fixture(scope="module")
def drawn(prior: LabelPrior) -> tuple:
    return sample_from_nothing(prior, SHAPE, 3, size_range=(12.0, 12.0), family="equiaxed")


def density(quaternions: np.ndarray) -> float:
    """Share of neighbours with a boundary between them."""
    right, down = boundary_edges(quaternions)
    return float((right.sum() + down.sum()) / (right.size + down.size))


def test_a_section_from_nothing_has_the_orientations_of_its_points(drawn: tuple) -> None:
    section, recipe = drawn
    assert section.quaternions.shape == (*SHAPE, 4)
    # the network cannot begin a grain: with nothing measured hardly a pixel is in the grain of a point
    assert section.unmeasured > 0.9
    at = section.added
    assert 20 < at.sum() < 0.3 * at.size
    assert disorientation(section.quaternions[at], recipe[at]).max() < 0.1
    # every other pixel is in the grain of one of them, or in one that was asked of the recipe
    there = {tuple(np.round(np.abs(q), 3)) for q in section.quaternions.reshape(-1, 4)}
    assert len(there) < 0.3 * at.size


def test_its_arrangement_is_the_networks_and_like_that_of_metal(drawn: tuple) -> None:
    section, recipe = drawn
    elsewhere = disorientation(section.quaternions, recipe)[~section.added] > 5
    assert 0.05 < elsewhere.mean() < 0.6
    assert 0.7 < density(section.quaternions) / density(recipe) < 1.4


def test_a_seed_is_a_section(prior: LabelPrior, drawn: tuple) -> None:
    again, other = (sample_from_nothing(prior, SHAPE, seed, size_range=(12.0, 12.0))[0] for seed in (3, 4))
    same = sample_from_nothing(prior, SHAPE, 3, size_range=(12.0, 12.0), family="equiaxed")[0]
    assert np.array_equal(same.quaternions, drawn[0].quaternions)
    assert not np.array_equal(again.quaternions, other.quaternions)


@pytest.fixture(scope="module")
def coarse() -> OrientationMap:
    """Every fourth pixel of a section, in the frames of another vendor."""
    q = make_sections(Draw.seeded(9), 1, (49, 57), (12.0, 12.0), "equiaxed").orientation[0].double().numpy()
    made = OrientationMap.from_quaternions(q[::4, ::4], (2.0, 2.0), (TITANIUM,))
    return made.in_frame(SampleFrame.EDAX2).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR).replace(origin=(5.0, 7.0))


def test_samples_around_points_keep_them_and_differ_between(prior: LabelPrior, coarse: OrientationMap) -> None:
    points = prepared_points(coarse, 4)
    (one, unmeasured), (other, _) = (sample_around(prior, coarse, points, seed) for seed in (1, 2))
    assert one.shape == (49, 57)
    assert one.step == (0.5, 0.5)
    assert one.origin == coarse.origin
    assert (one.sample_frame, one.crystal_frame) == (coarse.sample_frame, coarse.crystal_frame)
    assert 0 <= unmeasured < 0.5
    kept = disorientation(one.quaternions[::4, ::4], coarse.quaternions)
    assert np.quantile(kept, 0.95) < 0.2
    apart = disorientation(one.quaternions, other.quaternions) > 5
    assert 0.02 < apart.mean() < 0.5
    right, down = boundary_edges(one.quaternions)
    near = np.zeros(one.shape, bool)
    for step in range(-3, 4):
        near[:, :-1] |= np.roll(right, step, axis=1)
        near[:-1] |= np.roll(down, step, axis=0)
    # samples differ about where boundaries run, not inside grains
    assert apart[near].mean() > 2 * apart[~near].mean()


def test_samples_of_one_map_differ_in_how_much_nobody_measured(
    prior: LabelPrior, coarse: OrientationMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    sparse = coarse.every(2)
    points = prepared_points(sparse, 8)

    def shares() -> np.ndarray:
        return np.array([sample_around(prior, sparse, points, seed)[1] for seed in range(6)])

    differing = shares()
    monkeypatch.setattr(around, "_LEANING", (0.0, 0.0))
    alike = shares()
    assert differing.std() > 1.5 * alike.std()
    assert differing.mean() == pytest.approx(alike.mean(), rel=0.5)


def test_a_map_that_is_too_large_to_be_sampled_is_refused(
    coarse: OrientationMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(around, "MOST_PIXELS", 40)
    with pytest.raises(InputError, match="too large to be sampled"):
        prepared_points(coarse, 4)


def test_points_are_of_a_poisson_process_and_one_in_each_region() -> None:
    import torch

    new = np.zeros((200, 300), bool)
    new[:, :200] = True
    new[10:13, 250:253] = True
    new[50, 250:252] = True
    places = _places(new, 0.02, torch.Generator().manual_seed(1))
    assert new[places[:, 0], places[:, 1]].all()
    left = (places[:, 1] < 200).sum()
    assert abs(left - 40_000 * 0.02) < 5 * np.sqrt(40_000 * 0.02)
    right = places[places[:, 1] >= 200]
    # nine pixels are worth a point, two are not
    assert len(right) >= 1
    assert (right[:, 0] < 20).all()


def test_a_pixel_is_alone_where_no_neighbour_is_of_its_grain() -> None:
    q = np.zeros((5, 6, 4))
    q[..., 0] = 1
    q[2, 3] = np.array([np.cos(0.3), np.sin(0.3), 0, 0])
    q[0, 0] = q[2, 3]
    assert np.argwhere(_alone(q)).tolist() == [[2, 3]]
