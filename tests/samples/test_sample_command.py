"""`grainlight sample`: what it writes, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from grainlight.cli.main import main
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM


def ran(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    out = capsys.readouterr()
    return code, out.out + out.err


def test_sections_from_nothing_are_written_with_their_light(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("sample", "--size", "30,44", "--count", "2", "--seed", "7", "--grain-size", "10", "--step", "0.25")
    code, told = ran(capsys, *words, "--output", tmp_path / "made")
    assert code == 0, told
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    each = [f"sample_00000{seed}{ending}" for seed in (7, 8) for ending in (".ang", ".json", "_light.tif")]
    assert names == [*each, "samples.png"]
    section = load_ebsd(tmp_path / "made" / "sample_000007.ang")
    assert section.shape == (30, 44)
    assert section.step == pytest.approx((0.25, 0.25))
    assert tifffile.imread(tmp_path / "made" / "sample_000007_light.tif").shape == (18, 30, 44)
    about = json.loads((tmp_path / "made" / "sample_000007.json").read_text())
    assert about["around"] == "nothing"
    assert 0 < about["points_of_the_recipe"] < 30 * 44
    ran(capsys, *words, "--output", tmp_path / "again")
    for name in each:
        assert (tmp_path / "made" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_samples_around_a_map_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    q = np.zeros((9, 12, 4))
    q[..., 0], q[:, 6:, 0], q[:, 6:, 1] = 1.0, np.cos(0.3), np.sin(0.3)
    save_ebsd(OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,)), tmp_path / "points.ang")
    code, told = ran(capsys, "sample", "--around", tmp_path / "points.ang", "--scale", "2", "--output", tmp_path / "o")
    assert code == 0, told
    section = load_ebsd(tmp_path / "o" / "sample_000000.ang")
    assert section.shape == (17, 23)
    about = json.loads((tmp_path / "o" / "sample_000000.json").read_text())
    assert (about["around"], about["measured_points"]) == ("points.ang", 108)


def test_a_map_without_hexagonal_metal_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    q = np.zeros((9, 12, 4))
    q[..., 0] = 1.0
    copper = replace(TITANIUM, name="Copper", laue_group="m-3m")
    save_ebsd(OrientationMap.from_quaternions(q, (1.0, 1.0), (copper,)), tmp_path / "points.ang")
    code, told = ran(capsys, "sample", "--around", tmp_path / "points.ang", "--output", tmp_path / "out")
    assert code == 2
    assert "no point of the map belongs to a hexagonal phase" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--scale", "2"), "--scale is of samples around points"),
        (("--around", "no.ang", "--size", "40,40"), "--size is of samples from nothing"),
        (("--around", "no.ang", "--grain-size", "9"), "--grain-size is of samples from nothing"),
        (("--around", "no.ang"), "no.ang"),
        (("--crop", "0,0,5,5"), "how an EBSD file is read"),
        (("--subsample", "2"), "how an EBSD file is read"),
        (("--weights", "no.safetensors"), "there are no weights"),
    ],
)
def test_what_does_not_go_together_is_refused_and_nothing_is_written(
    words: tuple[str, ...], found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = ran(capsys, "sample", *words, "--output", tmp_path / "out")
    assert code == 2
    assert found in told
    assert not (tmp_path / "out").exists()
