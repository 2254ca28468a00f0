"""A restoration judged on points that it is not shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import grainlight as gl
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task, degrade
from grainlight.evaluation.metrics import disorientation
from grainlight.restore.result import INFERRED
from grainlight.restore.settings import Settings
from grainlight.validation.evidence import Answer, _told
from grainlight.validation.picture import failure_picture
from grainlight.validation.validate import Validated, validate

from .conftest import section


def test_the_estimate_is_that_of_the_map(lit: Task, validated: Validated) -> None:
    result = gl.enhance(lit.coarse, None, scale=4, quality="fast", device="cpu")
    inferred = result.source == INFERRED
    truth = float((disorientation(result.map.quaternions, lit.truth)[inferred] > 5).mean())
    found = validated.verdict.unlit
    assert found is not None
    assert found.low < truth < found.high
    # what is found at the points themselves, a step away, is much more
    assert validated.verdict.held_back["without light"].value > 1.3 * truth


def test_good_light_helps_and_the_record_says_so(validated: Validated, tmp_path: Path) -> None:
    found = validated.verdict
    assert found.light_helps is True
    assert found.unlit is not None
    assert found.wrong.value < 0.5 * found.unlit.value
    assert found.wrong_share == found.held_back["with light"].value
    record = json.loads(found.save(tmp_path / "found.json").read_text())
    assert record["light_helps"] is True
    # pixels are nearer to points than points are to one another
    assert record["map_wrong_share"]["value"] <= record["wrong_share"]
    assert record["map_wrong_share"]["low"] <= record["map_wrong_share"]["value"] <= record["map_wrong_share"]["high"]
    assert record["wrong_share_interval"][0] <= record["wrong_share"] <= record["wrong_share_interval"][1]
    assert record["bound_factor"] >= 1.0
    assert 0.5 < record["coverage"] <= 1.0
    assert [fold["kind"] for fold in record["folds"]] == ["points", "points", "points", "blocks"]
    assert all(fold["restored"] == fold["points"] for fold in record["folds"])
    with pytest.raises(InputError, match="exists already"):
        found.save(tmp_path / "found.json")


def test_the_guided_copy_and_the_nearest_point_are_asked_for_the_same_points(validated: Validated) -> None:
    shares = validated.verdict.held_back
    assert set(shares) == {"with light", "without light", "nearest point", "guided copy"}
    assert shares["with light"].value <= shares["guided copy"].value < shares["nearest point"].value


def test_light_of_another_field_does_not_help(lit: Task) -> None:
    other = degrade(section(9), scale=4, level="clean", seed=4).stack
    found = validate(lit.coarse, other, Settings(scale=4, quality="fast", device="cpu"), folds=2).verdict
    assert found.light_helps is False
    assert found.refused
    assert "does not help" in "\n".join(found.sentences)


def test_without_light_nothing_is_said_of_light(lit: Task) -> None:
    found = gl.validate(lit.coarse, scale=4, quality="fast", device="cpu", folds=2)
    assert found.light_helps is None
    assert found.unlit is None
    assert set(found.held_back) == {"restored", "nearest point"}
    assert found.held_back["restored"].value <= found.held_back["nearest point"].value


def test_points_on_a_hexagonal_grid_and_other_phases(lit: Task) -> None:
    x = lit.coarse.x + np.where(np.arange(lit.coarse.shape[0]) % 2 == 1, lit.coarse.step[0] / 2, 0.0)[:, None]
    coarse = lit.coarse.replace(x=x, y=lit.coarse.y * np.sqrt(3) / 2, grid="hexagonal")
    coarse = coarse.replace(step=(coarse.step[0], coarse.step[1] * np.sqrt(3) / 2))
    found = gl.validate(coarse, scale=2, quality="fast", device="cpu", folds=1)
    assert found.folds[0]["restored"] == found.folds[0]["points"]
    assert 0 < found.wrong_share < 0.6


def test_the_same_seed_says_the_same(lit: Task) -> None:
    one, again = (gl.validate(lit.coarse, scale=2, quality="fast", device="cpu", folds=1, seed=3) for _ in range(2))
    assert one.as_record() == again.as_record()


def test_the_picture_is_drawn(validated: Validated, tmp_path: Path) -> None:
    path = failure_picture(validated.ebsd, validated.evidence, tmp_path / "where.png")
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_a_fold_is_the_least(lit: Task) -> None:
    with pytest.raises(InputError, match="folds"):
        gl.validate(lit.coarse, folds=0)


def _answer(wrong: np.ndarray) -> Answer:
    error = np.where(wrong, 40.0, 0.3)
    return Answer(error, error, error, error, np.zeros(0), np.zeros(0), np.zeros(0))


def test_light_is_compared_until_the_points_tell() -> None:
    none, few, many = (np.arange(200) < count for count in (0, 8, 60))
    assert _told([_answer(none)], [_answer(many)])
    assert _told([_answer(many)], [_answer(none)])
    assert not _told([_answer(none)], [_answer(few)])
    # points that both have wrong say nothing
    assert not _told([_answer(many)], [_answer(many)])
    # those of folds without a comparison are not asked
    assert _told([_answer(none), _answer(many)], [_answer(many)])
