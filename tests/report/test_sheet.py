"""The sheet that goes with reported grain sizes."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import grainlight as gl
from grainlight.cli.main import main
from grainlight.errors import InputError
from grainlight.report.standard.sheet import THRESHOLDS, standard_sheet, write_sheet


@pytest.fixture(scope="module")
def result():
    full = gl.synthetic_section(5, "equiaxed", (65, 81), 11.0, 0.5)
    return gl.enhance(full.every(2), gl.simulate_light(full), scale=2, samples=3)


@pytest.fixture(scope="module")
def sheet(result):
    return standard_sheet(result, gl.find_grains(result))


def value(sheet, part, name):
    (found,) = [one for one in sheet if (one.part, one.name) == (part, name)]
    return found


def test_figures_are_those_of_the_grains(result, sheet):
    grains = gl.find_grains(result)
    diameter = grains.figures["mean_diameter"].value
    across = float(value(sheet, "resolution", "pixels of the restored map across the mean grain").value)
    assert across == pytest.approx(diameter / 0.5, rel=1e-3)
    points = value(sheet, "resolution", "measured points across the mean grain")
    assert float(points.value) == pytest.approx(across / 2, rel=1e-3)
    assert points.remark.startswith("under 10")
    assert value(sheet, "grains", "cut by the edge").value.startswith(str(int(grains.grains.on_edge.sum())))
    assert "90 %:" in value(sheet, "size", "mean area").value
    shares = [
        float(value(sheet, "alterations", name).value.split()[0]) for name in ("measured", "corrected", "inferred")
    ]
    assert sum(shares) == pytest.approx(100, abs=0.2)


def test_thresholds_are_those_of_the_statistics(result, sheet):
    for threshold in THRESHOLDS:
        found = gl.find_grains(result.map, threshold=threshold, minimum_pixels=5)
        line = value(sheet, "threshold", f"{threshold:g} degrees").value
        assert line.startswith(f"{found.figures['interior_grains'].value:.0f} whole grains")
    assert "(+0 %)" in value(sheet, "threshold", "5 degrees").value


def test_deformed_material_is_said(result):
    rows, columns = result.map.shape
    turn = np.radians(np.linspace(0, 25, columns) * np.ones((rows, 1)))
    q = np.stack([np.cos(turn / 2), np.zeros_like(turn), np.zeros_like(turn), np.sin(turn / 2)], -1)
    from dataclasses import replace

    bent = replace(result, map=result.map.replace(quaternions=q), samples=result.samples[:0])
    sheet = standard_sheet(bent, gl.find_grains(bent))
    assert "not recrystallised" in value(sheet, "scope", "area in grains of less than 2 degrees spread").remark
    assert value(sheet, "resolution", "pixels of the restored map across the mean grain").remark.startswith("no grain")


def test_command_and_files(result, sheet, tmp_path, capsys):
    result.save(tmp_path / "fine.ang")
    assert main(["report", str(tmp_path / "fine.npz"), "--sheet"]) == 0
    text = (tmp_path / "fine_sheet.md").read_text()
    assert all(f"## {part.capitalize()}" in text for part in dict.fromkeys(one.part for one in sheet))
    assert "under 10 across" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "fine.npz"), "--sheet"]) == 2  # it exists
    assert main(["report", str(tmp_path / "fine.npz"), "--sheet", str(tmp_path / "s.csv")]) == 0
    with (tmp_path / "s.csv").open(newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == [one.value for one in sheet]
    assert main(["report", str(tmp_path / "fine.npz")]) == 2
    assert main(["report", str(tmp_path / "fine.npz"), "--sheet", str(tmp_path / "s.txt")]) == 2
    with pytest.raises(InputError, match="format"):
        write_sheet(sheet, tmp_path / "s.txt")


def test_the_page_has_it(result, sheet):
    from grainlight.report.html import report_page

    page = report_page(result)
    assert '<details id="sheet">' in page
    assert value(sheet, "grains", "boundary from").value in page
