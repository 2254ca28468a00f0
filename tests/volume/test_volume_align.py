"""Alignment of drifting sections: how well it finds the truth, and what it says of sections that cannot be placed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from drifting_specimen import STEP, Specimen, drifting, off_truth, photographed, random_walk, unrelated

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.volume.align import SURE, align_sections
from grainlight.volume.inputs.synthetic import VolumeRecipe, synthetic_sections


def shear(off: np.ndarray) -> float:
    """Length of a linear trend over the stack."""
    t = np.linspace(-0.5, 0.5, len(off))
    return float(np.hypot(*np.polyfit(t, off, 1)[0]))


@pytest.fixture(scope="module")
def stack():
    return drifting(1, 14)


@pytest.fixture(scope="module")
def aligned(stack):
    readers, z, _ = stack
    return align_sections(readers, z)


@pytest.mark.parametrize(("seed", "level"), [(1, "corrupted"), (2, "corrupted"), (3, "clean"), (4, "severe")])
def test_random_walk_is_found(seed, level):
    readers, z, walk = drifting(seed, 14, level=level)
    found = align_sections(readers, z)
    off = off_truth(found.shifts, walk)
    size = np.hypot(*off.T)
    assert np.median(size) < 0.3
    assert size.max() < 1.0
    assert shear(off) < 1.0
    assert found.aligned.all()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "size"), [(11, 8.0), (12, 12.0), (13, 15.0)])
def test_errors_do_not_add_up_over_forty_sections(seed, size):
    readers, z, walk = drifting(seed, 40, 256, size)
    readers[17] = lambda: unrelated(seed, 256, size)
    found = align_sections(readers, z)
    off = off_truth(found.shifts, walk)[np.arange(40) != 17]
    length = np.hypot(*off.T)
    assert np.median(length) < 0.3
    assert length.max() < 1.0
    assert np.abs(np.polyfit(np.linspace(0, 1, 39), off, 1)[0]).max() < 1.0
    assert np.flatnonzero(~found.aligned).tolist() == [17]


def test_stated_errors_are_those_made():
    """Over stacks, the mean square of the shifts' errors is that stated, within what a few stacks can tell."""
    made, stated = [], []
    for seed in range(20, 25):
        readers, z, walk = drifting(seed, 9, 80, 8.0, "clean")
        found = align_sections(readers, z)
        off = found.shifts - walk * STEP
        made.append((off - off.mean(0)) ** 2)
        stated.append(found.errors**2)
    ratio = np.sqrt(np.mean(made) / np.mean(stated))
    assert 0.4 < ratio < 1.8


def test_ruined_light_is_found_and_harms_nobody(stack, aligned):
    readers, z, _ = stack
    for light in (
        unrelated(1),
        LightStack(np.zeros((18, 96, 96), dtype=np.uint16), np.arange(0.0, 180.0, 10.0), STEP),
        LightStack(np.full((18, 96, 96), 4095, dtype=np.uint16), np.arange(0.0, 180.0, 10.0), STEP),
        LightStack(
            np.random.default_rng(0).integers(0, 900, (18, 96, 96)).astype(np.uint16), np.arange(0.0, 180.0, 10.0), STEP
        ),
    ):
        ruined = [*readers]
        ruined[6] = lambda light=light: light
        found = align_sections(ruined, z)
        assert np.flatnonzero(~found.aligned).tolist() == [6]
        assert any("section 7 " in s.lower() and "related to none" in s for s in found.said)
        assert not any("section 6 " in s.lower() or "section 8 " in s.lower() for s in found.said)
        assert all(p.weight == 0 for p in found.pairs if 6 in (p.lower, p.upper))
        np.testing.assert_allclose(found.shifts[6], (found.shifts[5] + found.shifts[7]) / 2, atol=0.01 * STEP)
        others = np.arange(14) != 6
        moved = (found.shifts - aligned.shifts)[others] / STEP
        assert np.hypot(*(moved - np.median(moved, 0)).T).max() < 0.15
        assert np.isnan(found.residuals[6])


def test_section_without_light_is_placed_between(stack):
    readers, z, _ = stack
    found = align_sections([*readers[:4], lambda: None, *readers[5:]], z)
    assert np.flatnonzero(~found.aligned).tolist() == [4]
    assert any("section 5" in s.lower() and "no light" in s for s in found.said)
    np.testing.assert_allclose(found.shifts[4], (found.shifts[3] + found.shifts[5]) / 2, atol=0.01 * STEP)


def test_ruined_ends_take_their_neighbours_place(stack):
    readers, z, _ = stack
    found = align_sections([lambda: unrelated(7), *readers[1:-1], lambda: unrelated(8)], z)
    assert np.flatnonzero(~found.aligned).tolist() == [0, 13]
    np.testing.assert_allclose(found.shifts[0], found.shifts[1], atol=1e-6)
    np.testing.assert_allclose(found.shifts[13], found.shifts[12], atol=1e-6)


@pytest.mark.parametrize("rows", [(5, 6), (1, 4, 7, 10), (0, 1)])
def test_several_ruined_sections(stack, rows):
    readers, z, walk = stack
    ruined = [(lambda k=k: unrelated(k)) if k in rows else readers[k] for k in range(14)]
    found = align_sections(ruined, z)
    assert np.flatnonzero(~found.aligned).tolist() == list(rows)
    left = [k for k in range(14) if k not in rows]
    assert np.hypot(*off_truth(found.shifts[left], walk[left]).T).max() < 1.0
    assert not any("joins" in s for s in found.said)


def test_light_on_half_of_a_section(stack):
    readers, z, walk = stack
    light = readers[6]()
    images = light.images.copy()
    images[:, :, 48:] = 0
    half = LightStack(images, light.angles, STEP)
    found = align_sections([*readers[:6], lambda: half, *readers[7:]], z)
    assert found.aligned.all()
    assert np.hypot(*off_truth(found.shifts, walk)[6]) < 0.5


@pytest.mark.parametrize(("seed", "level"), [(1, "clean"), (2, "corrupted"), (3, "severe")])
def test_sections_of_another_polarizer_zero_are_placed_and_said(seed, level):
    count, side, size = 10, 96, 9.0
    specimen, walk = Specimen(seed, side, 0.1 * size * count, size), random_walk(seed + 50, count)
    zero = {k: 35.0 if 4 <= k < 8 else -60.0 if k >= 8 else 0.0 for k in range(count)}
    stacks = [photographed(specimen.cut(0.1 * size * k, walk[k]), level, k, zero[k]) for k in range(count)]
    found = align_sections([lambda s=s: s for s in stacks], 0.1 * size * STEP * np.arange(count))
    assert found.aligned.all()
    assert np.hypot(*off_truth(found.shifts, walk).T).max() < 1.0
    (said,) = [text for text in found.said if "another zero" in text]
    assert said.endswith("sections 5, 6, 7, 8, 9, 10.")
    by = {int(word.strip(",")) for word in said.split("by ")[1].split(" degrees")[0].split()}
    assert min(abs(b - 35) for b in by) <= 3
    assert min(abs(b - 60) for b in by) <= 3


def test_unrelated_light_is_related_under_no_zero():
    from grainlight.volume.alignment.pattern import make_pattern
    from grainlight.volume.alignment.zero import of_same_zero

    patterns = [make_pattern(unrelated(seed, level="clean")) for seed in range(12)]
    for k, pattern in enumerate(patterns):
        same, degrees = of_same_zero(pattern, patterns[:k], SURE)
        assert degrees == 0.0
        assert same is pattern


def test_far_displacements():
    """A section laid anew may be off by a fifth of the field."""
    readers, z, walk = drifting(74, 8, 128, step=12.0)
    assert np.abs(np.diff(walk, axis=0)).max() > 20
    found = align_sections(readers, z)
    assert found.aligned.all()
    assert np.hypot(*off_truth(found.shifts, walk).T).max() < 0.5


def test_a_peak_of_chance_in_a_corner_is_not_believed():
    """Where a section holds a dozen grains, a few in a corner can look alike: no jump by half of the field."""
    recipe = VolumeRecipe(7, (49, 49), family="equiaxed", scale=2, every=3, level="mild")
    cut = list(synthetic_sections(recipe))
    readers = [partial(LightStack, s.images, np.array(s.camera.angles), recipe.step) for s in cut]
    found = align_sections(readers, np.array([s.z for s in cut]))
    assert np.hypot(*np.diff(found.shifts, axis=0).T).max() < 3 * recipe.step
    assert any("No pair of sections joins" in sentence for sentence in found.said)


def test_interpolation_goes_by_height(stack):
    readers, z, _ = stack
    uneven = z + np.where(np.arange(14) >= 6, 3 * (z[1] - z[0]), 0.0)
    found = align_sections([*readers[:6], lambda: None, *readers[7:]], uneven)
    share = (uneven[6] - uneven[5]) / (uneven[7] - uneven[5])
    assert share > 0.7
    expected = (1 - share) * found.shifts[5] + share * found.shifts[7]
    np.testing.assert_allclose(found.shifts[6], expected, atol=0.01 * STEP)


def test_parts_that_nothing_joins_are_said():
    below, z, _ = drifting(31, 6)
    above, _, _ = drifting(32, 6)
    found = align_sections([*below, *above], np.arange(12) * (z[1] - z[0]))
    assert sum("No pair of sections joins" in s for s in found.said) == 1
    assert any("section 6 " in s and "section 7 " in s for s in found.said)


def test_linear_trend_is_kept_and_said(stack, aligned):
    readers, z, _ = stack
    kept = align_sections(readers, z, trend="linear")
    slope = np.polyfit(z, kept.shifts, 1)[0]
    np.testing.assert_allclose(slope * np.ptp(z) / STEP, 0.0, atol=1e-6)
    lean = np.polyfit(z, aligned.shifts, 1)[0]
    np.testing.assert_allclose(kept.shifts + np.outer(z - z.mean(), lean), aligned.shifts, atol=1e-6)
    assert any("kept as the specimen's" in s for s in kept.said)
    assert any("corrected as drift" in s for s in aligned.said)


def test_ebsd_fixes_the_frame(stack):
    readers, z, walk = stack
    known = np.arange(14) % 4 == 0
    given = walk * STEP + (3.0, -2.0)
    found = align_sections(readers, z, trend="ebsd", known=known, given=given)
    np.testing.assert_allclose(found.shifts[known], given[known], atol=1e-9)
    off = (found.shifts - given) / STEP
    assert np.hypot(*off.T).max() < 0.3
    assert not any("contradict" in s for s in found.said)
    held = align_sections(readers, z, trend="ebsd", known=known)
    np.testing.assert_allclose(held.shifts[known], 0.0, atol=1e-9)
    wrong = given.copy()
    wrong[4, 0] += 9 * STEP
    bent = align_sections(readers, z, trend="ebsd", known=known, given=wrong)
    np.testing.assert_allclose(bent.shifts[4], wrong[4], atol=1e-9)
    assert any("contradict the light" in s and "section 5 " in s for s in bent.said)
    # a ruined section with EBSD stays where it is said to lie
    ruined = [*readers[:4], lambda: unrelated(9), *readers[5:]]
    found = align_sections(ruined, z, trend="ebsd", known=known, given=given)
    assert found.aligned.all()
    np.testing.assert_allclose(found.shifts[4], given[4], atol=1e-9)
    assert any("where its EBSD says" in s for s in found.said)


def test_origins_and_steps_are_respected():
    specimen = Specimen(41, 96, 4.0, 9.0)
    base = photographed(specimen.cut(0.0, np.zeros(2)), "clean", 0, origin=(10.0, -4.0))
    # a section of the same place with another origin, and of another size of pixel
    moved = photographed(specimen.cut(0.5, np.array([4.0, 2.0])), "clean", 1, origin=(0.0, 1.0))
    stretched = Specimen(41, 96, 4.0, 9.0)
    y, x = np.mgrid[:80, :80] * 1.2
    at = np.stack((x + 0.1, y + 0.1, np.full_like(x, 1.0)), -1)
    axes = stretched.axes[stretched.grains.query(at.reshape(-1, 3))[1]].reshape(80, 80, 3)
    coarser = photographed(
        torch.from_numpy(axes), "clean", 2, step=1.2 * STEP, origin=(10.0 + 0.1 * STEP, -4.0 + 0.1 * STEP)
    )
    found = align_sections([lambda: base, lambda: moved, lambda: coarser], np.array([0.0, 0.25, 0.5]))
    relative = found.shifts - found.shifts[0]
    # the first pixel of `moved` is at 4, 2 pixels of the specimen
    expected = np.array([10.0, -4.0]) + np.array([4.0, 2.0]) * STEP - np.array([0.0, 1.0])
    np.testing.assert_allclose(relative[1], expected, atol=0.25 * STEP)
    np.testing.assert_allclose(relative[2], 0.0, atol=0.3 * STEP)


def test_mirrored_light_is_turned_back():
    specimen = Specimen(42, 96, 4.0, 9.0)
    walk = random_walk(42, 4)
    stacks = []
    for k in range(4):
        plain = photographed(specimen.cut(0.9 * k, walk[k]), "clean", k)
        stacks.append(LightStack(plain.images[..., ::-1], plain.angles, STEP, mirror=True))
    found = align_sections([lambda s=s: s for s in stacks], np.arange(4.0))
    assert np.hypot(*off_truth(found.shifts, walk).T).max() < 0.3


def test_other_size_of_field():
    specimen = Specimen(43, 120, 4.0, 9.0)
    shapes = [(96, 110), (90, 110), (110, 84), (96, 96)]
    walk = random_walk(43, 4, 3.0)
    stacks = [photographed(specimen.cut(0.9 * k, walk[k], s), "corrupted", k) for k, s in enumerate(shapes)]
    found = align_sections([lambda s=s: s for s in stacks], np.arange(4.0))
    assert np.hypot(*off_truth(found.shifts, walk).T).max() < 0.5


def test_large_images_are_refined_in_full(monkeypatch):
    """Where sections are compared in joined pixels, neighbours are in full: the step does not limit what is found."""
    readers, z, walk = drifting(44, 10, 150, 10.0)
    plain = align_sections(readers, z)
    monkeypatch.setattr("grainlight.volume.align.WORKING", 50)
    monkeypatch.setattr("grainlight.volume.alignment.pair.COARSE", 25)
    joined = align_sections(readers, z)
    assert joined.aligned.all()
    assert np.hypot(*off_truth(joined.shifts, walk).T).max() < 0.5
    moved = off_truth(joined.shifts, plain.shifts / STEP)
    assert np.hypot(*moved.T).max() < 0.1


def test_few_images_align_by_their_mean(stack):
    readers, z, walk = stack
    few = []
    for reader in readers[:6]:
        light = reader()
        few.append(LightStack(light.images[::9], light.angles[::9], STEP))
    found = align_sections([lambda s=s: s for s in few], z[:6])
    assert np.hypot(*off_truth(found.shifts, walk[:6]).T).max() < 1.0
    assert any("angles do not suffice" in s for s in found.said)


def test_exchanged_and_repeated_sections_are_said(stack, aligned):
    readers, z, _ = stack
    exchanged = [*readers]
    exchanged[5], exchanged[6] = exchanged[6], exchanged[5]
    found = align_sections(exchanged, z)
    said = [s for s in found.said if "exchanged" in s]
    assert len(said) == 1
    assert "section 6 " in said[0].lower()
    assert "section 7 " in said[0]
    elsewhere = [*readers]
    elsewhere[4], elsewhere[6] = elsewhere[6], elsewhere[4]
    odd = [s.lower() for s in align_sections(elsewhere, z).said if "elsewhere in the order" in s]
    assert {name for name in ("section 5 (", "section 7 (") if any(s.startswith(name) for s in odd)}
    assert all(s.startswith(("section 5 (", "section 7 (")) for s in odd)
    repeated = align_sections([*readers[:5], readers[4], *readers[6:]], z)
    assert any("the same images" in s and "section 6 " in s for s in repeated.said)
    assert not any("exchanged" in s or "same images" in s or "elsewhere" in s for s in aligned.said)


def test_one_and_two_sections(stack):
    readers, z, walk = stack
    one = align_sections(readers[:1], z[:1])
    np.testing.assert_allclose(one.shifts, 0.0)
    assert one.said == ()
    two = align_sections(readers[:2], z[:2])
    np.testing.assert_allclose((two.shifts[1] - two.shifts[0]) / STEP, walk[1] - walk[0], atol=0.3)
    strangers = align_sections([readers[0], lambda: unrelated(5)], z[:2])
    np.testing.assert_allclose(strangers.shifts, 0.0, atol=1e-9)
    assert not strangers.aligned.any()
    assert strangers.said == ("The light of no section is related to that of another: none is shifted.",)


def test_sections_are_read_once_in_order(stack):
    readers, z, _ = stack
    read: list[int] = []

    class Told:
        units = 0

        def begin(self, stage, total):
            assert total == 5

        def advance(self, units=1):
            self.units += units

    def counted(k):
        def reader():
            read.append(k)
            return readers[k]()

        return reader

    told = Told()
    align_sections([counted(k) for k in range(5)], z[:5], progress=told)
    assert read == [0, 1, 2, 3, 4]
    assert told.units == 5


def test_same_light_same_answer(stack, aligned):
    readers, z, _ = stack
    again = align_sections(readers, z)
    np.testing.assert_array_equal(again.shifts, aligned.shifts)


@pytest.mark.parametrize(
    ("z", "options", "part"),
    [
        ([0.0, 1.0], {}, "as many heights"),
        ([0.0, 2.0, 1.0], {}, "do not rise"),
        ([0.0, 1.0, np.nan], {}, "do not rise"),
        ([0.0, 1.0, 2.0], {"trend": "quadratic"}, "unknown trend"),
        ([0.0, 1.0, 2.0], {"trend": "ebsd"}, "needs sections with EBSD"),
        ([0.0, 1.0, 2.0], {"trend": "ebsd", "known": [False] * 3}, "needs sections with EBSD"),
        ([0.0, 1.0, 2.0], {"trend": "ebsd", "known": [True] * 2}, "needs sections with EBSD"),
        ([0.0, 1.0, 2.0], {"trend": "ebsd", "known": [True] * 3, "given": np.full((3, 2), np.nan)}, "cannot be used"),
    ],
)
def test_bad_input(z, options, part):
    with pytest.raises(InputError, match=part):
        align_sections([lambda: None] * 3, np.array(z), **options)
