"""An evaluation as a Markdown table and as a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from grainlight.evaluation.figures import COLUMNS, cell, mean
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import MeasuredAnswer


def markdown(results: Results) -> str:
    """Return a Markdown table: a line per group of maps, scenario and method, figures averaged over the tasks."""
    titles = [title for title, _ in COLUMNS.values()]
    head = ["map", "scenario", "PL", "method", "tasks", *titles, "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for group, scenario, light, method, answers in _lines(results):
        figures = mean([answer.figures for answer in answers])
        cells = [cell(getattr(figures, name), style) for name, (_, style) in COLUMNS.items()]
        seconds = f"{fmean(answer.seconds for answer in answers):.1f}"
        lines.append("| " + " | ".join([group, scenario, light, method, str(len(answers)), *cells, seconds]) + " |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def as_json(results: Results, weights: Path | None, device: str, seconds: float) -> str:
    """Return the evaluation as JSON: what it was made with, and every figure of every answer.

    Parameters
    ----------
    results
        Of the evaluation.
    weights
        The file of weights; the shipped ones if None.
    device, seconds
        Where it ran and how long.
    """
    from grainlight.diffusion.checkpoint import SHIPPED, weights_hash

    record = {
        "weights": weights_hash(weights) if (weights or SHIPPED).is_file() else None,
        "device": device,
        "seconds": round(seconds, 1),
        "answers": [answer.as_record() for answer in results.answers],
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _lines(results: Results) -> Iterator[tuple[str, str, str, str, list[MeasuredAnswer]]]:
    for group in results.groups:
        for scenario, light in results.scenarios:
            for method in results.methods(group, scenario, light):
                yield group, scenario, light, method, results.matched(group, scenario, light, [method])[0]
