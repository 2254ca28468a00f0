"""`grainlight register`, and what `enhance` does with its answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from benchmarks.misplaced import Misplaced
from grainlight.cli.main import main
from grainlight.errors import InputError
from grainlight.maps.io import save_ebsd
from grainlight.register.transform import load_transform
from grainlight.restore.light.registration import find, register_light, registered
from grainlight.restore.points.grid import rasterise
from grainlight.restore.settings import Settings


@pytest.fixture
def files(moved: Misplaced, tmp_path: Path) -> list[str]:
    coarse, stack = tmp_path / "coarse.ang", tmp_path / "stack.tif"
    save_ebsd(moved.task.coarse, coarse)
    tifffile.imwrite(stack, moved.light.images.astype(np.uint16), photometric="minisblack")
    return [str(coarse), "--frame", "none", "--pl", str(stack), "--angles", "0:180:10", "--pl-step", "0.5"]


def test_command_writes_transform_and_picture(
    files: list[str], moved: Misplaced, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / "place.json", tmp_path / "place.png"
    files[2] = "edax2"  # the default of .ang, in which the writer wrote
    assert main(["register", *files, "--output", str(out), "--picture", str(picture)]) == 0
    said = capsys.readouterr()
    assert "mirrored" in said.out
    assert "NOT TRUSTED" not in said.out
    assert picture.is_file()
    record = json.loads(out.read_text())
    assert record["registration"]["trusted"]
    distance = moved.residual(load_transform(out))
    assert np.sqrt((distance**2).mean()) < 0.5
    # the same command does not write over it
    assert main(["register", *files, "--output", str(out)]) == 2


def test_command_needs_images(files: list[str], tmp_path: Path) -> None:
    assert main(["register", files[0], "--output", str(tmp_path / "x.json")]) == 2


def test_a_saved_transform_is_used_as_it_is(moved: Misplaced, tmp_path: Path) -> None:
    settings = Settings(scale=2)
    found = find(moved.task.coarse, moved.light, settings)
    path = found.transform.save(tmp_path / "t.json")
    grid = rasterise(moved.task.coarse, 2)
    first = registered(moved.light, found).stack(grid)
    again = register_light(moved.task.coarse, moved.light, replace(settings, transform=path))
    assert again.registration is not None
    assert again.registration.method == "file"
    assert first is not None
    second = again.stack(grid)
    assert second is not None
    assert np.array_equal(first.images, second.images)


def test_points_start_and_stay(moved: Misplaced, tmp_path: Path) -> None:
    import torch

    shape = moved.task.measured.shape
    points = np.array([[4.0, 5.0], [40.0, 8.0], [10.0, 44.0], [41.0, 40.0]])
    pixels = moved.truth.image_position(torch.from_numpy(2 * points), shape).numpy() + 0.7
    path = tmp_path / "points.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in np.concatenate((points, pixels), 1)))
    believed = find(moved.task.coarse, moved.light, Settings(scale=2, points=path, register="none"))
    refined = find(moved.task.coarse, moved.light, Settings(scale=2, points=path))
    before, after = (np.sqrt((moved.residual(f.transform) ** 2).mean()) for f in (believed, refined))
    assert before > 0.8
    assert after < 0.5
    assert refined.trusted


def test_light_without_evidence_is_left_out(moved: Misplaced) -> None:
    noise = np.random.default_rng(3).poisson(300, moved.light.images.shape).astype(np.float32)
    left = register_light(moved.task.coarse, replace(moved.light, images=noise), Settings(scale=2))
    assert left.light is None
    assert any("not used" in warning for warning in left.warnings)


def test_settings_refuse_what_excludes_one_another(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exclude"):
        Settings(transform=tmp_path / "a", points=tmp_path / "b")
    with pytest.raises(InputError, match="registration"):
        Settings(register="magic")  # type: ignore[arg-type]
