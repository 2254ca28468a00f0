"""The runner of the comparison: processes, record, page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import side_by_side
from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.process_run import Cost, NoAnswer, counted_calls, run_in_process
from benchmarks.side_by_side import run
from benchmarks.side_by_side_figure import draw
from benchmarks.side_by_side_page import page
from benchmarks.side_by_side_record import JUDGED, PUBLIC, read
from grainlight.diffusion.candidates import find_candidates, nearest_point, point_spacing
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import LabelConfig, LabelNetwork
from grainlight.errors import InputError
from grainlight.evaluation.methods import BASELINES, Answer
from grainlight.evaluation.reference_map import ReferenceMap
from grainlight.evaluation.scenario import Scenario
from grainlight.evaluation.suite import PlannedTask
from grainlight.maps.orientation_map import OrientationMap


def test_an_answer_from_another_process(section: OrientationMap) -> None:
    task = Scenario(2, None).degrade(section.cropped(17, 17), 0)
    answer, cost = run_in_process("nearest", task)
    np.testing.assert_array_equal(answer.quaternions, BASELINES["nearest"](task).quaternions)
    assert 0 <= cost.seconds < cost.seconds_whole
    assert cost.calls == 0
    assert 30 < cost.megabytes < 5000
    with pytest.raises(NoAnswer, match=r"^the guided copy needs light$"):
        run_in_process("guided copy", task)


def test_calls_are_shares_of_the_map() -> None:
    small = NetworkConfig(widths=(4, 8, 8, 8), down_blocks=(0, 0, 0, 1), up_blocks=(0, 0, 0))
    model = Denoiser(small)
    with counted_calls((30, 30)) as calls, torch.inference_mode():
        model(torch.zeros(2, 23, 32, 32), torch.ones(2, 4, 32, 32))  # two samples, padded
        model(torch.zeros(1, 23, 16, 16), torch.ones(1, 4, 16, 16))  # a tile
    assert calls == [2.0, pytest.approx(256 / 900)]


def test_calls_of_the_label_network_are_counted_too() -> None:
    model = LabelNetwork(LabelConfig(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1))).eval()
    measured = Measurement.of_state(torch.zeros(1, 23, 32, 32), torch.ones(1, 4, 32, 32))
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    plain = LabelNetwork.label
    with counted_calls((30, 30)) as calls, torch.inference_mode():
        model.label(measured, Revealed.none(measured), candidates)
    assert calls == [1.0]
    assert LabelNetwork.label is plain


@pytest.fixture
def planned(section: OrientationMap) -> list[tuple[str, PlannedTask]]:
    reference = ReferenceMap("a map", "a map", section.cropped(33, 33))
    methods = ("nearest", "guided copy", "bilinear")
    return [
        (JUDGED, PlannedTask(reference, Scenario(2), 0, methods)),
        (PUBLIC, PlannedTask(reference, Scenario(4, None, noise=0.0), 0, ("nearest",))),
    ]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answers in this process, all of the nearest neighbour; one method fails. The names that were run."""
    names: list[str] = []

    def here(name: str, task, weights, limit) -> tuple[Answer, Cost]:
        names.append(name)
        if name == "guided copy":
            raise NoAnswer("its reason")
        return BASELINES["nearest"](task), Cost(0.25, 0.5, 3.0, 0.0, 300.0)

    monkeypatch.setattr(side_by_side, "run_in_process", here)
    return names


def test_what_is_finished_is_not_run_again(planned, ran: list[str], tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="scikit-image is in the group of the benchmarks")
    record = tmp_path / "answers.jsonl"
    first = list(run(planned[:1], record))
    assert ran == ["nearest", "guided copy", "bilinear"]
    ran.clear()
    again = list(run(planned, record))
    assert ran == ["guided copy", "nearest"]  # what failed, and the new task
    assert [answer.as_line() for answer in again[:3]] == [answer.as_line() for answer in first]
    assert [answer.as_line() for answer in read(record)] == [answer.as_line() for answer in again]

    text = page(again, "the command")
    assert "the command" in text
    assert "- guided copy: its reason." in text
    assert "The map here is another one" in text
    assert text.count("| nearest |") == 2  # one map: its table is the mean; and the public part
    draw([answer for answer in again if answer.part == JUDGED], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000

    # other weights are another answer
    assert replace(again[0], weights="other").key != again[0].key


def test_a_line_cut_short_is_dropped_and_a_bad_one_refused(tmp_path: Path, planned, ran: list[str]) -> None:
    pytest.importorskip("skimage", reason="scikit-image is in the group of the benchmarks")
    record = tmp_path / "answers.jsonl"
    list(run(planned[1:], record))
    whole = record.read_text(encoding="utf-8")
    record.write_text(whole + whole[:50], encoding="utf-8")
    assert len(read(record)) == 1
    assert record.read_text(encoding="utf-8") == whole
    record.write_text("{}\n" + whole, encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        read(record)


def test_unknown_method(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown method"):
        side_by_side.main(["--output", str(tmp_path), "--only", "nobody"])
