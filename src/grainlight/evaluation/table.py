"""An evaluation as a Markdown table and as a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from grainlight.evaluation.figures import COLUMNS, cell, mean
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import Row


def markdown(results: Results) -> str:
    """Return a Markdown table: a line per group of maps, task and method, figures averaged over the cases."""
    titles = [title for title, _ in COLUMNS.values()]
    head = ["map", "task", "PL", "method", "cases", *titles, "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for group, task, light, method, rows in _lines(results):
        figures = mean([row.figures for row in rows])
        cells = [cell(getattr(figures, name), style) for name, (_, style) in COLUMNS.items()]
        seconds = f"{fmean(row.seconds for row in rows):.1f}"
        lines.append("| " + " | ".join([group, task, light, method, str(len(rows)), *cells, seconds]) + " |")
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
        "rows": [row.as_record() for row in results.rows],
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _lines(results: Results) -> Iterator[tuple[str, str, str, str, list[Row]]]:
    for group in results.groups:
        for task, light in results.tasks:
            for method in results.methods(group, task, light):
                yield group, task, light, method, results.matched(group, task, light, [method])[0]
