"""What light that lies costs: `python -m benchmarks.damage`, kind by kind of `evaluation.damage`.

For every kind the error near boundaries with the damaged light, beside that with undamaged light (U) and without light
(N), and the bar 1.1 (U (1 - a) + N a) + 0.5, where a is the share of the field whose light is lost. Prints a Markdown
table. A map is a file, or FAMILY:NUMBER of the tuning sections.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.evaluation.damage import KINDS, Damage
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.evaluation.metrics import disorientation, score
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, validation_section
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.optics.calibration.canonical import BLURRED, DIM, NOT_USED, OUTSIDE, VEILED
from grainlight.restore.enhance import enhance
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings
from grainlight.synth.families import FAMILIES

_WHOLE = ("unrelated", "order", "inverted", "backwards")  # whose strong case is that of the whole field or stack
_LOST = {"unrelated": 1.0, "order": 1.0}
"""Share of the field that counts as damaged where the region does not say it."""
_ALONE = 5.0


@dataclass(frozen=True)
class Figures:
    """Of one restoration, shares in percent: wrong near boundaries, edge F1, measured points that stand alone; of the
    damaged region the pixels within their bound and those that are flagged; pixels flagged of all; seconds."""

    near: float
    f1: float
    alone: float
    covered: float
    flagged: float
    flagged_everywhere: float
    seconds: float


def measure(task: Task, quality: str = "balanced") -> tuple[Figures, Result]:
    """Restore a task."""
    began = time.perf_counter()
    result = enhance(task.coarse, task.stack, Settings(scale=task.scale, quality=quality))
    seconds = time.perf_counter() - began
    rows, columns = task.measured.shape
    part = (slice(rows), slice(columns))
    q = result.map.quaternions[part]
    found = score(q, task.truth, task.measured, task.valid)
    error = disorientation(q, task.truth)
    flags = np.zeros(task.valid.shape, dtype=np.uint16) if result.light_flags is None else result.light_flags[part]
    told = (flags & (NOT_USED | DIM | OUTSIDE | VEILED | BLURRED)) > 0
    region = task.valid & (np.zeros_like(task.valid) if task.damaged is None else task.damaged)
    inside = region & ~task.measured
    return (
        Figures(
            100 * found.near_over_5,
            found.edge_f1,
            100 * standing_alone(q, task.measured & task.valid),
            _percent(error[inside] <= result.uncertainty[part][inside]),
            _percent(told[region]),
            _percent(told[task.valid]),
            seconds,
        ),
        result,
    )


def standing_alone(q: NDArray[np.float64], measured: NDArray[np.bool_]) -> float:
    """Share of measured pixels (H, W) none of whose eight neighbours is within 5 degrees."""
    alone = measured.copy()
    padded = np.pad(q, ((1, 1), (1, 1), (0, 0)), mode="constant", constant_values=np.nan)
    for down in (0, 1, 2):
        for across in (0, 1, 2):
            if (down, across) == (1, 1):
                continue
            there = padded[down : down + q.shape[0], across : across + q.shape[1]]
            inside = np.isfinite(there).all(-1)
            near = np.zeros_like(alone)
            near[inside] = disorientation(q[inside], there[inside]) <= _ALONE
            alone &= ~near
    return float(alone.sum() / max(measured.sum(), 1))


def bar(undamaged: float, unlit: float, lost: float) -> float:
    """Percent near boundaries that damage over a share of the field may leave."""
    return 1.1 * (undamaged * (1 - lost) + unlit * lost) + 0.5


def _percent(values: NDArray[np.bool_]) -> float:
    return 100 * float(values.mean()) if values.size else float("nan")


def load_map(name: str, size: int) -> OrientationMap:
    """A file cut to so many pixels, or a section FAMILY:NUMBER of that size."""
    family, _, number = name.partition(":")
    if family in FAMILIES:
        return validation_section(family, int(number or 4), size, first=FIRST_TUNING_SEED).full
    full = load_ebsd(name)
    return full.cropped(min(size, full.shape[0]), min(size, full.shape[1]))


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="all if not given")
    parser.add_argument("--strength", type=int, choices=(1, 2, 3), help="that of the docs if not given")
    parser.add_argument("--map", action="append", help=f"a file, or FAMILY:NUMBER with {', '.join(FAMILIES)}")
    parser.add_argument("--size", type=int, default=97, help="rows and columns")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--level", choices=("clean", "mild", "corrupted"), default="clean")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--told", action="store_true", help="print the warnings as well")
    asked = parser.parse_args()
    for name in asked.map or [f"{FAMILIES[0]}:6"]:
        _table(load_map(name, asked.size), name, asked)


def _table(full: OrientationMap, name: str, asked: argparse.Namespace) -> None:
    level: Level = asked.level

    def task(level: Level | None, damage: Damage | None = None) -> Task:
        return degrade(full, scale=asked.scale, level=level, seed=asked.seed, damage=damage)

    write = sys.stdout.write
    (lit, _), (unlit, _) = measure(task(level), asked.quality), measure(task(None), asked.quality)
    write(f"\n{name}, {asked.size} pixels, scale {asked.scale}, {level} light\n\n")
    write(
        "| damage | a % | near % | bar | F1 | alone % | covered % | flagged % | of all % | s |\n" + "|---" * 10 + "|\n"
    )
    _row("none (U)", 0.0, lit, float("nan"))
    _row("no light (N)", 0.0, unlit, float("nan"))
    for kind in asked.kind or KINDS:
        strength = asked.strength or (3 if kind in _WHOLE else 1 if kind == "repeated" else 2)
        made = task(level, Damage(kind, strength, asked.seed))
        assert made.damaged is not None
        lost = _LOST.get(kind, float(made.damaged.mean()))
        limit = bar(lit.near, unlit.near, lost)
        try:
            found, result = measure(made, asked.quality)
        except Exception as error:  # what a study finds has to be shown, whatever it is
            write(f"| {kind} {strength} | {100 * lost:.0f} | {type(error).__name__}: {error} |\n")
            continue
        high = found.near > limit or found.near > unlit.near + 0.5 or found.alone > unlit.alone + 1
        _row(f"{kind} {strength}" + (" (!)" if high else ""), lost, found, limit)
        if asked.told:
            write("".join(f"  - {text}\n" for text in result.record["warnings"]))
        sys.stdout.flush()


def _row(name: str, lost: float, found: Figures, limit: float) -> None:
    cells = (
        f"{100 * lost:.0f}",
        f"{found.near:.1f}",
        f"{limit:.1f}",
        f"{found.f1:.3f}",
        *(f"{x:.1f}" for x in (found.alone, found.covered, found.flagged, found.flagged_everywhere, found.seconds)),
    )
    sys.stdout.write(f"| {name} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
