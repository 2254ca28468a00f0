"""A plan in the coordinates of the input, and what it brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.cli.main import main
from grainlight.errors import InputError
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.metrics import disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.planning.plan import plan_boxes, plan_points
from grainlight.restore.result import Result
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections

ORIGIN = (120.0, -7.5)


@pytest.fixture(scope="module")
def full() -> OrientationMap:
    q = make_sections(Draw.seeded(12), 1, (97, 97), (16.0, 16.0), "equiaxed").orientation[0].double().numpy()
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,)).replace(origin=ORIGIN)


@pytest.fixture(scope="module")
def coarse(full: OrientationMap) -> OrientationMap:
    return degrade(full, scale=8, level=None, seed=1).coarse.replace(origin=ORIGIN)


@pytest.fixture(scope="module")
def restored(coarse: OrientationMap) -> Result:
    return gl.enhance(coarse, scale=8, quality="fast", device="cpu")


def _pixels(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.rint((y - ORIGIN[1]) / 0.5).astype(int), np.rint((x - ORIGIN[0]) / 0.5).astype(int)


def test_points_are_places_of_the_output_that_nobody_measured(restored: Result) -> None:
    plan = plan_points(restored, 150, 100.0)
    row, column = _pixels(plan.x, plan.y)
    assert plan.x == pytest.approx(ORIGIN[0] + 0.5 * column)
    assert not restored.measured[row, column].any()
    assert restored.other_grain[row, column].mean() > 1.5 * restored.other_grain.mean()
    assert plan.expected[0, 1] == pytest.approx(restored.other_grain[~restored.measured].sum() / 97**2, rel=0.01)
    assert (np.diff(plan.expected[:, 1]) < 0).all()
    assert plan.seconds == pytest.approx(1.5)
    assert "hours saved" in plan.sentences[-1]


def test_the_notebooks_plan_is_that_of_the_command(restored: Result) -> None:
    plan, asked = plan_points(restored, 40, 50.0), gl.plan(restored, 40, rate=50.0)
    assert np.array_equal(plan.x, asked.x)
    assert plan.sentences == asked.sentences
    boxes = gl.plan(restored, 300, rate=50.0, boxes=True, overhead=0.5)
    assert np.array_equal(boxes.corners, plan_boxes(restored, 300, 50.0, 0.5).corners)
    with pytest.raises(InputError, match="points a second"):
        gl.plan(restored, 300, boxes=True)


def test_planned_points_are_worth_more_than_as_many_at_random(
    full: OrientationMap, coarse: OrientationMap, restored: Result
) -> None:
    every = degrade(full, scale=1, level=None, seed=5).coarse.replace(origin=ORIGIN)
    plan = plan_points(restored, 300)
    wrong = []
    for row, column in (
        _pixels(plan.x, plan.y),
        np.divmod(np.random.default_rng(1).choice(97 * 97, 300, replace=False), 97),
    ):
        phase_id = np.full(every.shape, -1, np.int16)
        phase_id[row, column] = 1
        result = gl.enhance(coarse, scale=8, quality="fast", device="cpu", also=[every.replace(phase_id=phase_id)])
        wrong.append((disorientation(result.map.quaternions, full.quaternions) > 5).mean())
    assert wrong[0] < 0.8 * wrong[1]


def test_boxes_say_step_and_points(restored: Result, tmp_path: Path) -> None:
    plan = plan_boxes(restored, 400, 100.0, 0.1)
    assert sum(box.points for box in plan.boxes) <= 400
    lines = plan.save(tmp_path / "boxes.csv").read_text().splitlines()
    assert lines[0] == "x0,y0,x1,y1,step,points"
    x0, y0, x1, y1, step, points = map(float, lines[1].split(","))
    assert (int((x1 - x0) / step) + 1) * (int((y1 - y0) / step) + 1) == points
    assert ORIGIN[0] <= x0 < x1 <= ORIGIN[0] + 48
    with pytest.raises(InputError, match="no box"):
        plan_boxes(restored, 3, 100.0, 0.1)


def test_a_map_measured_everywhere_has_nothing_to_plan(full: OrientationMap) -> None:
    result = gl.enhance(full.cropped(33, 33), scale=1, quality="fast", device="cpu")
    with pytest.raises(InputError, match="every pixel"):
        plan_points(result, 10)


def test_the_command(restored: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restored.save(tmp_path / "fine.ang")
    command = ["plan", str(tmp_path / "fine.npz"), "--points", "40", "--output", str(tmp_path / "next.csv")]
    assert main(command) == 0
    lines = (tmp_path / "next.csv").read_text().splitlines()
    assert lines[0] == "x,y"
    assert len(lines) == 41
    assert "predicted share of wrong pixels" in capsys.readouterr().out
    assert main(command) == 2
    assert main([*command, "--force", "--boxes"]) == 2
    assert "--rate" in capsys.readouterr().err
    assert main([*command, "--force", "--boxes", "--rate", "100", "--overhead", "0.1"]) == 0


def test_points_as_a_file_are_taken_with_the_first_scan(
    full: OrientationMap, coarse: OrientationMap, restored: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the plan to files of a vendor's format and back: nothing but the command line."""
    plan = plan_points(restored, 100)
    phase_id = np.full(full.shape, -1, np.int16)
    phase_id[_pixels(plan.x, plan.y)] = 1
    gl.save_ebsd(coarse, tmp_path / "first.h5oina")
    gl.save_ebsd(full.replace(phase_id=phase_id), tmp_path / "next.h5oina")
    options = ("--scale", "8", "--quality", "fast", "--device", "cpu", "--output", tmp_path / "finer.ang")
    assert (
        main(
            [str(word) for word in ("enhance", tmp_path / "first.h5oina", "--also", tmp_path / "next.h5oina", *options)]
        )
        == 0
    )
    assert "next.h5oina: 100 points are used" in capsys.readouterr().err
    result = gl.load_result(tmp_path / "finer.npz")
    assert result.record["also"][0]["points"] == 100
    assert len(result.record["inputs"]) == 2
    assert result.measured.sum() == coarse.indexed.sum() + 100


@pytest.mark.parametrize("boxes", [False, True])
def test_grid_marks_what_is_planned(restored: Result, tmp_path: Path, boxes: bool) -> None:
    restored.save(tmp_path / "fine.ang")
    files = ["--output", str(tmp_path / "next.csv"), "--grid", str(tmp_path / "next.ctf")]
    ways = ["--boxes", "--rate", "100", "--overhead", "0.1"] if boxes else []
    assert main(["plan", str(tmp_path / "fine.npz"), "--points", "200", *files, *ways]) == 0
    grid = gl.load_ebsd(tmp_path / "next.ctf")
    assert grid.origin == ORIGIN
    assert grid.shape == restored.map.shape
    rank, number = (grid.fields[name].astype(int) for name in ("bc", "bands"))
    np.testing.assert_array_equal(rank > 0, number > 0)
    if boxes:
        plan = plan_boxes(restored, 200, 100.0, 0.1)
        first, last = plan.boxes[0], plan.boxes[-1]
        assert number[first.top, first.left] == 1
        assert rank[first.top, first.left] == 255
        assert number.max() == len(plan.boxes)
        assert number[last.top :: last.step, last.left :: last.step].max() == len(plan.boxes)
        assert np.count_nonzero(number == 1) == first.points
    else:
        plan = plan_points(restored, 200)
        assert np.count_nonzero(rank) == 200
        row, column = _pixels(plan.x, plan.y)
        assert (np.diff(rank[row, column]) <= 0).all()
        assert (rank[row[0], column[0]], rank[row[-1], column[-1]]) == (255, 1)
