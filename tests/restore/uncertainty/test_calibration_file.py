"""Bounds widened by what a validation found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.restore.uncertainty.bound import LARGEST
from grainlight.restore.uncertainty.calibration_file import KIND, load_calibration, told_of


@pytest.fixture
def found(tmp_path: Path) -> Path:
    path = tmp_path / "found.json"
    path.write_text(json.dumps({"kind": KIND, "bound_factor": 2.5, "scale": 2, "with_light": False}))
    return path


def test_bounds_are_multiplied_and_it_is_said(dark: Task, found: Path) -> None:
    plain, widened = (
        gl.enhance(dark.coarse, scale=2, quality="fast", device="cpu", calibration=file) for file in (None, found)
    )
    expected = np.minimum(2.5 * plain.uncertainty.astype(np.float64), LARGEST)
    assert widened.uncertainty == pytest.approx(expected, rel=1e-5, nan_ok=True)
    assert widened.map.fields["mad"] == pytest.approx(widened.uncertainty, rel=1e-5)
    assert (widened.map.quaternions == plain.map.quaternions).all()
    assert widened.record["calibration"] == {"file": "found.json", "bound_factor": 2.5}
    assert any("found.json" in told and "2.5" in told for told in widened.record["warnings"])
    assert plain.record["calibration"] is None


def test_another_scale_light_or_weights_are_said(found: Path) -> None:
    calibration = load_calibration(found)
    assert len(told_of(calibration, 2, False, {})) == 1
    told = " ".join(told_of(calibration, 4, True, {}))
    assert "scale 2, not 4" in told
    assert "without light" in told


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        json.dumps({"kind": KIND}),
        json.dumps({"kind": KIND, "bound_factor": 0.5}),
        json.dumps({"kind": KIND, "bound_factor": True}),
        json.dumps({"kind": KIND, "bound_factor": "two"}),
        '{"kind": "grainlight validation", "bound_factor": NaN}',
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputError, match="calibration"):
        load_calibration(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_calibration(tmp_path / "none.json")
