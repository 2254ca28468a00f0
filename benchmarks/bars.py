"""What the project must show, checked by name on what `grainlight evaluate --json` has written.

    python -m benchmarks.bars evaluation.json

The bars are set for the real maps and for "balanced", unless the evaluation ran another quality alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from pathlib import Path
from typing import Any

from grainlight.errors import InputError
from grainlight.evaluation.methods import CLEAN_COPY, COPY, DENOISED_COPY, FULL, QUALITIES, ours
from grainlight.evaluation.reference_map import SYNTHETIC
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import MeasuredAnswer
from grainlight.evaluation.scenario import SCENARIOS, Scenario
from grainlight.evaluation.suite import JUDGED
from grainlight.maps.io.shared.atomic import atomic_path

CORRUPTED = {scale: Scenario(scale) for scale in (2, 4)}
CLEAN = {scale: Scenario(scale, "clean") for scale in (2, 4, 8)}
SHARE = {2: 0.6, 4: 0.75}
"""Part of the way from the guided copy to the guided copy with clean light."""
RATIO = {2: 0.985, 4: 0.97}
"""Boundary F1 with 1 pixel tolerance, over that of 100 % EBSD with the same light."""
COLUMNS_OF_COPY = (
    *("over_5", "near_over_5", "mean", "median", "near_mean", "near_median", "measured_median"),
    *("edge_f1", "pixel_f1"),
)
_HIGHER_IS_BETTER = ("edge_f1", "pixel_f1")
_INSIDE = {"inside_measured": "measured", "inside_unmeasured": "unmeasured"}


@dataclass(frozen=True)
class Bar:
    """One demand: what was found, what is needed (a figure and on which side of it, or a range), and whether it is met.

    ``figure`` and ``needed`` are in the units of the figure; ``relation`` is ">=", "<=", ">" or "<"; ``met`` is None
    where the evaluation did not run what it takes.
    """

    group: str
    name: str
    figure: float
    relation: str
    needed: float
    note: str = ""

    @property
    def met(self) -> bool | None:
        a, b = self.figure, self.needed
        if isnan(a) or isnan(b):
            return None
        return {">=": a >= b, "<=": a <= b, ">": a > b, "<": a < b}[self.relation]

    @property
    def verdict(self) -> str:
        """ "met", "MISSED by ..." or "not measured"."""
        if self.met is None:
            return "not measured"
        return "met" if self.met else f"MISSED by {abs(self.figure - self.needed):.3f}"


def check(results: Results, quality: str = JUDGED) -> list[Bar]:
    """Check every bar on every group of maps.

    Parameters
    ----------
    results
        Of the evaluation.
    quality
        The quality that is judged.
    """
    bars: list[Bar] = []
    for group in results.groups:
        for part in (_corrupted, _clean, _headline, _coarsest, _misindexed, _honesty, _light, _precision):
            bars += part(results, group, ours(quality))
        bars += _order(results, group)
    return bars


def _corrupted(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scale, scenario in CORRUPTED.items():
        for copy in (COPY, DENOISED_COPY):
            methods = (us, copy, CLEAN_COPY[copy])
            for figure, short in (("edge_f1", "F"), ("near_over_5", "N")):
                found, g, c = results.values(group, scenario, figure, methods)
                gained = (found - g) / (c - g) if c != g else float("nan")
                yield Bar(
                    group,
                    f"corrupted PL, scale {scale}: {short} {SHARE[scale]:g} of the way from G to C ({copy})",
                    found,
                    ">=" if short == "F" else "<=",
                    g + SHARE[scale] * (c - g),
                    f"G {g:.3f}, C {c:.3f}: {gained:.2f} of the way",
                )


def _clean(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scale in (2, 4):
        for copy in (COPY, DENOISED_COPY):
            found = results.figures(group, CLEAN[scale], (us, copy))
            name = f"clean PL, scale {scale}: columns in which it is no better than the {copy}"
            if found is None:
                yield Bar(group, name, float("nan"), "<=", 0.0)
                continue
            worse = [column for column in COLUMNS_OF_COPY if not _is_better(column, *found)]
            note = "; ".join(f"{c}: {getattr(found[0], c):.4f} against {getattr(found[1], c):.4f}" for c in worse)
            yield Bar(group, name, float(len(worse)), "<=", 0.0, note)
    for copy in (COPY, DENOISED_COPY):
        f, g = results.values(group, CLEAN[4], "edge_f1", (us, copy))
        yield Bar(group, f"clean PL, scale 4: F above G + 0.35 (1 - G) ({copy})", f, ">=", g + 0.35 * (1 - g))


def _is_better(column: str, a: Any, b: Any) -> bool:
    left, right = getattr(a, column), getattr(b, column)
    return left > right if column in _HIGHER_IS_BETTER else left < right


def _headline(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scale in (4, 2):
        f, full = results.values(group, CORRUPTED[scale], "pixel_f1", (us, FULL))
        yield Bar(
            group,
            f"headline, scale {scale}, corrupted PL: boundary F1 (1 px) over that of 100 % EBSD",
            f / full if full else float("nan"),
            ">=",
            RATIO[scale],
            f"{f:.3f} of {full:.3f}",
        )


def _coarsest(results: Results, group: str, us: str) -> Iterator[Bar]:
    for figure, relation in (("edge_f1", ">"), ("near_over_5", "<")):
        found = results.values(group, CLEAN[8], figure, (us,))[0]
        nearest = results.values(group, CLEAN[2], figure, ("nearest",))[0]
        yield Bar(group, f"scale 8, clean PL: {figure} against nearest at scale 2", found, relation, nearest)


def _order(results: Results, group: str) -> Iterator[Bar]:
    for scale, scenario in CORRUPTED.items():
        f1 = results.values(group, scenario, "edge_f1", [ours(quality) for quality in QUALITIES])
        for (low, a), (high, b) in pairwise(zip(QUALITIES, f1, strict=True)):
            yield Bar(group, f"corrupted PL, scale {scale}: F of {high} above {low}", b, ">", a)


def _misindexed(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scenario in SCENARIOS:
        if scenario.misindexed:
            given = f"{scenario.name}, PL {scenario.light}"
            corrected = results.values(group, scenario, "corrected", (us,))[0]
            changed = results.values(group, scenario, "changed", (us,))[0]
            yield Bar(group, f"{given}: share of wrong points corrected", corrected, ">=", 0.95)
            yield Bar(group, f"{given}: share of good points changed by more than 2 deg", changed, "<", 0.005)


def _honesty(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scenario in dict.fromkeys(SCENARIOS):
        given = f"{scenario.name}, PL {scenario.light}"
        covered = results.values(group, scenario, "coverage", (us,))[0]
        error = results.values(group, scenario, "calibration", (us,))[0]
        if isnan(covered):
            continue
        name = f"{given}: distance of the 90 % bound's coverage from 0.9"
        yield Bar(group, name, abs(covered - 0.9), "<=", 0.05, f"coverage {covered:.3f}")
        yield Bar(group, f"{given}: calibration error of the boundary probability", error, "<", 0.05)


def _light(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scale, scenario in CORRUPTED.items():
        found = results.figures(group, scenario, (us,))
        after, before = (found[0].light_after, found[0].light_before) if found else (float("nan"),) * 2
        yield Bar(group, f"corrupted PL, scale {scale}: PL NRMSE against half of the input's", after, "<=", before / 2)


def _precision(results: Results, group: str, us: str) -> Iterator[Bar]:
    for scenario in (*CORRUPTED.values(), CLEAN[2], CLEAN[4]):
        given = f"{scenario.name}, PL {scenario.light}"
        for figure, where in _INSIDE.items():
            if group != SYNTHETIC:
                # a real map's own noise is in its truth
                found, copy = results.values(group, scenario, figure, (us, DENOISED_COPY))
                yield Bar(group, f"{given}: error inside grains, {where}, under the guided copy's", found, "<", copy)
                continue
            for method in results.methods(group, scenario.name, scenario.light):
                if method in map(ours, QUALITIES):
                    found = results.values(group, scenario, figure, (method,))[0]
                    name = f"{given}: error inside grains, {where}, over the noise ({method})"
                    yield Bar(group, name, found / scenario.noise, "<", 0.6)


def markdown(bars: Sequence[Bar]) -> str:
    """Return a Markdown table of the bars, and how many are met on each map."""
    measured = [bar for bar in bars if bar.met is not None]
    lines = ["| map | what it must show | figure | bar | | |", "|---|---|---|---|---|---|"]
    for bar in measured:
        figures = f"{bar.figure:.3f} | {bar.relation} {bar.needed:.3f}"
        lines.append(f"| {bar.group} | {bar.name} | {figures} | {bar.verdict} | {bar.note} |")
    closing = [""]
    for group in dict.fromkeys(bar.group for bar in measured):
        met = [bar.met for bar in measured if bar.group == group]
        closing.append(f"{group}: {met.count(True)} of {len(met)} bars met")
    if len(measured) < len(bars):
        closing.append(f"not measured in this run: {len(bars) - len(measured)}")
    return "\n".join([*lines, *closing]) + "\n"


def read(path: Path) -> Results:
    """Return the answers that `grainlight evaluate --json` has written.

    Raises
    ------
    InputError
        If the file cannot be read as such.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Results.of(MeasuredAnswer.of_record(one) for one in record["answers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the file cannot be read as an evaluation",
            file=path,
            found=f"{type(error).__name__}: {error}",
            expected="what `grainlight evaluate --json` of this version writes",
        ) from error


def judged_in(results: Results) -> str:
    """Return the quality that is judged: `suite.JUDGED`, or the only one that ran."""
    methods = {answer.method for answer in results.answers}
    ran = [quality for quality in QUALITIES if ours(quality) in methods]
    return ran[0] if len(ran) == 1 else JUDGED


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table of the bars to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bars", description="What an evaluation must show.")
    parser.add_argument("evaluation", type=Path, metavar="FILE.json", help="what `grainlight evaluate --json` wrote")
    parser.add_argument("--output", type=Path, metavar="TABLE.md", help="write what is printed to a file too")
    given = parser.parse_args(argv)
    results = read(given.evaluation)
    text = markdown(check(results, judged_in(results)))
    sys.stdout.write(text)
    if given.output is not None:
        with atomic_path(given.output) as file:
            file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
