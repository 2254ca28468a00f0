"""Tables and records of an evaluation."""

from __future__ import annotations

import json
from dataclasses import replace

from grainlight.evaluation import table
from grainlight.evaluation.figures import NAMES, Figures
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import Row

BLANK = Figures(**dict.fromkeys(NAMES, float("nan")))


def row(seed, **figures):
    return Row("Ti", "Ti", "scale 2", "corrupted", "nearest", seed, replace(BLANK, **figures), 1.0, 1.0)


def test_table_averages_cases_and_json_holds_them():
    rows = [row(seed, median=float(seed), over_5=0.1) for seed in (1, 2)]
    results = Results.of(rows)
    lines = table.markdown(results).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| Ti | scale 2 | corrupted | nearest | 2 | 10.0 % | - | 1.50 |")
    assert table.markdown(Results.of([])) == ""
    record = json.loads(table.as_json(results, None, "cpu", 12.34))
    assert [one["figures"]["median"] for one in record["rows"]] == [1.0, 2.0]
    assert record["rows"][0]["figures"]["edge_f1"] is None
    assert record["seconds"] == 12.3
