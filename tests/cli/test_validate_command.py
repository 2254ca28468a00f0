"""`grainlight validate`, and what `enhance` makes of its file."""

from __future__ import annotations

import json
from pathlib import Path


def _sections(tmp_path: Path, run) -> Path:
    made = tmp_path / "sections"
    options = ("--size", "81,81", "--scale", "4", "--family", "equiaxed", "--output", made)
    assert run("synthesize", *options)[0] == 0
    return made / "section_000000"


def test_verdict_file_and_picture(run, tmp_path: Path) -> None:
    stem = _sections(tmp_path, run)
    light = ("--pl", f"{stem}_light.tif", "--angles", "0:180:10", "--pl-step", "0.5")
    options = ("--scale", "4", "--quality", "fast", "--device", "cpu", "--folds", "2")
    figures, picture = tmp_path / "found.json", tmp_path / "where.png"
    code, out, _ = run(
        "validate", f"{stem}_coarse.ang", *light, *options, "--json", figures, "--picture", picture, "--ipf", "X"
    )
    assert code == 0
    assert "verdict on the light" in out
    assert "verdict on the bound" in out
    assert picture.stat().st_size > 1000
    record = json.loads(figures.read_text())
    assert {"wrong_share", "wrong_share_interval", "light_helps", "coverage", "bound_factor", "folds"} <= set(record)
    code, _, error = run("validate", f"{stem}_coarse.ang", *options, "--json", figures)
    assert code == 2
    assert "exists already" in error
    output = tmp_path / "fine.ang"
    command = ("enhance", f"{stem}_coarse.ang", "--scale", "4", "--quality", "fast", "--device", "cpu")
    code, _, error = run(*command, "--output", output, "--calibration", figures)
    assert code == 0
    assert "found.json found on this specimen" in error
    code, _, error = run(*command, "--output", tmp_path / "none.ang", "--calibration", f"{stem}_coarse.ang")
    assert code == 2
    assert not (tmp_path / "none.ang").exists()


def test_options_of_light_without_images_are_refused(run, tmp_path: Path) -> None:
    stem = _sections(tmp_path, run)
    code, _, error = run("validate", f"{stem}_coarse.ang", "--angles", "0:180:10")
    assert code == 2
    assert "no images" in error
