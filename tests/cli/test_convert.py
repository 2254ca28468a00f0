"""`grainlight convert` and results in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grainlight.cli.restoring.enhance import FORMATS
from grainlight.maps.io import load_ebsd
from grainlight.maps.io.save import OUTPUT_FORMATS


def test_the_commands_know_every_format() -> None:
    assert tuple(OUTPUT_FORMATS) == FORMATS


def test_there_and_back(run, inputs, tmp_path: Path) -> None:
    code, out, err = run("convert", inputs.full, tmp_path / "a.ctf")
    assert code == 0
    assert out.strip() == f"wrote {tmp_path / 'a.ctf'}"
    assert "sample edax2, crystal X along a" in err
    assert "left out" in err
    assert run("convert", tmp_path / "a.ctf", tmp_path / "b.ang")[0] == 0
    before, after = load_ebsd(inputs.full), load_ebsd(tmp_path / "b.ang")
    assert np.abs(np.abs((before.quaternions * after.quaternions).sum(-1)) - 1).max() < 1e-9


def test_a_frame_that_is_stated_is_what_is_converted(run, inputs, tmp_path: Path) -> None:
    assert run("convert", inputs.full, tmp_path / "a.ctf", "--frame", "edax1", "--crystal-frame", "a-star")[0] == 0
    stated = load_ebsd(inputs.full, "edax1", "a*")
    found = load_ebsd(tmp_path / "a.ctf")
    expected = stated.in_frame(found.sample_frame).in_crystal_frame(found.crystal_frame)
    assert np.abs(np.abs((expected.quaternions * found.quaternions).sum(-1)) - 1).max() < 1e-9


def test_existing_output_unknown_endings_and_the_input_itself(run, inputs, tmp_path: Path) -> None:
    target = tmp_path / "a.vti"
    (tmp_path / "a.material.yaml").write_text("mine")
    code, _, err = run("convert", inputs.coarse, target)
    assert code == 2
    assert "exists already" in err
    assert (tmp_path / "a.material.yaml").read_text() == "mine"
    assert not target.exists()
    code, out, _ = run("convert", inputs.coarse, target, "--force")
    assert code == 0
    assert out.count("wrote") == 2
    code, _, err = run("convert", inputs.coarse, tmp_path / "a.xyz")
    assert code == 2
    assert ".h5oina" in err
    before = inputs.coarse.read_bytes()
    assert run("convert", inputs.coarse, inputs.coarse, "--force")[0] == 2
    assert inputs.coarse.read_bytes() == before


def test_a_hexagonal_grid_where_it_does_not_fit(run, shared_data, tmp_path: Path) -> None:
    code, _, err = run("convert", shared_data / "ebsdlab/EBSD.ang", tmp_path / "a.ctf")
    assert code == 2
    assert "hexagonal grid" in err
    assert ".ang" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".ang", ".ctf", ".h5oina", ".h5", ".dream3d", ".vti", ".ome.tif", ".png"])
def test_a_result_in_every_format(result, tmp_path: Path, suffix: str) -> None:
    files = result.save(tmp_path / f"fine{suffix}")
    assert sorted(files) == sorted(tmp_path.iterdir())
    beside = next(file for file in files if file.suffix == ".npz")
    with np.load(beside) as data:
        assert np.array_equal(data["source"], result.source)
        assert json.loads(str(data["record"]))["settings"]["scale"] == 2
    with pytest.raises(ValueError, match="exists already"):
        result.save(tmp_path / f"fine{suffix}")
    if suffix in (".ang", ".ctf", ".h5oina", ".h5", ".dream3d"):
        again = load_ebsd(tmp_path / f"fine{suffix}")
        assert again.shape == result.map.shape
        bound = again.fields.get("uncertainty", again.fields.get("fit" if suffix == ".ang" else "mad"))
        known = result.source > 0
        np.testing.assert_allclose(bound[known], result.uncertainty[known], atol=2e-3)
        if suffix != ".ctf":
            assert np.array_equal(again.fields["source"], result.source)


def test_what_enhance_left_is_converted_with_its_doubts(run, result, tmp_path: Path) -> None:
    result.save(tmp_path / "fine.ang")
    result.save(tmp_path / "also.ctf")
    result.save(tmp_path / "more.h5")
    known = result.source > 0
    for start in ("fine.npz", "fine.ang", "more.h5"):
        for ending in (".ctf", ".ang", ".h5", ".h5oina", ".dream3d"):
            target = tmp_path / f"of_{start[-3:].strip('.')}{ending}"
            code, _, err = run("convert", tmp_path / start, target, "--force")
            assert code == 0
            again = load_ebsd(target)
            expected = result.map.in_frame(again.sample_frame).in_crystal_frame(again.crystal_frame)
            assert np.abs(np.abs((again.quaternions * expected.quaternions).sum(-1)) - 1).max() < 1e-6
            np.testing.assert_array_equal(again.fields["source"], result.source)
            np.testing.assert_allclose(again.fields["boundary"], result.boundary, atol=6e-6)
            bound = again.fields["mad" if ending == ".ctf" else "fit" if start == "fine.ang" else "uncertainty"]
            np.testing.assert_allclose(bound[known], result.uncertainty[known], atol=2e-3)
            assert ("DREAM3D takes no file with more" in err) is (ending == ".ctf")
    # Oxford's columns are those that enhance writes
    first, second = load_ebsd(tmp_path / "also.ctf"), load_ebsd(tmp_path / "of_npz.ctf")
    np.testing.assert_allclose(first.quaternions, second.quaternions, atol=2e-6)
    np.testing.assert_array_equal(first.fields["mad"], second.fields["mad"])


@pytest.fixture(scope="module")
def result(inputs):
    """A small restoration; what it is worth does not matter here."""
    import grainlight as gl

    ebsd = gl.load_ebsd(inputs.coarse)
    return gl.enhance(ebsd, scale=2, quality="fast")
