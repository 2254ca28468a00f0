"""The step of light images from the resolution that their files state, and against the one that is stated."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from grainlight.errors import InputError
from grainlight.maps.io import load_light
from grainlight.maps.io.readers.images import read_image
from grainlight.maps.io.tiff.stack import write_tiff_stack

IMAGES = np.random.default_rng(0).integers(0, 4000, (6, 14, 18)).astype(np.uint16)
ANGLES = np.arange(0, 180, 30.0)


def imagej(unit: str, per_unit: float) -> dict:
    return {"imagej": True, "resolution": (per_unit, per_unit), "metadata": {"unit": unit, "axes": "ZYX"}}


def ome(size: float, unit: str | None) -> dict:
    units = {} if unit is None else {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    return {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": size, "PhysicalSizeY": size, **units}}


def tags(per_unit: float, unit: str) -> dict:
    return {"resolution": (per_unit, per_unit), "resolutionunit": unit, "photometric": "minisblack"}


HALF_A_MICRON = [
    tags(50_800, "INCH"),
    tags(20_000, "CENTIMETER"),
    *(imagej(unit, 2) for unit in ("um", "micron", "\\u00B5m")),
    imagej("nm", 0.002),
    imagej("mm", 2000),
    ome(0.5, None),
    ome(0.5, "µm"),
    ome(500, "nm"),
]
NO_SCALE = [
    *(tags(dots, "INCH") for dots in (72, 96, 300)),
    tags(28.3465, "CENTIMETER"),
    tags(2, "NONE"),
    imagej("inch", 72),
    imagej("pixel", 1),
    ome(1, "pixel"),
    {"photometric": "minisblack"},
]


@pytest.mark.parametrize("how", HALF_A_MICRON, ids=str)
def test_the_file_states_the_step(tmp_path, how):
    tifffile.imwrite(tmp_path / "a.tif", IMAGES, **how)
    stack = load_light(tmp_path / "a.tif", ANGLES)
    assert stack.step == pytest.approx(0.5, rel=1e-4)
    assert "a.tif" in stack.notes[0]
    np.testing.assert_array_equal(stack.images, IMAGES)
    assert load_light(tmp_path / "a.tif", ANGLES, 0.503).notes == ()


@pytest.mark.parametrize("how", NO_SCALE, ids=str)
def test_a_resolution_that_is_no_scale(tmp_path, how):
    tifffile.imwrite(tmp_path / "a.tif", IMAGES, **how)
    with pytest.raises(InputError, match="not stated") as caught:
        load_light(tmp_path / "a.tif", ANGLES)
    assert "--pl-step" in str(caught.value)
    assert ("dpi" in str(caught.value)) == ("dpi" in read_image(tmp_path / "a.tif").scale.told)
    stack = load_light(tmp_path / "a.tif", ANGLES, 0.7)
    assert stack.step == 0.7
    assert stack.notes == ()


def test_screen_and_print_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", IMAGES, **tags(72, "INCH"))
    with pytest.raises(InputError, match="72 dpi"):
        load_light(tmp_path / "a.tif", ANGLES)


def test_another_step_than_stated_is_said(tmp_path):
    write_tiff_stack(tmp_path / "a.tif", IMAGES, 0.5)
    for stated, binned in ((1.0, True), (0.6, False)):
        stack = load_light(tmp_path / "a.tif", ANGLES, stated)
        assert stack.step == stated
        (said,) = stack.notes
        assert f"{stated:g} um as stated" in said
        assert "0.5 um by the resolution tags" in said
        assert ("binned" in said) == binned


def test_files_of_several_steps(tmp_path):
    for k, image in enumerate(IMAGES):
        write_tiff_stack(tmp_path / f"{30 * k:03d}.tif", image, 0.5 if k else 0.6)
    with pytest.raises(InputError, match="not stated"):
        load_light(tmp_path, None)
    assert any("several steps" in said for said in load_light(tmp_path, None, 0.5).notes)


def test_pixels_that_are_not_square(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", IMAGES, resolution=(20_000, 15_000), resolutionunit="CENTIMETER")
    with pytest.raises(InputError, match="not square"):
        load_light(tmp_path / "a.tif", ANGLES)


def test_what_is_written_is_read(tmp_path):
    for step in (0.3, 1.7, 12.0):
        write_tiff_stack(tmp_path / "a.tif", IMAGES, step)
        assert load_light(tmp_path / "a.tif", ANGLES).step == pytest.approx(step, rel=1e-5)
