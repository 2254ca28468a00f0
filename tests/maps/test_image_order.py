"""Files of images come in the order of their angles, whatever shell has put them into another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from grainlight.errors import InputError
from grainlight.maps.images.order import arrange
from grainlight.maps.io import load_light

TENS = np.arange(0.0, 180.0, 10.0)


def named(template: str, values, *, spelt: bool = True) -> tuple[Path, ...]:
    names = [template.format(value) for value in values]
    return tuple(Path(name) for name in (sorted(names) if spelt else names))


@pytest.mark.parametrize(
    "template", ["pl_{:g}.tif", "rot={:g}.png", "2026-01-05_{:g}deg_x20.jpg", "{:g}.BMP", "a/PL{:g} b.tif"]
)
def test_the_alphabetical_order_becomes_that_of_the_numbers(template):
    files = named(template, TENS)
    arranged = arrange(files, TENS)
    assert arranged.files == named(template, TENS, spelt=False) != files
    assert "alphabetical" in arranged.notes[0]


def test_numbers_of_frames_are_an_order_too():
    files = named("img{}.tif", range(1, 19))
    assert arrange(files, TENS).files == named("img{}.tif", range(1, 19), spelt=False)
    assert "img18.tif" in arrange(files, TENS).notes[0]


def test_angles_in_the_order_of_the_shell_are_kept():
    files = named("pl_{:g}.tif", TENS)
    angles = np.array([float(file.stem[3:]) for file in files])
    arranged = arrange(files, angles)
    assert arranged.files == files
    np.testing.assert_array_equal(arranged.angles, angles)
    assert arranged.notes == ()


def test_right_orders_are_no_matter():
    for files in (
        named("pl_{:03g}deg.tif", TENS),
        named("scan_{}.tif", "abcdefghijklmnopqr"),
        (Path("a.tif"),) * 18,
        named("{:02d}.tif", range(18)),
    ):
        arranged = arrange(files, TENS)
        assert arranged.files == files
        assert arranged.notes == ()


def test_zero_and_sense_of_rotation_are_free():
    for names in (TENS + 5, 180 - TENS):
        files = named("angle_{:g}.tif", names, spelt=False)
        assert arrange(files, TENS).notes == ()


def test_contradictions_stop_the_run():
    shuffled = np.random.default_rng(1).permutation(TENS)
    for files, angles in (
        (named("pl_{:g}.tif", shuffled, spelt=False), TENS),
        (named("pl_{:g}deg.tif", TENS), TENS / 2),
        (named("pl_{:g}.tif", TENS), shuffled),
        (named("pl_{:g}.tif", TENS, spelt=False), TENS[::-1]),
    ):
        with pytest.raises(InputError, match="contradict"):
            arrange(files, angles)


@pytest.mark.parametrize("template", ["pl_{:g}.tif", "Ti {:g} x20.jpg"])
def test_unmarked_numbers_in_equal_steps_are_angles_too(template):
    for names, angles in ((2 * TENS, TENS), (TENS / 2, TENS), (np.arange(0, 360, 20.0), TENS)):
        with pytest.raises(InputError, match="contradict") as caught:
            arrange(named(template, names, spelt=False), angles)
        assert "rename" in str(caught.value)


def test_other_numbers_are_said():
    exposures = np.array([12, 15, 33, 40, 71, 90.0])
    arranged = arrange(named("t{:g}.tif", exposures, spelt=False), TENS[:6])
    assert "are not their angles" in arranged.notes[0]


def test_an_order_of_ones_own_is_said():
    files = tuple(Path(f"frame{i}.tif") for i in (3, 1, 2, 4, 6, 5))
    arranged = arrange(files, np.arange(0, 180, 30.0))
    assert arranged.files == files
    assert "left in it" in arranged.notes[0]


@pytest.mark.parametrize("template", ["s_{:g}deg.tif", "rot={:g}.tif", "pl_{:g}.tif", "r_-{:g}.tif"])
def test_angles_are_read_from_names(template):
    found = arrange(named(template, TENS + 5), None)
    assert found.angles is not None
    np.testing.assert_array_equal(np.sort(np.abs(found.angles)), TENS + 5)
    assert found.notes


def test_names_without_angles_are_refused():
    for files in (named("img{}.tif", range(18)), (Path("a.tif"),)):
        with pytest.raises(InputError, match="not stated"):
            arrange(files, None)


def test_folder_and_pattern(tmp_path):
    images = np.arange(18 * 20, dtype=np.uint16).reshape(18, 4, 5)
    for angle, image in zip(TENS, images, strict=True):
        tifffile.imwrite(tmp_path / f"pl_{angle:g}.tif", image)
    (tmp_path / "notes.txt").write_text("none")
    for given in (tmp_path, [tmp_path], tmp_path / "pl_*.tif"):
        for angles in ("0:180:10", None):
            stack = load_light(given, angles, 0.5)
            np.testing.assert_array_equal(stack.images, images)
            np.testing.assert_array_equal(stack.angles, TENS)
    stack = load_light(sorted(tmp_path.glob("*.tif")), "0:180:10", 0.5)
    np.testing.assert_array_equal(stack.images, images)
    assert len(stack.notes) == 1


def test_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="no images"):
        load_light(tmp_path, "0:180:10", 0.5)
