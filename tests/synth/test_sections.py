"""Sections: seeds, valid orientations, and families that differ as they should."""

from __future__ import annotations

import math

import pytest
import torch

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.crystal.quaternion import crystal_axes
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES, draw_recipe
from grainlight.synth.orientations.texture import TEXTURES, draw_orientations
from grainlight.synth.section import Sections, make_sections


@pytest.fixture(scope="module")
def sections() -> dict[str, Sections]:
    return {family: make_sections(Draw.seeded(31), 24, (64, 64), (14.0, 18.0), family) for family in FAMILIES}


def neighbour_angles(section: Sections) -> torch.Tensor:
    q = section.orientation.double()
    right = disorientation_angle(q[:, :, 1:], q[:, :, :-1])
    down = disorientation_angle(q[:, 1:], q[:, :-1])
    return torch.rad2deg(torch.cat((right.flatten(), down.flatten())))


def same_grain(section: Sections) -> torch.Tensor:
    g = section.grain
    return torch.cat(((g[:, :, 1:] == g[:, :, :-1]).flatten(), (g[:, 1:] == g[:, :-1]).flatten()))


@pytest.mark.parametrize("family", FAMILIES)
def test_orientations_are_unit_quaternions(sections: dict[str, Sections], family: str) -> None:
    q = sections[family].orientation
    assert q.shape == (24, 64, 64, 4)
    assert bool(torch.isfinite(q).all())
    assert (q.norm(dim=-1) - 1).abs().max() < 1e-5
    assert bool((sections[family].recipe.family == FAMILIES.index(family)).all())


def test_same_seed_same_sections() -> None:
    one, two, other = (make_sections(Draw.seeded(s), 4, (32, 32), (8.0, 10.0)) for s in (3, 3, 4))
    assert torch.equal(one.orientation, two.orientation)
    assert torch.equal(one.grain, two.grain)
    assert not torch.equal(one.orientation, other.orientation)


def test_what_is_made_for_a_device_is_made_with_one_source_on_a_cpu() -> None:
    draw = Draw.seeded(9)
    assert draw.host is draw.generator

    # Two sources, as on a GPU: the plan comes from the host's, the pixels from the device's; both count.
    def made(device_seed: int, host_seed: int) -> Sections:
        source = Draw(torch.Generator().manual_seed(device_seed), torch.Generator().manual_seed(host_seed))
        return make_sections(source, 4, (32, 32), (8.0, 10.0))

    base = made(1, 2)
    assert torch.equal(made(1, 2).orientation, base.orientation)
    assert torch.equal(made(3, 2).recipe.size, base.recipe.size)
    assert not torch.equal(made(3, 2).orientation, base.orientation)
    assert not torch.equal(made(1, 3).recipe.size, base.recipe.size)


def test_grain_size_follows_its_range() -> None:
    share = []
    for size in (5.0, 10.0, 20.0, 40.0):
        section = make_sections(Draw.seeded(2), 12, (64, 64), (size, size * 1.01), "equiaxed")
        share.append(float((~same_grain(section)).float().mean()))
    # The boundary's length per area goes with 1 / size; serration and twins add some.
    for coarse, fine in zip(share[1:], share[:-1], strict=True):
        assert 1.4 < fine / coarse < 2.6


def test_number_of_grains_follows_the_size() -> None:
    size = 12.0
    section = make_sections(Draw.seeded(6), 6, (160, 160), (size, size * 1.01), "equiaxed")
    without_lamellae = section.grain // 2
    count = sum(len(torch.unique(g)) for g in without_lamellae) / 6
    assert math.sqrt(160 * 160 / (count - 2 * 160 / size)) == pytest.approx(size, rel=0.25)


def test_boundaries_are_where_the_grain_changes(sections: dict[str, Sections]) -> None:
    for family in ("equiaxed", "twinned", "elongated"):
        angle, same = neighbour_angles(sections[family]), same_grain(sections[family])
        assert angle[~same].median() > 20
        assert angle[same].median() < 0.5


def test_deformed_sections_have_the_steepest_grains(sections: dict[str, Sections]) -> None:
    inside = {name: float(neighbour_angles(s)[same_grain(s)].mean()) for name, s in sections.items()}
    assert inside["deformed"] > 1.5 * max(inside[n] for n in ("equiaxed", "elongated", "twinned"))


def test_twinned_sections_have_twin_boundaries(sections: dict[str, Sections]) -> None:
    def share(name: str) -> float:
        angle, same = neighbour_angles(sections[name]), same_grain(sections[name])
        return float(((angle - 85.0).abs() < 1.5)[~same].float().mean())

    # 10-12 twins of Ti and Mg: about 85 degrees; among random boundaries few are so large.
    assert share("twinned") > 2 * share("elongated")


@pytest.mark.parametrize("family", ["colony", "basketweave"])
def test_colonies_keep_the_burgers_relation(sections: dict[str, Sections], family: str) -> None:
    def share(name: str) -> float:
        angle, same = neighbour_angles(sections[name]), same_grain(sections[name])
        known = torch.tensor([10.53, 60.0, 60.83, 63.26, 90.0], dtype=torch.float64)
        near = ((angle[:, None] - known).abs() < 1.0).any(-1)
        return float(near[~same].float().mean())

    assert share(family) > 0.4
    assert share(family) > 2 * share("equiaxed")


def test_laths_are_finer_than_their_parents(sections: dict[str, Sections]) -> None:
    count = {n: sum(len(torch.unique(g)) for g in s.grain) for n, s in sections.items()}
    assert count["basketweave"] > 1.5 * count["equiaxed"]


def test_elongated_sections_are() -> None:
    recipe = draw_recipe(Draw.seeded(1), 500, (10.0, 20.0), "elongated")
    assert recipe.aspect.min() >= 1.8
    assert draw_recipe(Draw.seeded(1), 500, (10.0, 20.0), "equiaxed").aspect.max() <= 1.6


def test_all_families_are_drawn_where_none_is_named() -> None:
    recipe = draw_recipe(Draw.seeded(1), 1000, (10.0, 20.0))
    assert torch.bincount(recipe.family, minlength=len(FAMILIES)).min() > 100
    assert recipe.size[recipe.child != 1].min() >= 10.0
    assert recipe.size[recipe.child != 1].max() <= 20.0


@pytest.mark.parametrize("name", TEXTURES)
def test_textures(name: str) -> None:
    batch, grains = 60, 200
    kind = torch.full((batch,), TEXTURES.index(name))
    q = draw_orientations(Draw.seeded(8), kind, torch.full((batch,), math.radians(6)), grains)
    assert (q.norm(dim=-1) - 1).abs().max() < 1e-5
    c = crystal_axes(q)[2]
    # Eigenvalues of the second moment of the c-axes of a section: a third each where the texture is uniform.
    largest = torch.linalg.eigvalsh(c.transpose(1, 2) @ c / grains)[:, -1]
    angle = torch.rad2deg(disorientation_angle(q[:, :100].double(), q[:, 100:].double())).median()
    if name == "uniform":
        assert largest.max() < 0.5
    elif name == "split":
        assert 0.55 < largest.mean() < 0.95
    else:
        assert largest.min() > 0.9
    assert (angle < 15) == (name == "unimodal")


@pytest.mark.parametrize("length", [3.0, 9.0, 40.0, 100.0])
def test_smooth_fields_have_their_deviation_and_length(length: float) -> None:
    field = Draw.seeded(4).smooth_field(400, 1, 48, 40, length)
    assert field.shape == (400, 1, 48, 40)
    assert 1.05 < float(field.square().mean().sqrt()) < (1.1 if length < 40 else 1.2)
    step = (field[..., 1:] - field[..., :-1]).square().mean().sqrt()
    assert float(step) == pytest.approx(1.6 / length, rel=0.35)


@pytest.mark.parametrize("length", [2.5, 16.3, 100.0])
def test_smooth_fields_are_bicubic_interpolations_of_normal_draws(length: float) -> None:
    rows, columns = 48, 40
    grid = [max(2, math.ceil(n / length)) + 3 for n in (rows, columns)]
    coarse = Draw.seeded(4).normal(2, 1, *grid)
    size = [math.ceil(n * length) for n in grid]
    whole = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    edge = int(1.5 * length)
    expected = whole[..., edge : edge + rows, edge : edge + columns] / 0.8
    found = Draw.seeded(4).smooth_field(2, 1, rows, columns, length)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_draws_keep_their_ranges() -> None:
    draw = Draw.seeded(0)
    u, v = draw.uniform(-2.0, 3.0, 5000), draw.log_uniform(0.1, 10.0, 5000)
    assert -2 <= u.min() < -1.9 < 2.9 < u.max() <= 3
    assert v.min() >= 0.1
    assert v.max() <= 10
    assert float((v < 1).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert float(draw.chance(0.3, 5000).float().mean()) == pytest.approx(0.3, abs=0.03)
    assert torch.unique(draw.integer(4, 500)).tolist() == [0, 1, 2, 3]
