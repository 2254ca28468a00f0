"""A table that the command writes is what the program then uses; the others stay as they were."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import constants as command
from benchmarks.sections import Sections
from grainlight.constants import SHIPPED, TABLES, WEIGHTS, constants, load_constants, using
from grainlight.diffusion.checkpoint import save_weights, weights_hash
from grainlight.diffusion.network import LabelNetwork
from grainlight.restore.uncertainty.bound import bound_90
from grainlight.restore.uncertainty.misassignment import misassignment_probability
from grainlight.restore.uncertainty.unlit_boundary import EdgeTerms, unlit_boundary
from grainlight.training.presets import PRESETS


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_weights(LabelNetwork(PRESETS["tiny"].network), path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["constants", *map(str, words)])
    command.main()


def test_every_table_is_fitted_or_has_a_reason() -> None:
    assert set(command.FITTED) <= set(TABLES)
    for name in set(TABLES) - set(command.FITTED):
        assert constants().provenance[name].reason


def test_the_shipped_file_is_as_the_command_writes_it() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert command.constants_text(json.loads(text)) + "\n" == text


def test_a_table_that_is_written_is_what_is_used(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "constants.json"
    small = ("--weights", weights, "--size", "33", "--sections", "1", "--quality", "fast", "--output", output)
    run(monkeypatch, "unlit_boundary", *small)
    found = load_constants(output)
    values = found.unlit_boundary
    assert len(values.inferred) == len(constants().unlit_boundary.inferred)
    assert values != constants().unlit_boundary
    for name in set(TABLES) - {"unlit_boundary"}:
        assert getattr(found, name) == getattr(constants(), name)
        assert found.provenance[name] == constants().provenance[name]
    its = found.provenance["unlit_boundary"]
    own = {WEIGHTS: weights_hash(weights)}
    assert (its.weights, found.weights) == (own, own)
    assert its.command == (
        "python -m benchmarks.constants unlit_boundary --sections 1 --size 33 --quality fast --weights mine.safetensors"
    )
    assert its.seeds.startswith("3000300000, 3000300101, 3000300202")
    assert "unlit_boundary" not in found.unfitted(own)
    assert "uncertainty_lit" in found.unfitted(own)
    assert f"wrote {output}" in capsys.readouterr().out
    # the program's own function gives the logits of these weights
    terms = [
        EdgeTerms(torch.zeros(size, dtype=torch.bool), torch.ones(10, *size), torch.ones(7, *size))
        for size in ((2, 1), (1, 2))
    ]
    monkeypatch.setattr("grainlight.restore.uncertainty.unlit_boundary.edge_terms", lambda *_: terms)

    class Nowhere:
        density = 0.0

    with using(found):
        one = torch.zeros(2, 2)
        answer = unlit_boundary(one, one, one, one.bool(), Nowhere(), ~one.bool())  # type: ignore[arg-type]
    p = 1 / (1 + np.exp(-sum(values.inferred)))
    together = constants().edges_together.value
    assert float(answer[0, 0]) == pytest.approx((1 - together) * (1 - (1 - p) ** 2) + together * p, rel=1e-4)


def test_bounds_are_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a calibrator gives is written, and looked up by the program."""
    raw = list(constants().uncertainty_lit.raw)
    table = {"raw": raw, "bound": [10.0 + r for r in raw], "other_grain": [r / 40 for r in raw]}
    fits = command.Calibrator(("uncertainty_lit", "uncertainty_unlit"), lambda _: dict.fromkeys(TABLES, table), str)
    monkeypatch.setattr(command, "CALIBRATORS", (fits,))
    output = tmp_path / "constants.json"
    run(monkeypatch, "uncertainty_lit", "--output", output)
    found = load_constants(output)
    here, zero, lit = np.array([[2.0, 8.0]], np.float32), np.zeros((1, 2), np.float32), np.ones((1, 2), bool)
    with using(found):
        np.testing.assert_allclose(bound_90(here, zero, lit), [[12.0, 18.0]])
        np.testing.assert_allclose(misassignment_probability(here, lit), [[0.05, 0.2]])
        other = bound_90(here, zero, ~lit)
    np.testing.assert_array_equal(other, bound_90(here, zero, ~lit))
    assert not found.unfitted(constants().weights)
    capsys.readouterr()


def test_tables_are_fitted_with_those_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def after(on: Sections) -> dict:
        seen.append(constants().missed_grain.constant)
        return {"uncertainty_lit": given["tables"]["uncertainty_lit"]["values"]}

    missed = {"missed_grain": {"constant": 1.25, "variance": 0.0, "crossing": 0.0, "way": 0.0}}
    monkeypatch.setattr(
        command,
        "CALIBRATORS",
        (
            command.Calibrator(("missed_grain",), lambda _: missed, str),
            command.Calibrator(("uncertainty_lit",), after, str),
        ),
    )
    given = json.loads(SHIPPED.read_text(encoding="utf-8"))
    command.refitted(given, ("uncertainty_lit", "missed_grain"), Sections())
    assert seen == [1.25]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing",), "there is no such table"),
        (("projection",), "no command fits the table projection"),
        (("--weights", "x.safetensors"), "--weights needs --output"),
    ],
)
def test_what_cannot_be_fitted_is_said(
    words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, *words)
    assert told in capsys.readouterr().err
