"""An evaluation as a Markdown table and as a record."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from grainlight.evaluation.figures import COLUMNS, cell, mean
from grainlight.evaluation.methods import CLEAN_COPY, FULL, OURS
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


def narrow(results: Results) -> str:
    """Return a table for a terminal of 80 columns, with a sentence of what it comes to under each scenario.

    The share of all pixels and of those near boundaries that are off by more than 5 degrees, the median error in
    degrees, the F1 score of boundary edges, seconds; `markdown` has every figure.
    """
    parts: dict[tuple[str, str, str], list[tuple[str, list[MeasuredAnswer]]]] = {}
    for group, scenario, light, method, answers in _lines(results):
        parts.setdefault((group, scenario, light), []).append((method, answers))
    lines = []
    for (group, scenario, light), methods in parts.items():
        count = len(methods[0][1])
        lines += [f"{group}, {scenario}, light {light} ({count} task{'s' * (count > 1)})"[:80], _HEAD]
        errors = {}
        for method, answers in methods:
            figures = mean([answer.figures for answer in answers])
            errors[method] = figures.over_5
            values = (f"{cell(getattr(figures, name), COLUMNS[name][1]):>{width}}" for name, width in _SHOWN.items())
            seconds = fmean(answer.seconds for answer in answers)
            lines.append(f"{method[:37]:<37}" + "".join(values) + f"{seconds:>9.1f}")
        lines += [*_sentence(errors), ""]
    return "\n".join(lines)


_SHOWN = {"over_5": 8, "near_over_5": 9, "median": 8, "edge_f1": 9}
_HEAD = f"{'method':<37}{'> 5 deg':>8}{'near bd.':>9}{'median':>8}{'edge F1':>9}{'seconds':>9}"


def _sentence(errors: dict[str, float]) -> list[str]:
    """Return what shares of wrong pixels by method come to: this project beside the best of the others."""
    known = {method: error for method, error in errors.items() if error == error and method != FULL}
    ours = {method: error for method, error in known.items() if method.startswith(OURS)}
    # A copy that was given the light before it was spoilt shows what light could tell, and is nobody's method.
    given = {method: error for method, error in known.items() if method not in CLEAN_COPY.values()}
    others = {method: error for method, error in given.items() if not method.startswith(OURS)}
    if not ours or not others:
        return []
    mine, other = min(ours, key=ours.__getitem__), min(others, key=others.__getitem__)
    verdict = "fewer than" if ours[mine] < others[other] else "no fewer than"
    text = (
        f"{mine} leaves {100 * ours[mine]:.1f} % of the pixels off by more than 5 degrees, {verdict} {other}, the best "
        f"of the classical methods, with {100 * others[other]:.1f} %."
    )
    return textwrap.wrap(text, 80)


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
