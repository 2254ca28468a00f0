"""Synthetic volumes: sections of one specimen, displaced as stated, and the files that are written of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, load_light
from grainlight.synth.families import FAMILIES
from grainlight.volume.inputs.manifest_file import load_manifest
from grainlight.volume.inputs.synthetic import VolumeRecipe, synthetic_sections, write_synthetic_volume

SMALL = {"shape": (48, 41), "grain_size": 10.0, "scale": 2, "family": "equiaxed", "level": "clean"}


def test_neighbours_are_alike_and_far_ones_are_not() -> None:
    made = list(synthetic_sections(VolumeRecipe(9, **SMALL)))
    same = [float(np.mean(section.grain == made[0].grain)) for section in made]
    assert same[0] == 1
    assert 0.8 < same[1] < 1
    assert same[8] < same[4] < same[1]
    steps = np.diff([section.z for section in made])
    np.testing.assert_allclose(steps, 0.1 * 10 * 0.5, atol=1e-5)
    assert [section.ebsd is not None for section in made] == [i % 4 == 0 for i in range(9)]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str) -> None:
    (low, high) = synthetic_sections(VolumeRecipe(2, **{**SMALL, "family": family}))
    assert high.z > low.z == 0
    assert low.orientation.shape == (47, 41, 4)
    assert low.images.shape == (18, 47, 41)


def test_shift_is_where_the_section_went() -> None:
    recipe = VolumeRecipe(6, misalign=3.0, every=1, noise=0.0, **{**SMALL, "scale": 1})
    rows, columns = recipe.pixels
    moved = 0
    for section in synthetic_sections(recipe):
        assert section.ebsd is not None
        x, y = (round(v) for v in section.shift)
        agree = {}
        for way in (1, -1):
            row, column = np.meshgrid(np.arange(8, rows - 8), np.arange(8, columns - 8), indexing="ij")
            there = section.ebsd.quaternions[row + way * y, column + way * x]
            here = section.orientation[row, column].astype(np.float64)
            agree[way] = float(np.mean(np.abs((there * here).sum(-1)) > 0.999))
        assert agree[1] > 0.8
        if abs(x) + abs(y) > 2:
            assert agree[1] > agree[-1] + 0.1
            moved += 1
    assert moved > 1


def test_displaced_or_not_it_is_the_first_section_that_stays() -> None:
    recipe = VolumeRecipe(40, spacing=0.05, misalign=1.5, **{**SMALL, "shape": (16, 16)})
    shift = np.array([section.shift for section in synthetic_sections(recipe)])
    assert tuple(shift[0]) == (0, 0)
    steps = np.diff(shift, axis=0)
    assert np.sqrt((steps**2).sum(1).mean()) == pytest.approx(1.5, rel=0.3)
    np.testing.assert_array_equal(shift * 4, np.round(shift * 4))


def test_a_ruined_section_shows_little_of_its_grains() -> None:
    plain, ruined = (list(synthetic_sections(VolumeRecipe(3, ruined=k, **SMALL))) for k in (None, 1))
    np.testing.assert_array_equal(plain[0].images, ruined[0].images)
    np.testing.assert_array_equal(plain[1].orientation, ruined[1].orientation)

    grain = plain[1].grain

    def explained(images: np.ndarray) -> float:
        """Share of the variance of images about their mean that is between grains."""
        values = (images / images.mean((1, 2), keepdims=True) - 1).reshape(len(images), -1)
        _, which = np.unique(grain, return_inverse=True)
        sums = np.stack([np.bincount(which.ravel(), one) for one in values])
        means = sums / np.bincount(which.ravel())
        return float((means[:, which.ravel()] ** 2).sum() / (values**2).sum())

    assert explained(plain[1].images) > 0.7
    assert explained(ruined[1].images) < 0.5


def test_the_same_seed_makes_the_same_volume() -> None:
    first, second = (list(synthetic_sections(VolumeRecipe(2, misalign=1.0, seed=4, **SMALL))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.orientation, other.orientation)
    (low, _) = synthetic_sections(VolumeRecipe(2, misalign=1.0, seed=5, **SMALL))
    assert not np.array_equal(low.images, first[0].images)


def test_files(tmp_path) -> None:
    recipe = VolumeRecipe(5, misalign=1.0, ruined=3, **SMALL)
    manifest = load_manifest(write_synthetic_volume(recipe, tmp_path))
    assert manifest.notes == ()
    assert [bool(s.ebsd) for s in manifest.sections] == [True, False, False, False, True]
    with np.load(tmp_path / "truth.npz") as truth:
        assert truth["quaternions"].shape == (5, *recipe.pixels, 4)
        assert truth["grain"].shape == (5, *recipe.pixels)
        assert truth["ruined"].tolist() == [False, False, False, True, False]
        assert truth["measured"].tolist() == [True, False, False, False, True]
        np.testing.assert_allclose(truth["z"], [s.z for s in manifest.sections])
        assert truth["shift"].shape == (5, 2)
        assert float(truth["step"]) == 0.5
    ebsd = load_ebsd(manifest.sections[4].ebsd)
    assert ebsd.step == (1, 1)
    assert ebsd.shape == (24, 21)
    light = load_light(manifest.sections[3].light, "0:180:10", 0.5)
    assert light.shape == recipe.pixels
    assert json.loads((tmp_path / "volume.json").read_text())["misalign"] == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"sections": 1}, "two sections"),
        ({"sections": 26}, "higher than a synthetic polycrystal"),
        ({"sections": 4, "spacing": 0.9}, "higher than a synthetic polycrystal"),
        ({"sections": 4, "ruined": 4}, "no such section"),
        ({"sections": 4, "scale": 24}, "too small"),
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        VolumeRecipe(**{**SMALL, **changes})


def test_command(run, tmp_path) -> None:
    argv = ("synthesize", "--volume", "3", "--size", "24,24", "--grain-size", "8", "--scale", "2", "--every", "2")
    code, out, err = run(*argv, "--output", tmp_path / "made")
    assert code == 0
    assert "volume.csv" in out
    assert "--scale 2 --angles 0:180:10 --pl-step 0.5 --output OUT" in err
    assert len(load_manifest(tmp_path / "made" / "volume.csv").used) == 3
    for more, problem in (
        (("--count", "2"), "--count and --volume"),
        (("--ruin", "3"), "no such section"),
        (("--spacing", "2"), "higher than"),
    ):
        code, _, err = run(*argv, *more, "--output", tmp_path / "none")
        assert code == 2
        assert problem in err
        assert not (tmp_path / "none").exists()
    code, _, err = run("synthesize", "--every", "2", "--output", tmp_path / "none")
    assert code == 2
    assert "--every is of a volume" in err
