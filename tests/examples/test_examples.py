"""Every example of the gallery runs, writes its picture and says what it found; the gallery shows them all."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
GALLERY = ROOT / "docs" / "gallery"
PICTURES = {"plots": ("plot_ipf", "plot_boundaries", "plot_uncertainty")}
sys.path.insert(0, str(EXAMPLES))

from make import NAMES  # noqa: E402


def numbers(line: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d+\.?\d*", line)]


@pytest.mark.parametrize("name", NAMES)
def test_example_runs_and_writes_its_picture(name, tmp_path):
    import imageio.v3 as iio

    lines = import_module(name).main(tmp_path)
    for picture in PICTURES.get(name, (name,)):
        image = iio.imread(tmp_path / f"{picture}.png")
        assert image.shape[1] > 250
        assert image.std() > 20
    found = {line.split(":")[0]: numbers(line.split(":", 1)[-1]) for line in lines}
    if name == "coarse_section":
        nearest, restored = found["off by more than 5 degrees"]
        assert restored < 0.7 * nearest
    elif name == "holes_and_misindexing":
        assert found["misindexed points that were replaced"][0] > 80
        assert found["good points that were kept"][0] > 95
    elif name == "light_from_ebsd":
        assert min(one[-1] for one in found.values()) > 0.9
    elif name == "one_image":
        assert found["with one image"][-1] > found["without light"][-1]  # F1 of the boundaries
    elif name == "twins":
        restored, _, low, high, true = found["twin boundaries, share of the boundary length"]
        assert low <= restored <= high
        assert abs(restored - true) < 15


def test_the_gallery_shows_every_example():
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"examples/{name}.py" in text
        for picture in PICTURES.get(name, (name,)):
            assert f"gallery/{picture}.png" in text
            assert (GALLERY / f"{picture}.png").is_file()
    assert {file.stem for file in EXAMPLES.glob("*.py")} == {*NAMES, "make", "common"}


def test_pictures_of_the_gallery_are_small():
    assert sum(file.stat().st_size for file in GALLERY.glob("*.png")) < 300_000
