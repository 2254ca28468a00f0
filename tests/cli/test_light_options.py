"""Options of polarized light: few images, unknown settings, what is known of the polars."""

from __future__ import annotations

import argparse
import json

import imageio.v3
import numpy as np
import pytest
import tifffile

from grainlight.cli import values
from grainlight.maps.io.tiff.stack import write_tiff_stack


def light_of(path) -> dict:
    with np.load(path) as data:
        return json.loads(str(data["record"]))


def test_a_single_colour_image_of_unknown_setting(inputs, run, tmp_path):
    stack = tifffile.imread(inputs.light)[[0, 4, 9]]
    colour = (stack / stack.max() * 254).astype(np.uint8).transpose(1, 2, 0)
    imageio.v3.imwrite(tmp_path / "one.png", colour)
    options = ["--pl", str(tmp_path / "one.png"), "--angles", "unknown", "--pl-step", "0.5", "--register", "none"]
    code, _, err = run(*inputs.enhance(tmp_path / "out.ang", *options))
    assert code == 0
    assert "3 images (no full set of angles)" in err
    record = light_of(tmp_path / "out.npz")
    assert record["light_input"]["angles_deg"] == [None] * 3
    assert any("settings unknown" in warning or "not used" in warning for warning in record["warnings"])


@pytest.mark.parametrize("polars", ["10,2.5", "-3,2.5"])
def test_what_is_known_of_the_polars(inputs, run, tmp_path, polars):
    options = ["--polars", polars, "--bireflectance", "negative", "--register", "none"]
    assert run(*inputs.enhance(tmp_path / "out.ang", *inputs.light_options, *options))[0] == 0
    frame = light_of(tmp_path / "out.npz")["light"]["frame"]
    assert frame["turn_modulo_deg"] == 180
    assert isinstance(frame["turn_deg"], float)


@pytest.mark.parametrize("options", [["--polars", "1,2"], ["--angles", "unknown"], ["--bireflectance", "positive"]])
def test_options_without_images(inputs, run, tmp_path, options):
    code, _, err = run(*inputs.enhance(tmp_path / "out.ang", *options))
    assert code == 2
    assert "no images" in err


def test_a_sign_without_polars(inputs, run, tmp_path):
    code, _, err = run(*inputs.enhance(tmp_path / "o.ang", *inputs.light_options, "--bireflectance", "positive"))
    assert code == 2
    assert "--polars" in err


@pytest.mark.parametrize(
    ("text", "um"), [("0.5", 0.5), ("0,5", 0.5), ("500nm", 0.5), ("5e-4 mm", 0.5), ("2 \u00b5m", 2)]
)
def test_lengths(text, um):
    assert values.length(text) == pytest.approx(um)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf um", "um", "1,000.5", ""])
def test_lengths_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        values.length(text)


def photo(inputs, tmp_path):
    """Light of another place."""
    images = tifffile.imread(inputs.light)
    file = tmp_path / "other.tif"
    write_tiff_stack(file, np.random.default_rng(0).poisson(900, images.shape).astype(np.uint16), 0.5)
    return ["--pl", str(file), "--angles", "0:180:10"]


def test_light_that_is_refused_does_not_look_like_success(inputs, run, tmp_path):
    code, out, err = run(*inputs.enhance(tmp_path / "a.ang", *photo(inputs, tmp_path), "--report", tmp_path / "a.html"))
    assert code == 0
    last = out.strip().splitlines()[-1]
    assert "no light was used" in last
    assert "--light required" in last
    assert all(option in err for option in ("--register none", "--points", "--pl-origin"))
    record = light_of(tmp_path / "a.npz")
    assert record["light_refused"]
    page = (tmp_path / "a.html").read_text()
    assert "No polarized light was used" in page
    assert "images were placed" not in page


@pytest.mark.parametrize("register", ["auto", "none"])
def test_light_that_is_required_stops_the_command(inputs, run, tmp_path, register):
    options = [*photo(inputs, tmp_path), "--light", "required", "--register", register]
    code, out, err = run(*inputs.enhance(tmp_path / "a.ang", *options))
    assert code == 3
    assert "required" in err
    assert not out
    assert not (tmp_path / "a.ang").exists()
    assert run(*inputs.enhance(tmp_path / "b.ang", "--light", "required"))[0] == 3
    good = [*inputs.light_options, "--light", "required", "--register", "none"]
    assert run(*inputs.enhance(tmp_path / "c.ang", *good))[0] == 0


def test_register_of_light_of_another_place_does_not_succeed(inputs, run, tmp_path):
    code, out, _ = run("register", inputs.coarse, *photo(inputs, tmp_path), "--output", tmp_path / "a.json")
    assert code == 3
    assert "NOT TRUSTED" in out
    assert "--points" in out
    black = tmp_path / "black.tif"
    write_tiff_stack(black, np.zeros_like(tifffile.imread(inputs.light)), 0.5)
    options = ["--pl", str(black), "--angles", "0:180:10", "--output", str(tmp_path / "b.json")]
    code, _, err = run("register", inputs.coarse, *options)
    assert code == 3
    assert "every pixel of every light image is 0" in err
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("register", ["auto", "none"])
@pytest.mark.parametrize("kind", ["zeros", "half", "constant", "repeated", "saturated", "one", "stripes"])
def test_degenerate_light_ends_in_a_sentence(inputs, run, tmp_path, kind, register):
    images = tifffile.imread(inputs.light)
    angles = "0:180:10"
    if kind == "half":
        images[:, :, : images.shape[2] // 2] = 0
    elif kind == "one":
        images, angles = np.full_like(images[:1], 700), "0"
    elif kind == "repeated":
        images[:] = images[:1]
    elif kind == "stripes":
        images[:] = (np.arange(images.shape[2]) % 2 * 900 + 300).astype(np.uint16)
    else:
        images[:] = {"zeros": 0, "constant": 900, "saturated": 4095}[kind]
    file = tmp_path / "a.tif"
    write_tiff_stack(file, images, 0.5)
    options = ["--pl", str(file), "--angles", angles, "--register", register]
    code, out, err = run(*inputs.enhance(tmp_path / "a.ang", *options))
    assert code == 0, err
    assert "fault of grainlight" not in err
    assert "Warning" not in err
    used = light_of(tmp_path / "a.npz")["light_refused"] is None
    assert used == ("no light was used" not in out)
    if kind == "half":
        assert "margins" in err
    else:
        assert not used
