"""Every stage, and the whole from end to end, answers as it did."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from . import stages
from .answers import ANSWERS, ENDS
from .cases import DATA, read_answer, read_case
from .compare import error_limit


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_the_stored_one(name: str) -> None:
    answer = ANSWERS[name]
    passed_over = [str(one) for one in answer.deviations(answer.make(), read_answer(name)) if not one.passes]
    assert not passed_over, f"{name}: {'; '.join(passed_over)}"


def test_files_are_written_byte_for_byte(tmp_path: Path) -> None:
    files, archive = stages.written(read_case("points").corner(14), tmp_path)
    for ending, content in files.items():
        assert content == (DATA / f"written.{ending}").read_bytes(), f".{ending}"
    assert archive == json.loads((DATA / "archive.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ENDS)
def test_an_error_three_times_as_large_does_not_pass(name: str) -> None:
    q = read_answer(name)["orientations"].astype(np.float64)
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    for error in stages.errors(q, read_case(ENDS[name][0])).values():
        # neither that nor one half as large again
        assert error > 0.02
        assert error_limit(error) < 0.5 * error


def test_the_data_are_small() -> None:
    assert sum(file.stat().st_size for file in DATA.iterdir()) < 700_000


def test_only_the_stages_name_internal_modules() -> None:
    for file in Path(__file__).parent.glob("*.py"):
        if file.name != "stages.py":
            assert not re.search(r"^\s*(from|import) grainlight", file.read_text(encoding="utf-8"), re.M), file.name
