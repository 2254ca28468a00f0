"""A restoration with weights that the constants were not fitted for says so and gives no bound."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.constants import WEIGHTS, constants
from grainlight.diffusion.checkpoint import SHIPPED, load_weights, save_weights, weights_hash
from grainlight.evaluation.degrade import Task
from grainlight.restore.record import is_calibrated, uncalibrated_warning
from grainlight.restore.result import Result


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights in a file of another hash: all that differs is what is known of them."""
    path = tmp_path_factory.mktemp("weights") / "other.safetensors"
    save_weights(load_weights(), path, {"notes": "the same network"})
    return path


@pytest.fixture(scope="module")
def pair(lit: Task, others: Path) -> tuple[Result, Result]:
    own, other = (gl.enhance(lit.coarse, lit.stack, scale=4, quality="fast", weights=w) for w in (None, others))
    return own, other


def test_the_map_is_the_same_and_has_no_bound(pair: tuple[Result, Result]) -> None:
    own, other = pair
    np.testing.assert_array_equal(own.map.quaternions, other.map.quaternions)
    np.testing.assert_array_equal(own.boundary, other.boundary)
    assert np.isfinite(own.uncertainty[own.source > 0]).all()
    assert np.isnan(other.uncertainty).all()
    assert np.isnan(other.other_grain).all()


def test_the_record_says_so(pair: tuple[Result, Result], others: Path) -> None:
    own, other = pair
    assert own.record["constants"]["of_other_weights"] == []
    assert not any("not calibrated" in warning for warning in own.record["warnings"])
    told = [warning for warning in other.record["warnings"] if "not calibrated for these weights" in warning]
    assert len(told) == 1
    assert weights_hash(others) in told[0]
    assert weights_hash() in told[0]
    assert {"uncertainty_lit", "unlit_boundary", "grain_intervals"} <= set(
        other.record["constants"]["of_other_weights"]
    )
    assert is_calibrated(own.record, "grain_intervals")
    assert not is_calibrated(other.record, "grain_intervals")


@pytest.mark.parametrize(("ending", "column"), [("ang", "fit"), ("ctf", "mad"), ("h5oina", "mad"), ("h5", "mad")])
def test_columns_of_vendors_hold_the_largest_angle_where_nothing_is_known(
    pair: tuple[Result, Result], tmp_path: Path, ending: str, column: str
) -> None:
    _, other = pair
    other.save(tmp_path / f"map.{ending}")
    again = gl.load_ebsd(tmp_path / f"map.{ending}")
    assert np.allclose(again.fields[column], 93.84, atol=0.01)
    assert "uncertainty" not in again.fields
    if ending == "ang":
        assert (again.fields["ci"] == 0).all()
    with np.load(tmp_path / "map.npz") as data:
        assert np.isnan(data["uncertainty"]).all()


def test_the_same_weights_under_another_name_are_the_same(tmp_path: Path) -> None:
    copy = shutil.copy(SHIPPED, tmp_path / "mine.safetensors")
    assert weights_hash(Path(copy)) == constants().weights[WEIGHTS]
    assert uncalibrated_warning({WEIGHTS: weights_hash(Path(copy))}) == ()
    assert is_calibrated({}, "grain_intervals")
    assert not is_calibrated({"weights": "0" * 16}, "grain_intervals")
