"""A restoration made again from what it left: the same map, other options beside it, files that are gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.cli.main import parser
from grainlight.cli.restoring.again import with_again


def record_of(file: Path) -> dict:
    with np.load(file) as data:
        return json.loads(str(data["record"]))


def arguments(*words):
    return parser().parse_args(with_again([str(word) for word in words], parser()))


@pytest.fixture(scope="module")
def project(inputs, tmp_path_factory):
    """A folder with input files, and a result of all kinds of options in a folder beside them."""
    from grainlight.cli.main import main

    folder = tmp_path_factory.mktemp("project")
    for file in (inputs.coarse, inputs.light, inputs.weights):
        shutil.copy(file, folder)
    (folder / "results").mkdir()
    coarse, light, weights = (folder / file.name for file in (inputs.coarse, inputs.light, inputs.weights))
    words = (
        *(
            "enhance",
            coarse,
            "--scale",
            "4",
            "--quality",
            "fast",
            "--device",
            "cpu",
            "--weights",
            weights,
            "--seed",
            "3",
        ),
        *("--pl", light, "--angles", "0:180:10", "--pl-step", "500nm", "--pl-origin", "0.1,-0.2", "--register", "none"),
        *("--crop", "0,0,22,20", "--min-ci", "-2", "--max", "fit=100", "--fill-holes", "none"),
        *("--output", folder / "results" / "fine.ang"),
    )
    assert main([str(word) for word in words]) == 0
    return folder


def test_the_same_again(project, run):
    results = project / "results"
    code, _, err = run("enhance", "--again", results / "fine.npz", "--output", results / "again.ang")
    assert code == 0, err
    assert "made with another" not in err
    assert "holds no command" not in err
    assert (results / "again.ang").read_bytes() == (results / "fine.ang").read_bytes()
    first, second = record_of(results / "fine.npz"), record_of(results / "again.npz")
    assert first["command"] == second["command"]
    assert first["command"]["ebsd"].startswith("../")
    for name in ("settings", "inputs", "light_input", "ebsd", "frames"):
        assert first[name] == second[name]


def test_options_are_those_of_the_first(project):
    found = arguments("enhance", "--again", project / "results" / "fine.npz", "--output", "x.ang")
    assert (found.scale, found.quality, found.seed, found.device) == (4, "fast", 3, "cpu")
    assert (found.pl_step, found.pl_origin, found.fill_holes, found.register) == (0.5, (0.1, -0.2), 0.0, "none")
    assert found.crop == (0.0, 0.0, 22.0, 20.0)
    assert [(one.field, one.side, one.value) for one in found.thresholds] == [
        ("ci", "min", -2.0),
        ("fit", "max", 100.0),
    ]
    assert found.output == "x.ang"


def test_a_folder_that_moves_as_a_whole(project, run, tmp_path):
    shutil.copytree(project, tmp_path / "moved")
    file = tmp_path / "moved" / "results" / "fine.npz"
    found = arguments("enhance", "--again", file, "--output", "x.ang")
    assert Path(found.ebsd).parent == tmp_path / "moved"
    assert Path(found.pl[0]).parent == tmp_path / "moved"


def test_what_is_given_beside_it_counts_more(project, inputs, tmp_path):
    file, other = project / "results" / "fine.npz", tmp_path / "other.ang"
    found = arguments("enhance", other, "--again", file, "--output=x.ang", "--quality=best", "--max", "iq=9")
    assert (found.ebsd, found.quality, found.scale) == (str(other), "best", 4)
    # of an option that may be given several times, the user's alone
    assert [(one.field, one.side) for one in found.thresholds] == [("ci", "min"), ("iq", "max")]
    found = arguments("enhance", "--again", file, "--output", "x.ang", "--pl", "a.tif", "b.tif")
    assert (found.pl, found.pl_step) == (["a.tif", "b.tif"], 0.5)


def test_files_that_are_gone_are_named(project, run, tmp_path):
    shutil.copytree(project, tmp_path / "moved")
    folder = tmp_path / "moved"
    words = ("enhance", "--again", folder / "results" / "fine.npz", "--output", tmp_path / "x.ang")
    (light,) = folder.glob("*.tif")
    light.rename(folder / "elsewhere.tif")
    (folder / "weights.safetensors").unlink()
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert all(word in err for word in ("are not there", light.name, "weights.safetensors", "--pl", "--weights"))
    assert "EBSD" not in err
    code, _, err = run(
        *words, "--pl", folder / "elsewhere.tif", "--weights", project / "weights.safetensors", "--dry-run"
    )
    assert code == 0, err
    assert not (tmp_path / "x.ang").exists()


def test_files_that_have_changed_are_named(project, run, tmp_path):
    shutil.copytree(project, tmp_path / "moved")
    (coarse,) = (tmp_path / "moved").glob("*.ang")
    coarse.write_text(coarse.read_text().replace(" 1 ", " 1  ", 1) + "\n")
    words = ("enhance", "--again", tmp_path / "moved" / "results" / "fine.npz", "--output", tmp_path / "x.ang")
    code, _, err = run(*words)
    assert code == 2
    assert all(word in err for word in ("not those any more", coarse.name, "EBSD"))


def test_of_the_python_interface(project, inputs, run, tmp_path):
    """Where no command line is in the record, it is put together from what is."""
    ebsd = gl.load_ebsd(inputs.coarse)
    light = gl.load_light(inputs.light, "0:180:10", 0.5)
    settings = {"scale": 4, "quality": "fast", "seed": 5, "device": "cpu", "register": "none", "fill_holes": 3.0}
    gl.enhance(ebsd, light, weights=inputs.weights, **settings).save(tmp_path / "py.ang")
    for file in (inputs.coarse, inputs.light, inputs.weights):
        shutil.copy(file, tmp_path)
    code, _, err = run("enhance", "--again", tmp_path / "py.npz", "--output", tmp_path / "again.ang", "--device", "cpu")
    assert code == 0, err
    assert "py.npz holds no command" in err
    assert (tmp_path / "py.ang").read_bytes() == (tmp_path / "again.ang").read_bytes()
    first, second = record_of(tmp_path / "py.npz"), record_of(tmp_path / "again.npz")
    assert first["settings"] == second["settings"]


def test_a_mask_that_is_not_held(inputs, run, tmp_path):
    ebsd = gl.load_ebsd(inputs.coarse)
    mask = np.ones(ebsd.shape, bool)
    mask[:3] = False
    gl.enhance(ebsd, mask=mask, scale=2, quality="fast", device="cpu").save(tmp_path / "py.ang")
    code, _, err = run("enhance", "--again", tmp_path / "py.npz", "--output", tmp_path / "again.ang")
    assert code == 2
    assert "--mask IMAGE beside --again" in err


@pytest.mark.parametrize("name", ["nowhere.npz", "coarse"])
def test_what_is_no_result(inputs, run, tmp_path, name):
    file = inputs.coarse if name == "coarse" else tmp_path / name
    code, out, err = run("enhance", "--again", file, "--output", tmp_path / "x.ang")
    assert (code, out) == (2, "")
    assert file.name in err


def test_other_weights_are_told(project, run, tmp_path):
    words = ("enhance", "--again", project / "results" / "fine.npz", "--output", tmp_path / "x.ang")
    code, _, err = run(*words, "--weights", Path(gl.__file__).parent / "weights" / "grainlight.safetensors")
    assert code == 0, err
    assert "fine.npz was made with another network weights" in err.replace("\n", " ")


def test_without_a_map(run, tmp_path):
    code, _, err = run("enhance", "--output", tmp_path / "x.ang")
    assert code == 2
    assert "no EBSD map is named" in err
