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


def test_the_table_for_people_is_narrow_and_has_a_sentence():
    def of(method, wrong):
        return replace(answer(1, over_5=wrong, near_over_5=0.3, median=1.2, edge_f1=0.5), method=method)

    answers = [of("nearest", 0.2), of("a method of a very long name indeed", 0.15), of("grainlight, balanced", 0.02)]
    text = table.narrow(Results.of(answers))
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert "grainlight, balanced leaves 2.0 % of the pixels off by more than 5 degrees, fewer than" in words
    assert "with 15.0 %." in words
    assert "no fewer than" in " ".join(table.narrow(Results.of([of("nearest", 0.01), answers[2]])).split())
    assert table.narrow(Results.of([])) == ""
