"""Calibration of the stated uncertainty: `python -m grainlight.benchmark.doubt`.

On synthetic sections that are neither trained on nor evaluated. Prints the table that `restore.doubt` holds (90 %
quantile of the error per raw doubt) from one half of the sections, and the share of pixels under the bound, per task
and quality, on the other half.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.benchmark.metrics import disorientation
from grainlight.benchmark.scenario import Scenario
from grainlight.benchmark.subject import FIRST_TUNING_SEED, SECTIONS, validation_section
from grainlight.crystal.embedding import decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.restore.doubt import OF_SCATTER, RAW, bound_90
from grainlight.restore.enhance import prepare
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import TiledDenoiser
from grainlight.synth.families import FAMILIES

TASKS = (
    Scenario(2),
    Scenario(4),
    Scenario(2, "clean"),
    Scenario(4, "clean"),
    Scenario(2, None),
    Scenario(4, None),
    Scenario(8, "clean"),
    Scenario(1, noise=2.0),
)

_ROUNDS = 10

Array = NDArray[np.float32]


def errors_and_doubts(
    half: int, quality: str, size: int = 97, weights: Path | None = None
) -> Iterator[tuple[str, Array, Array, Array]]:
    """Task, error, raw doubt and scatter in degrees of every pixel, for one half (0 or 1) of the sections."""
    model = load_weights(weights)
    for number, family in enumerate(FAMILIES):
        # the first half of the numbers makes the table, the second checks it
        section = SECTIONS // 2 * half + number % (SECTIONS // 2)
        full = validation_section(family, section, size, first=FIRST_TUNING_SEED).full
        for scenario in TASKS:
            task = scenario.degrade(full, number)
            settings = Settings(scale=scenario.scale, quality=quality)
            ready = prepare(task.coarse, task.stack, settings)
            posterior = ready.restore(TiledDenoiser(model, torch.device("cpu")), settings)
            restored = decode(posterior.embedding, dim=0).double().numpy()
            error = disorientation(restored, task.truth).astype(np.float32)
            doubts = (x.numpy().ravel() for x in (posterior.doubt, posterior.scatter))
            yield f"{scenario.name}, light {scenario.light}", error.ravel(), *doubts


def quantile_table(error: Array, doubt: Array, scatter: Array, raw: tuple[float, ...] = RAW) -> list[float]:
    """Return bounds at the raw doubts, never falling, whose interpolation holds for 90 % of the errors around each.

    What the scatter's own bound covers needs none.
    A quantile of all errors around a raw doubt is too large where the doubts there differ: the bounds are refined until
    the errors over their own interpolated bounds have a 90 % quantile of 1.
    """
    error = np.where(error <= OF_SCATTER * scatter, 0.0, error).astype(np.float32)
    edges = [0.0, *(np.sqrt(max(a, 0.1) * b) for a, b in pairwise(raw)), np.inf]
    parts = [(doubt >= low) & (doubt < high) for low, high in pairwise(edges)]
    good = np.array([part.sum() > 50 for part in parts])

    def quantiles(values: Array) -> Array:
        found = [np.quantile(values[part], 0.9) if some else 0.0 for part, some in zip(parts, good, strict=True)]
        filled = np.interp(raw, np.array(raw)[good], np.array(found)[good])
        return np.maximum(filled, 1e-3)

    table = np.maximum.accumulate(quantiles(error))
    for _ in range(_ROUNDS):
        table = np.maximum.accumulate(table * quantiles(error / np.interp(doubt, raw, table)))
    return [round(float(v), 2) for v in table]


def report(qualities: list[str], size: int = 97, weights: Path | None = None) -> Iterator[str]:
    """Lines of the table and of the coverage."""
    found = [rest for quality in qualities for _, *rest in errors_and_doubts(0, quality, size, weights)]
    table = quantile_table(*(np.concatenate(values) for values in zip(*found, strict=True)))
    yield f"RAW = {RAW}\nBOUND = {tuple(table)}"
    for quality in qualities:
        tasks: dict[str, list[Array]] = {}
        for task, error, doubt, scatter in errors_and_doubts(1, quality, size, weights):
            fresh = np.maximum(np.interp(doubt, RAW, table), OF_SCATTER * scatter)
            tasks.setdefault(task, []).append(np.stack((error <= fresh, error <= bound_90(doubt, scatter))).mean(1))
        for task, shares in tasks.items():
            new, shipped = np.mean(shares, 0)
            yield f"{quality}, {task}: {new:.3f} of pixels under the bound, {shipped:.3f} with the shipped table"


def main() -> None:
    """Write the report to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--quality", nargs="+", default=["balanced"])
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    arguments = parser.parse_args()
    for line in report(arguments.quality, arguments.size, arguments.weights):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
