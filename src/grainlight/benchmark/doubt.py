"""Calibration of the stated uncertainty on synthetic sections: `python -m grainlight.benchmark.doubt`.

Prints the table that `restore.doubt` holds (90 % quantile of the error per raw doubt) from one half of the sections,
and the share of pixels under the bound, per task and quality, on the other half.
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

from grainlight.benchmark.degrade import Level, degrade
from grainlight.benchmark.metrics import disorientation
from grainlight.crystal.embedding import decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.doubt import RAW, bound_90
from grainlight.restore.enhance import prepare
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import TiledDenoiser
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_sections

TASKS: tuple[tuple[int, Level | None], ...] = ((2, "corrupted"), (4, "corrupted"), (4, "clean"), (2, None))
SEED = 555_000
_TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
_GRAINS = (8.0, 14.0, 24.0)

Array = NDArray[np.float32]


def errors_and_doubts(
    half: int, quality: str, size: int = 97, weights: Path | None = None
) -> Iterator[tuple[str, Array, Array]]:
    """Task, error in degrees and raw doubt of every restored pixel, for one half (0 or 1) of the sections."""
    model = load_weights(weights)
    for number, family in enumerate(FAMILIES):
        grain = _GRAINS[(number + half) % len(_GRAINS)]
        draw = Draw.seeded(SEED + 100 * half + number)
        q = make_sections(draw, 1, (size, size), (grain, 1.1 * grain), family).orientation[0].double().numpy()
        full = OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (_TITANIUM,))
        for scale, level in TASKS:
            task = degrade(full, scale=scale, level=level, seed=number)
            settings = Settings(scale=scale, quality=quality)
            ready = prepare(task.coarse, task.stack, settings)
            posterior = ready.restore(TiledDenoiser(model, torch.device("cpu")), settings)
            restored = decode(posterior.embedding, dim=0).double().numpy()
            error = disorientation(restored, task.truth).astype(np.float32)
            yield f"scale {scale}, light {level or 'none'}", error.ravel(), posterior.doubt.numpy().ravel()


def quantile_table(error: Array, doubt: Array, raw: tuple[float, ...] = RAW) -> list[float]:
    """90 % quantile of the error around each raw doubt, made monotonic."""
    found = []
    edges = [0.0, *(np.sqrt(max(a, 0.1) * b) for a, b in pairwise(raw)), np.inf]
    for low, high in pairwise(edges):
        inside = error[(doubt >= low) & (doubt < high)]
        found.append(float(np.quantile(inside, 0.9)) if len(inside) > 50 else np.nan)
    filled = np.array(found)
    good = np.isfinite(filled)
    filled = np.interp(raw, np.array(raw)[good], filled[good])
    return [round(float(v), 2) for v in np.maximum.accumulate(filled)]


def report(qualities: list[str], weights: Path | None = None) -> Iterator[str]:
    """Lines of the table and of the coverage."""
    pairs = [(e, d) for quality in qualities for _, e, d in errors_and_doubts(0, quality, weights=weights)]
    table = quantile_table(np.concatenate([e for e, _ in pairs]), np.concatenate([d for _, d in pairs]))
    yield f"RAW = {RAW}\nBOUND = {tuple(table)}"
    for quality in qualities:
        tasks: dict[str, list[Array]] = {}
        for task, error, doubt in errors_and_doubts(1, quality, weights=weights):
            fresh = np.interp(doubt, RAW, table)
            tasks.setdefault(task, []).append(np.stack((error <= fresh, error <= bound_90(doubt))).mean(1))
        for task, shares in tasks.items():
            new, shipped = np.mean(shares, 0)
            yield f"{quality}, {task}: {new:.3f} of pixels under the bound, {shipped:.3f} with the shipped table"


def main() -> None:
    """Write the report to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--quality", nargs="+", default=["balanced"])
    arguments = parser.parse_args()
    for line in report(arguments.quality, arguments.weights):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
