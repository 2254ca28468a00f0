"""Options of polarized light: few images, unknown settings, what is known of the polars."""

from __future__ import annotations

import argparse
import json

import imageio.v3
import numpy as np
import pytest
import tifffile

from grainlight.cli import values


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
