"""Calibration of the stated uncertainty: `python -m benchmarks.doubt`.

On synthetic sections that are neither trained on nor evaluated. One set of them makes the tables that
`restore.uncertainty.bound` (90 % quantile of the error per raw doubt) and `restore.uncertainty.misassignment` hold; on
another set the share of pixels under the bound and the calibration of the boundary probability are printed for every
task and quality.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from grainlight.crystal.embedding import decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.evaluation.metrics import (
    BOUNDARY_ANGLE,
    boundary_edges,
    boundary_starts,
    calibration_error,
    disorientation,
)
from grainlight.evaluation.reference_map import FIRST_SEED, FIRST_TUNING_SEED, SECTIONS, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.sampling.tiles import TiledDenoiser
from grainlight.restore.settings import Settings
from grainlight.restore.uncertainty.bound import OF_SPREAD, RAW, bound_90
from grainlight.synth.families import FAMILIES

TASKS = (
    Scenario(2),
    Scenario(4),
    Scenario(2, "clean"),
    Scenario(4, "clean"),
    Scenario(2, None),
    Scenario(4, None),
    Scenario(8, "clean"),
    Scenario(8),
    Scenario(8, None),
    Scenario(1, None, noise=2.0),
    Scenario(1, noise=2.0),
    Scenario(1, noise=5.0),
    Scenario(1, "clean", scattered=0.01),
    Scenario(1, scattered=0.01),
)
FIRST_CHECKING_SEED = FIRST_SEED + 700_000

_ROUNDS = 10

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Judged:
    """One restoration: its task and, pixel by pixel (N,), error, raw doubt and scatter in degrees, whether light had a
    say, the boundary probability and whether there is a boundary."""

    scenario: Scenario
    error: Array
    doubt: Array
    scatter: Array
    lit: NDArray[np.bool_]
    boundary: Array
    starts: NDArray[np.bool_]


def judged(half: int, quality: str, size: int = 97, weights: Path | None = None) -> Iterator[Judged]:
    """Restore the sections that make the tables (``half`` 0) or those that check them (1)."""
    model = load_weights(weights)
    first = (FIRST_TUNING_SEED, FIRST_CHECKING_SEED)[half]
    for number, family in enumerate(FAMILIES):
        section = SECTIONS // 2 * half + number % (SECTIONS // 2)
        full = validation_section(family, section, size, first=first).full
        for scenario in TASKS:
            task = scenario.degrade(full, number)
            settings = Settings(scale=scenario.scale, quality=quality)
            ready = prepare(task.coarse, task.stack, settings)
            posterior = ready.restore(TiledDenoiser(model, torch.device("cpu")), settings)
            restored = decode(posterior.embedding, dim=0).double().numpy()
            error = disorientation(restored, task.truth).astype(np.float32).ravel()
            found = posterior.uncertainty
            doubt, scatter, lit, boundary = (
                x.numpy().ravel() for x in (found.raw, found.spread, found.lit, found.boundary)
            )
            starts = boundary_starts(boundary_edges(task.truth)).ravel()
            yield Judged(scenario, error, doubt, scatter, lit, boundary, starts)


def quantile_table(error: Array, doubt: Array, scatter: Array, raw: tuple[float, ...] = RAW) -> list[float]:
    """Return bounds at the raw doubts, never falling, whose interpolation holds for 90 % of the errors around each.

    What the scatter's own bound covers needs none.
    A quantile of all errors around a raw doubt is too large where the doubts there differ: the bounds are refined until
    the errors over their own interpolated bounds have a 90 % quantile of 1.
    """
    error = np.where(error <= OF_SPREAD * scatter, 0.0, error).astype(np.float32)
    edges = [0.0, *(np.sqrt(max(a, 0.1) * b) for a, b in pairwise(raw)), np.inf]
    parts = [(doubt >= low) & (doubt < high) for low, high in pairwise(edges)]
    good = np.array([part.sum() > 50 for part in parts])

    def quantiles(values: NDArray[np.floating]) -> NDArray[np.float64]:
        found = [np.quantile(values[part], 0.9) if some else 0.0 for part, some in zip(parts, good, strict=True)]
        filled = np.interp(raw, np.array(raw)[good], np.array(found)[good])
        return np.maximum(filled, 1e-3)

    table = np.maximum.accumulate(quantiles(error))
    for _ in range(_ROUNDS):
        table = np.maximum.accumulate(table * quantiles(error / np.interp(doubt, raw, table)))
    return [round(float(v), 2) for v in table]


def other_table(error: Array, doubt: Array, raw: tuple[float, ...] = RAW) -> list[float]:
    """Return the share of errors above 5 degrees around each raw doubt, never falling; NaN without 50 errors there."""
    edges = [0.0, *(np.sqrt(max(a, 0.1) * b) for a, b in pairwise(raw)), np.inf]
    parts = [error[(doubt >= low) & (doubt < high)] > BOUNDARY_ANGLE for low, high in pairwise(edges)]
    good = np.array([part.size > 50 for part in parts])
    shares = np.full(len(parts), np.nan)
    if good.any():
        found, sizes = zip(*((part.mean(), part.size) for part in parts if part.size > 50), strict=True)
        shares[good] = isotonic_regression(np.array(found), weights=np.array(sizes, dtype=float)).x
    return [round(float(share), 4) for share in shares]


def _has_gaps(scenario: Scenario) -> bool:
    """Whether there are pixels that were not measured."""
    return scenario.scale > 1 or scenario.scattered is not None


def report(qualities: list[str], size: int = 97, weights: Path | None = None, *, fit: bool = True) -> Iterator[str]:
    """Lines of the tables, unless ``fit`` is false, and of what the shipped ones hold for on other sections."""
    if fit:
        # Noise at every point is the scatter's; the tables are of the choice between grains.
        found = [one for q in qualities for one in judged(0, q, size, weights) if _has_gaps(one.scenario)]
        error, doubt, scatter, lit = (
            np.concatenate([getattr(one, n) for one in found]) for n in ("error", "doubt", "scatter", "lit")
        )
        yield f"RAW = {RAW}"
        for name, part in (("LIT", lit), ("UNLIT", ~lit)):
            yield f"BOUND_{name} = {tuple(quantile_table(error[part], doubt[part], scatter[part]))}"
            yield f"OTHER_{name} = {tuple(other_table(error[part], doubt[part]))}"
    yield "| quality | task | light | under the bound | boundary ECE | Brier score | of a constant |"
    yield "|---|---|---|---|---|---|---|"
    for quality in qualities:
        tasks: dict[Scenario, list[tuple[float, ...]]] = {}
        for one in judged(1, quality, size, weights):
            p, y = one.boundary, one.starts
            covered = float((one.error <= bound_90(one.doubt, one.scatter, one.lit)).mean())
            row = (covered, calibration_error(p, y), float(np.mean((p - y) ** 2)), float(y.mean() * (1 - y.mean())))
            tasks.setdefault(one.scenario, []).append(row)
        for task, rows in tasks.items():
            yield (
                f"| {quality} | {task.name} | {task.light} | " + " | ".join(f"{v:.3f}" for v in np.mean(rows, 0)) + " |"
            )


def main() -> None:
    """Write the report to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--quality", nargs="+", default=["balanced"])
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    parser.add_argument("--check", action="store_true", help="leave the tables out")
    arguments = parser.parse_args()
    for line in report(arguments.quality, arguments.size, arguments.weights, fit=not arguments.check):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
