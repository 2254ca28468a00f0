"""Light images come in as counts, and what cannot be used is refused."""

from __future__ import annotations

import subprocess
import sys

import imageio.v3
import numpy as np
import pytest
import tifffile

from grainlight.errors import InputError
from grainlight.maps.io import load_light
from grainlight.maps.light_stack import LightStack, distinct_angles, parse_angles

ANGLES = np.arange(0, 180, 30.0)


def counts(dtype=np.uint16, n=6, high=4000):
    return np.random.default_rng(0).integers(0, high, (n, 7, 9)).astype(dtype)


@pytest.mark.parametrize(("dtype", "high"), [(np.uint8, 250), (np.uint16, 4000), (np.int32, 70000), (np.float32, 900)])
def test_tiff_stack(tmp_path, dtype, high):
    images = counts(dtype, high=high)
    tifffile.imwrite(tmp_path / "a.tif", images)
    stack = load_light(tmp_path / "a.tif", "0:180:30", 0.3, origin=(1.0, -2.0), rotates="optics", mirror=True)
    np.testing.assert_array_equal(stack.images, images.astype(np.float32))
    assert stack.images.dtype == (dtype if dtype in (np.uint8, np.uint16) else np.float32)
    np.testing.assert_array_equal(stack.angles, ANGLES)
    assert (stack.step, stack.origin, stack.rotates, stack.mirror) == (0.3, (1.0, -2.0), "optics", True)
    assert stack.shape == (7, 9)
    expected = {np.uint8: 255, np.uint16: 65535, np.int32: 2**31 - 1, np.float32: None}[dtype]
    assert stack.saturation == expected


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_files_in_their_order(tmp_path, suffix):
    images = counts(np.uint8, high=256)
    paths = [tmp_path / f"{i}{suffix}" for i in range(6)]
    for path, image in zip(paths, images, strict=True):
        imageio.v3.imwrite(path, image)
    stack = load_light(paths, ANGLES, 0.3)
    np.testing.assert_array_equal(stack.images, images)
    assert stack.paths == tuple(paths)


def test_jpeg_is_near(tmp_path):
    image = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (60, 1))
    imageio.v3.imwrite(tmp_path / "a.jpg", image, quality=98)
    stack = load_light([tmp_path / "a.jpg"] * 6, ANGLES, 0.3)
    np.testing.assert_allclose(stack.images[3], image, atol=4)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_becomes_luminance(tmp_path, channels):
    grey = counts(np.uint8, high=256)
    tifffile.imwrite(tmp_path / "a.tif", np.repeat(grey[..., None], channels, axis=-1), photometric="rgb")
    np.testing.assert_allclose(load_light(tmp_path / "a.tif", ANGLES, 1).images, grey, atol=1e-3)
    for i in range(6):
        imageio.v3.imwrite(tmp_path / f"{i}.png", np.repeat(grey[i][..., None], channels, axis=-1))
    stack = load_light([tmp_path / f"{i}.png" for i in range(6)], ANGLES, 1)
    np.testing.assert_allclose(stack.images, grey, atol=1e-3)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_saturation_of_a_camera_in_a_wider_container(tmp_path, bits):
    images = counts()
    images[2, 3, 4] = 2**bits - 1
    tifffile.imwrite(tmp_path / "a.tif", np.minimum(images, 2**bits - 1))
    assert load_light(tmp_path / "a.tif", ANGLES, 1).saturation == 2**bits - 1


def test_a_real_image(shared_data):
    path = shared_data / "defdap/testOptical.png"
    stack = load_light([path] * 6, ANGLES, 2.105)
    assert stack.shape == (935, 1170)
    assert 0 < stack.images.mean() < 255
    assert 1 <= len(load_light(path, "unknown", 2.105).images) <= 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:180:10", np.arange(0, 180, 10)),
        ("0:1:0.1", np.arange(10) / 10),
        ("90:0:-30", [90, 60, 30]),
        ("0,10, 20", [0, 10, 20]),
        ("0;22,5;45", [0, 22.5, 45]),
        ("0:45:22,5", [0, 22.5]),
        ("0:360:90", [0, 90, 180, 270]),
        ([1, 2.5], [1, 2.5]),
        (np.arange(3), [0, 1, 2]),
    ],
)
def test_angles(text, expected):
    np.testing.assert_allclose(parse_angles(text), expected)


@pytest.mark.parametrize(
    "content", ["0\n10\n20\n", "angle,file\n0,a.tif\n10,b.tif\n20,c.tif\n", "# degrees\n0;a\n10;b\n20;c"]
)
def test_angles_from_a_file(tmp_path, content):
    (tmp_path / "angles.csv").write_text(content)
    np.testing.assert_array_equal(parse_angles(tmp_path / "angles.csv"), [0, 10, 20])
    np.testing.assert_array_equal(parse_angles(str(tmp_path / "angles.csv")), [0, 10, 20])


@pytest.mark.parametrize(
    "text", ["", "0:180", "0:180:0", "0:180:-10", "0:1e9:1", "a,b", "none.csv", "0,nan", [], [None], 5, "0:nan:1"]
)
def test_angles_that_are_none(text):
    with pytest.raises(InputError, match="angle"):
        parse_angles(text)


def test_decimal_commas_in_a_file(tmp_path):
    (tmp_path / "angles.csv").write_text("Winkel;Datei\n0,0;a.tif\n22,5;b.tif\n")
    np.testing.assert_array_equal(parse_angles(tmp_path / "angles.csv"), [0, 22.5])


@pytest.mark.parametrize("angles", ["0:3.14159:0.174533", "0:6.2831:0.349066"])
def test_radians_are_suspected(tmp_path, angles):
    tifffile.imwrite(tmp_path / "a.tif", counts(n=18))
    stack = load_light(tmp_path / "a.tif", angles, 0.3)
    assert "radians" in stack.notes[0]
    assert not stack.determined
    assert load_light(tmp_path / "a.tif", "0:180:10", 0.3).notes == ()


def test_distinct_angles_modulo_180():
    assert distinct_angles(np.array([0, 180, 360.0])) == 1
    assert distinct_angles(np.array([0, 45, 90, 135, 180, 225.0])) == 4
    assert distinct_angles(np.arange(0, 360, 10.0)) == 18
    assert distinct_angles(np.array([0.0, 179.9999999])) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"angles": ANGLES[:5]}, "not as many angles as images"),
        ({"angles": np.array([0, 45, 90, np.nan, 180, 225])}, "some of the angles"),
        ({"step": 0.0}, "no length"),
        ({"step": -0.3}, "no length"),
        ({"step": float("nan")}, "no length"),
        ({"origin": (0.0, float("inf"))}, "no position"),
        ({"images": np.zeros((6, 7))}, "no stack"),
        ({"images": np.full((6, 7, 9), np.nan)}, "not finite"),
        ({"images": np.where(np.arange(9) == 4, np.inf, counts()).astype(np.float32)}, "not finite"),
        ({"rotates": "camera"}, "unknown moving part"),
    ],
)
def test_stacks_that_cannot_be(change, reason):
    with pytest.raises(InputError, match=reason):
        LightStack(**({"images": counts(), "angles": ANGLES, "step": 0.3} | change))


@pytest.mark.parametrize(
    ("angles", "determined"),
    [
        (np.arange(0, 180, 30.0), True),
        (np.array([0, 45, 90, 135.0]), False),
        (np.array([0, 45, 90, 135, 180, 225.0]), False),
        (np.array([0, 1, 2, 3, 4, 5.0]), False),
        (np.full(6, np.nan), False),
        (np.array([30.0]), False),
    ],
)
def test_whether_the_angles_determine_the_harmonics(angles, determined):
    assert LightStack(counts(n=len(angles)), angles, 1.0).determined is determined


def test_an_image_of_unknown_setting_gives_its_three_colours(tmp_path):
    colour = counts(np.uint8, n=3, high=256).transpose(1, 2, 0)
    imageio.v3.imwrite(tmp_path / "a.png", colour)
    stack = load_light(tmp_path / "a.png", "unknown", 0.3)
    assert np.isnan(stack.angles).all()
    np.testing.assert_array_equal(stack.images, colour.transpose(2, 0, 1))
    # with one angle known the colours share it
    np.testing.assert_array_equal(load_light(tmp_path / "a.png", "20", 0.3).angles, [20, 20, 20])
    # grey in three channels is one measurement, and so is a colour that shows nothing beside it
    imageio.v3.imwrite(tmp_path / "g.png", np.repeat(colour[..., :1], 3, axis=-1))
    assert load_light(tmp_path / "g.png", "unknown", 0.3).images.shape == (1, 7, 9)
    colour[..., 1] = 7
    imageio.v3.imwrite(tmp_path / "c.png", colour)
    assert load_light(tmp_path / "c.png", "unknown", 0.3).images.shape == (2, 7, 9)
    with pytest.raises(InputError, match="as many angles"):
        load_light(tmp_path / "a.png", "0,10", 0.3)


def test_many_images_of_unknown_settings(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", counts())
    stack = load_light(tmp_path / "a.tif", " Unknown ", 0.3)
    assert stack.images.shape == (6, 7, 9)
    assert not stack.determined
    # as a record gives them back
    assert np.isnan(load_light(tmp_path / "a.tif", [None] * 6, 0.3).angles).all()
    assert np.isnan(load_light(tmp_path / "a.tif", [float("nan")] * 6, 0.3).angles).all()


def test_one_bad_pixel_is_named(tmp_path):
    images = counts(np.float32)
    images[2, 3, 4] = np.inf
    tifffile.imwrite(tmp_path / "a.tif", images)
    with pytest.raises(InputError, match=r"a.tif, image at 60 degrees, row 3, column 4"):
        load_light(tmp_path / "a.tif", ANGLES, 0.3)


def test_files_that_cannot_be(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", counts())
    tifffile.imwrite(tmp_path / "b.tif", counts()[:, :5])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:300])
    for paths, reason in [
        ([], "no light image"),
        (tmp_path / "none.tif", "does not exist"),
        (tmp_path / "folder", "folder"),
        ([tmp_path / "a.tif", tmp_path / "b.tif"], "differ in size"),
        (tmp_path / "text.png", "cannot be read"),
        (tmp_path / "empty.tif", "cannot be read"),
        (tmp_path / "cut.tif", "cannot be read"),
    ]:
        with pytest.raises(InputError, match=reason):
            load_light(paths, ANGLES, 0.3)
    with pytest.raises(InputError, match="6 images, 18 angles"):
        load_light(tmp_path / "a.tif", "0:180:10", 0.3)


def test_the_room_loads_without_heavy_packages():
    code = (
        "import sys, grainlight.maps.io; "
        "print([m for m in ('torch', 'orix', 'scipy', 'matplotlib', 'tifffile', 'imageio') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
