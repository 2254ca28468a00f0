"""Error against computing at inference: `python -m benchmarks.scaling --figure docs/scaling.png`.

Steps that a sample is revealed in, samples of the ensemble and visits of the chain at boundaries are varied on
synthetic sections that are neither trained on nor evaluated; the table and the figure mark the presets.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from grainlight.evaluation.figures import Figures, mean, measure
from grainlight.evaluation.methods import QUALITIES, Method, require_weights, restoration
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, SIZE, ReferenceMap, validation_section
from grainlight.evaluation.scenario import MAIN, Scenario

CALLS = ((1, 1),)
"""Steps and samples: they are for the intervals of grains, and leave the map as it is."""
CHAIN = (0, 20, 60)
"""Visits."""
_FIGURES = {"near_over_5": "near boundaries > 5 deg", "edge_f1": "edge F1", "median": "median, deg"}


@dataclass(frozen=True)
class Dial:
    """How much is computed: a preset by its name, or steps, samples and visits."""

    steps: int
    samples: int
    visits: int
    preset: str | None = None

    def method(self, weights: Path | None = None, device: str = "auto") -> Method:
        """Return the restoration with this dial."""
        if self.preset is not None:
            return restoration(self.preset, weights=weights, device=device)
        return restoration(steps=self.steps, samples=self.samples, visits=self.visits, weights=weights, device=device)


@dataclass(frozen=True)
class Point:
    """A dial on a scenario: mean figures over the sections, mean seconds (wall and CPU) of one restoration."""

    dial: Dial
    scenario: Scenario
    figures: Figures
    seconds: float
    cpu_seconds: float


def dials(calls: Iterable[tuple[int, int]] = CALLS, visits: Iterable[int] = CHAIN) -> list[Dial]:
    """Return all pairs of (steps, samples) and visits, in which presets stand for themselves, from cheap to dear."""
    from grainlight.restore.settings import Settings

    chosen = {name: Settings(quality=name) for name in QUALITIES}
    presets = {(*settings.calls, settings.chain_visits): name for name, settings in chosen.items()}
    found = {*((*pair, number) for pair, number in product(calls, visits)), *presets}
    return [Dial(*dial, presets.get(dial)) for dial in sorted(found, key=lambda dial: (dial[2], dial[0] * dial[1]))]


def sections(each: int = 1, size: int = SIZE) -> list[ReferenceMap]:
    """Return ``each`` sections of every family, of other grain sizes from family to family."""
    from grainlight.synth.families import FAMILIES

    return [
        validation_section(family, (2 * number + f) % 8, size, first=FIRST_TUNING_SEED)
        for f, family in enumerate(FAMILIES)
        for number in range(each)
    ]


def curve(
    maps: Sequence[ReferenceMap],
    grid: Sequence[Dial],
    *,
    scenarios: Sequence[Scenario] = MAIN,
    weights: Path | None = None,
    device: str = "auto",
) -> list[Point]:
    """Measure every dial on every scenario of every map.

    Raises
    ------
    InputError
        If there are no weights.
    """
    require_weights(weights)
    points = []
    for scenario in scenarios:
        tasks = [scenario.degrade(one.full, seed) for seed, one in enumerate(maps)]
        for dial in grid:
            method = dial.method(weights, device)
            wall, cpu = time.perf_counter(), time.process_time()
            answers = [method(task) for task in tasks]
            wall, cpu = (
                (now - then) / len(tasks) for now, then in ((time.perf_counter(), wall), (time.process_time(), cpu))
            )
            figures = mean([measure(answer, task) for answer, task in zip(answers, tasks, strict=True)])
            points.append(Point(dial, scenario, figures, wall, cpu))
    return points


def markdown(points: Iterable[Point]) -> str:
    """Return a Markdown table, a line per point."""
    head = ["task", "PL", "steps", "samples", "visits", "preset", *_FIGURES.values(), "seconds", "CPU seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for point in points:
        dial, figures = point.dial, point.figures
        cells = [point.scenario.name, point.scenario.light, str(dial.steps), str(dial.samples)]
        cells += [str(dial.visits), dial.preset or ""]
        cells += [f"{100 * figures.near_over_5:.2f} %", f"{figures.edge_f1:.4f}", f"{figures.median:.3f}"]
        lines.append("| " + " | ".join([*cells, f"{point.seconds:.2f}", f"{point.cpu_seconds:.2f}"]) + " |")
    return "\n".join(lines) + "\n"


def draw(points: Sequence[Point], path: Path, caption: str = "", *, cpu: bool = True) -> None:
    """Draw error (1 - F1 of boundary edges) against time, a panel per scenario, presets marked, as PNG.

    Parameters
    ----------
    points
        From `curve`.
    path
        The file.
    caption
        Below the panels.
    cpu
        Whether to draw CPU seconds, which other jobs on the machine hardly change, or seconds by the clock (for a GPU).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    from grainlight.maps.io.shared.atomic import atomic_path

    scenarios = list(dict.fromkeys(point.scenario for point in points))
    figure = Figure(figsize=(4.2 * len(scenarios), 3.4), layout="constrained")
    FigureCanvasAgg(figure)

    def spent(point: Point) -> float:
        return point.cpu_seconds if cpu else point.seconds

    chains = sorted({point.dial.visits for point in points})
    for number, scenario in enumerate(scenarios, 1):
        axes = figure.add_subplot(1, len(scenarios), number)
        here = [point for point in points if point.scenario == scenario]
        for rank, count in enumerate(chains):
            line = sorted((p for p in here if p.dial.visits == count), key=spent)
            shade = str(0.75 - 0.6 * rank / max(1, len(chains) - 1))
            label = f"{count} visits" if count else "descent"
            axes.plot([spent(p) for p in line], [_error(p) for p in line], "o-", color=shade, ms=3.5, lw=1, label=label)
        for point in here:
            if point.dial.preset is not None:
                at = (spent(point), _error(point))
                axes.plot(*at, "*", color="#c0392b", ms=13, zorder=3)
                axes.annotate(point.dial.preset, at, (0, 9), textcoords="offset points", color="#c0392b", ha="center")
        axes.set_xscale("log")
        axes.margins(0.08, 0.14)
        axes.set_title(
            f"every {'2nd' if scenario.scale == 2 else f'{scenario.scale}th'} point, {scenario.light} light",
            fontsize=10,
        )
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("CPU seconds per section" if cpu else "seconds per section")
        axes.set_ylabel("boundary edges: 1 - F1")
        axes.grid(alpha=0.3, which="both", lw=0.5)
        if number == len(scenarios):
            axes.legend(fontsize=8, frameon=False, title="along a line: calls of the network", title_fontsize=8)
    if caption:
        figure.supxlabel(caption, fontsize=8)
    with atomic_path(path) as file:
        figure.savefig(file, dpi=110, format="png")


def _error(point: Point) -> float:
    return 1.0 - point.figures.edge_f1


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table to standard output, and the figure."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--visits", type=int, nargs="+", default=CHAIN, help="of the chain at boundaries")
    parser.add_argument("--each", type=int, default=1, help="sections of each family")
    parser.add_argument("--size", type=int, default=SIZE, help="rows and columns of a section")
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    given = parser.parse_args(argv)
    maps = sections(given.each, given.size)
    points = curve(maps, dials(visits=given.visits), weights=given.weights, device=given.device)
    threads = f"{torch.get_num_threads()} CPU thread{'s' * (torch.get_num_threads() > 1)}"
    about = f"{len(maps)} synthetic sections of {given.size} x {given.size} pixels, {threads}"
    sys.stdout.write(markdown(points) + f"\n{about}\n")
    if given.figure is not None:
        draw(points, given.figure, about, cpu=given.device == "cpu" or not torch.cuda.is_available())


if __name__ == "__main__":
    main()
