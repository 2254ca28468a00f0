"""The open benchmark: its tasks are files, answers are scored as files, and a wrong answer is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.open.__main__ import main
from benchmarks.open.scores import find_answer
from benchmarks.open.tasks import KINDS, all_tasks
from grainlight.maps.io import load_ebsd, load_light, save_ebsd
from grainlight.synth.families import FAMILIES

NAME = "scale4_corrupted_equiaxed"


def test_every_kind_on_every_family_by_a_name_of_its_own():
    tasks = all_tasks([])
    assert len(tasks) == len(KINDS) * len(FAMILIES) == len({one.name for one in tasks})
    assert len({one.seed for one in tasks}) == len(tasks)


def test_from_the_files_of_a_task_to_its_score(tmp_path, capsys):
    """What a stranger does: read the files, answer in a file, have it scored."""
    assert main(["tasks", str(tmp_path / "tasks")]) == 0
    about = json.loads((tmp_path / "tasks" / f"{NAME}.json").read_text())
    coarse = load_ebsd(tmp_path / "tasks" / f"{NAME}_coarse.ang", about["frame"])
    light = load_light(tmp_path / "tasks" / f"{NAME}_light.tif", about["angles_deg"], about["step_um"])
    assert light.shape == (about["rows"], about["columns"])
    rows, columns = (np.arange(n) for n in light.shape)
    near = np.ix_((rows + 1) // about["scale"], (columns + 1) // about["scale"])
    copied = coarse.quaternions[near]
    answers = tmp_path / "answers"
    answers.mkdir()
    answer = type(coarse).from_quaternions(
        copied, (about["step_um"],) * 2, coarse.phases, sample_frame=coarse.sample_frame
    )
    save_ebsd(answer, answers / f"{NAME}.ang")
    capsys.readouterr()
    assert main(["score", str(answers), "--json", str(tmp_path / "s.json"), "--method", "mine"]) == 0
    out = capsys.readouterr()
    assert "| scale 4, corrupted light | mine |" in out.out
    assert "35 of 36 tasks have no answer" in out.err
    found = json.loads((tmp_path / "s.json").read_text())
    (one,) = found["answers"]

    assert main(["baseline", "nearest", str(tmp_path / "nearest"), "--only", NAME]) == 0
    assert main(["score", str(tmp_path / "nearest"), "--json", str(tmp_path / "n.json")]) == 0
    (other,) = json.loads((tmp_path / "n.json").read_text())["answers"]
    assert one["wrong"] == pytest.approx(other["wrong"], abs=0.03)
    assert 0.05 < one["wrong"] < 0.6
    assert one["covered"] is None


def test_the_truth_is_right_and_its_bound_holds(tmp_path):
    task = next(one for one in all_tasks([]) if one.name == NAME).make()
    np.savez(tmp_path / f"{NAME}.npz", quaternions=-2 * task.truth, uncertainty=np.full(task.measured.shape, 0.01))
    assert main(["score", str(tmp_path), "--json", str(tmp_path / "s.json")]) == 0
    (one,) = json.loads((tmp_path / "s.json").read_text())["answers"]
    assert (one["wrong"], one["wrong_near"], one["edge_f1"], one["covered"]) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no answer"),
        (lambda folder: np.savez(folder / f"{NAME}.npz", other=np.zeros(3)), "no quaternions"),
        (lambda folder: np.savez(folder / f"{NAME}.npz", quaternions=np.ones((5, 5, 4))), "not the size"),
        (lambda folder: np.savez(folder / f"{NAME}.npz", quaternions=np.ones(5)), "not the size"),
        (lambda folder: (folder / f"{NAME}.npz").write_bytes(b"PK nothing"), "cannot be read"),
    ],
)
def test_a_wrong_answer_is_said(tmp_path, capsys, make, words):
    make(tmp_path)
    assert main(["score", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_an_archive_comes_first(tmp_path):
    for ending in (".ang", ".npz", ".ctf"):
        (tmp_path / f"x{ending}").touch()
    assert find_answer(tmp_path, "x").suffix == ".npz"
    assert find_answer(tmp_path, "y") is None
