"""Tables and records of an evaluation."""

from __future__ import annotations

import json
from dataclasses import replace

from grainlight.evaluation import table
from grainlight.evaluation.figures import NAMES, Figures
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import MeasuredAnswer

BLANK = Figures(**dict.fromkeys(NAMES, float("nan")))


def answer(seed, **figures):
    return MeasuredAnswer("Ti", "Ti", "scale 2", "corrupted", "nearest", seed, replace(BLANK, **figures), 1.0, 1.0)


def test_table_averages_tasks_and_json_holds_them():
    answers = [answer(seed, median=float(seed), over_5=0.1) for seed in (1, 2)]
    results = Results.of(answers)
    lines = table.markdown(results).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| Ti | scale 2 | corrupted | nearest | 2 | 10.0 % | - | 1.50 |")
    assert table.markdown(Results.of([])) == ""
    record = json.loads(table.as_json(results, None, "cpu", 12.34))
    assert [one["figures"]["median"] for one in record["answers"]] == [1.0, 2.0]
    assert record["answers"][0]["figures"]["edge_f1"] is None
    assert record["seconds"] == 12.3
