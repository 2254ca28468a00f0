"""`grainlight grains` on maps and on saved results."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from painted import noisy_samples

from grainlight.cli.main import main
from grainlight.constants import WEIGHTS, constants
from grainlight.errors import InputError
from grainlight.maps.io import save_ebsd
from grainlight.restore.result import Result
from grainlight.restore.saved import load_saved


@pytest.fixture
def result(quarters) -> Result:
    shape = quarters.shape
    record = {
        "settings": {"scale": 4},
        "ebsd": {"phases": {"1": "Titanium", "2": "Beta"}},
        "frames": {"sample": quarters.sample_frame.value, "crystal": quarters.crystal_frame.value},
    }
    return Result(
        quarters,
        np.ones(shape, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, 3, np.uint8),
        np.zeros((5, *shape), np.float32),
        np.zeros(shape, bool),
        quarters.quaternions,
        np.full(shape, np.nan, np.float32),
        record,
        noisy_samples(quarters, 2, 0.1),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_any_map(quarters, tmp_path, capsys) -> None:
    save_ebsd(quarters, tmp_path / "map.ang")
    assert main(["grains", str(tmp_path / "map.ang"), "--threshold", "15"]) == 0
    assert "grains: 2" in capsys.readouterr().out
    table = rows(tmp_path / "map_grains.csv")
    assert [row["pixels"] for row in table] == ["96", "96"]
    labels = tifffile.imread(tmp_path / "map_grains.tif")
    assert labels.dtype == np.uint16
    assert np.unique(labels).tolist() == [1, 2]
    figures = {row["figure"]: row["value"] for row in rows(tmp_path / "map_grains_figures.csv")}
    assert figures["grains"] == "2"
    assert (tmp_path / "map_grains.png").stat().st_size > 5000


def test_output_is_not_replaced_unasked(quarters, tmp_path, capsys) -> None:
    save_ebsd(quarters, tmp_path / "map.ang")
    assert main(["grains", str(tmp_path / "map.ang")]) == 0
    before = (tmp_path / "map_grains.csv").read_text()
    assert main(["grains", str(tmp_path / "map.ang"), "--threshold", "15"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "map_grains.csv").read_text() == before
    assert main(["grains", str(tmp_path / "map.ang"), "--threshold", "15", "--force"]) == 0
    assert (tmp_path / "map_grains.csv").read_text() != before


def test_saved_result_has_intervals(result, tmp_path, capsys) -> None:
    result.save(tmp_path / "fine.ang")
    output = tmp_path / "out.csv"
    assert main(["grains", str(tmp_path / "fine.npz"), "--output", str(output)]) == 0
    out = capsys.readouterr().out
    # the pixels of one EBSD point at scale 4
    assert "16 pixels" in out
    assert "90 %" in out
    table = rows(output)
    assert len(table) == 4
    assert float(table[0]["area_um2_low"]) < 12 < float(table[0]["area_um2_high"])


def test_intervals_are_of_the_weights_that_they_were_fitted_for(result, tmp_path, capsys) -> None:
    for weights, told in ((constants().weights[WEIGHTS], False), ("0" * 16, True)):
        replace(result, record={**result.record, "weights": weights}).save(tmp_path / "fine.ang", overwrite=True)
        assert main(["grains", str(tmp_path / "fine.npz"), "--force"]) == 0
        out, err = capsys.readouterr()
        assert ("fitted for other weights" in err) is told
        assert ("90 %" in out) is not told
        assert ("area_um2_low" in rows(tmp_path / "fine_grains.csv")[0]) is not told


def test_saved_result_without_its_map(result, tmp_path) -> None:
    result.save(tmp_path / "fine.ang")
    with np.load(tmp_path / "fine.npz") as data:
        held = {name: data[name] for name in data.files}
    alone = tmp_path / "alone.npz"
    np.savez(alone, **held)
    known = load_saved(alone)
    assert known.notes == ()
    assert known.map.phases == result.map.phases
    # older archives tell the names of phases only: the rest stands in the map beside them
    np.savez(tmp_path / "fine.npz", **{name: values for name, values in held.items() if name != "phases"})
    older = load_saved(tmp_path / "fine.npz")
    assert older.notes == ()
    assert older.map.phases[0].c == pytest.approx(4.686, abs=1e-3)
    (tmp_path / "fine.ang").unlink()
    older = load_saved(tmp_path / "fine.npz")
    assert older.notes
    assert older.map.phases[0].laue_group == "6/mmm"
    np.testing.assert_allclose(older.map.quaternions, result.map.quaternions, atol=1e-6)
    np.testing.assert_array_equal(older.samples, result.samples)


def test_saved_result_keeps_its_origin(result, tmp_path) -> None:
    replace(result, map=result.map.replace(origin=(12.5, -3.0))).save(tmp_path / "fine.ctf")
    assert load_saved(tmp_path / "fine.npz").map.origin == (12.5, -3.0)
    with np.load(tmp_path / "fine.npz") as data:
        older = {name: data[name] for name in data.files if name != "origin"}
    np.savez(tmp_path / "older.npz", **older)
    assert load_saved(tmp_path / "older.npz").map.origin == (0.0, 0.0)


def test_damaged_npz_is_refused(result, tmp_path) -> None:
    result.save(tmp_path / "fine.ang")
    file = tmp_path / "fine.npz"
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for start in rng.integers(0, len(whole) - 20, 150):
        broken = bytearray(whole)
        broken[start : start + 20] = rng.bytes(20)
        file.write_bytes(broken)
        try:
            load_saved(file)
        except InputError as error:
            refused += "no .npz of a restored map" in str(error)
    assert refused > 100


@pytest.mark.parametrize("content", [b"", b"PK\3\4nonsense", None])
def test_unusable_npz(content, tmp_path, capsys) -> None:
    file = tmp_path / "bad.npz"
    if content is None:
        np.savez(file, quaternions=np.zeros((2, 2, 4)))
    else:
        file.write_bytes(content)
    assert main(["grains", str(file)]) == 2
    assert "no .npz of a restored map" in capsys.readouterr().err


@pytest.mark.parametrize(("least", "counted"), [(1, 2 + 3), (2, 2 + 1), (5, 2)])
def test_lone_places_are_counted_as_the_option_says(quarters, tmp_path, capsys, least, counted) -> None:
    """Two halves of titanium with beta in three places: two of one pixel and one of four."""
    phase = quarters.phase_id.copy()
    phase[2, 2] = phase[9, 12] = 2
    phase[8:10, 2:4] = 2
    save_ebsd(quarters.replace(phase_id=phase), tmp_path / "map.ang")
    assert main(["grains", str(tmp_path / "map.ang"), "--threshold", "15", "--minimum-pixels", str(least)]) == 0
    out = capsys.readouterr().out
    assert f"grains: {counted}\n" in out
    lost = {1: 0, 2: 2, 5: 6}[least]
    assert f"in no grain: {100 * lost / phase.size:.2g} % of the pixels" in out
    assert all(int(row["pixels"]) >= least for row in rows(tmp_path / "map_grains.csv"))
    assert (tifffile.imread(tmp_path / "map_grains.tif") == 0).sum() == lost


def test_a_map_too_small_for_a_grain_has_none(quarters, tmp_path, capsys) -> None:
    save_ebsd(quarters, tmp_path / "map.ang")
    assert main(["grains", str(tmp_path / "map.ang"), "--threshold", "40", "--minimum-pixels", "1000"]) == 0
    assert "grains: 0\n" in capsys.readouterr().out
