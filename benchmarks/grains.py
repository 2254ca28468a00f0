"""Grains of restored maps against the truth, on synthetic sections: `python -m benchmarks.grains`.

Prints how far grain count, mean diameter and twin share of a scale-4 restoration are from those of the full map, beside
nearest neighbour, and how often their intervals hold the truth. Sections of other seeds make the tables of grains
(`python -m benchmarks.constants grain_intervals --sections 14`, `grain_boundaries`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sections import Sections
from grainlight.constants import constants
from grainlight.crystal.embedding import decode
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import degrade
from grainlight.grains.boundaries import THRESHOLDS, angles_of_map, edge_evidence, sample_edge_angles
from grainlight.grains.edges import edges_of_map
from grainlight.grains.grain_map import WITH_INTERVAL, GrainMap, find_grains, margin_scale
from grainlight.grains.interval import departure, margin_unit
from grainlight.grains.matching import adjusted_rand, match
from grainlight.grains.summary import QUANTITIES
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.inputs import prepare
from grainlight.restore.settings import Settings
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_sections

SEEDS = {"calibration": 7_100_000, "test": 7_200_000}
SIZE, SCALE, STEP = 129, 4, 0.5
DIAMETERS = (12.0, 18.0, 26.0)
"""Mean grain diameters in pixels, in turn: 3 to 6.5 EBSD points at scale 4."""
_USUAL = 7
"""Sections of each family that make the tables where nothing else is asked for."""
BAR = ("grains", "mean_diameter", "twin_fraction")
METHODS = ("nearest", "restored")


@dataclass(frozen=True, eq=False)
class RestoredSection:
    """One section: orientations (H, W, 4) of the truth, of nearest neighbour and of the restoration, its samples
    (K, H, W, 4), and light (5, H, W) with noise (3, H, W) and its three constants."""

    name: str
    truth: NDArray[np.float32]
    nearest: NDArray[np.float32]
    restored: NDArray[np.float32]
    samples: NDArray[np.float16]
    light: NDArray[np.float32]
    sigma: NDArray[np.float32]
    curve: NDArray[np.float64]


def restored_sections(
    half: str, numbers: Sequence[int], on: Sections, keep: Path | None = None
) -> Iterator[RestoredSection]:
    """Restored sections of one half ("calibration" or "test"); files in the folder ``keep`` are used or made."""
    for number in numbers:
        file = None if keep is None else keep / f"{half}_{on.quality}_{number:03d}.npz"
        if file is None or not file.exists():
            section = _restore(half, number, on)
            if file is None:
                yield section
                continue
            plain: dict[str, Any] = {key: np.asarray(value) for key, value in vars(section).items()}
            np.savez_compressed(file, **plain)
        with np.load(file) as data:
            yield RestoredSection(str(data["name"]), *(data[key] for key in list(RestoredSection.__annotations__)[1:]))


def _restore(half: str, number: int, on: Sections) -> RestoredSection:
    side = on.size or SIZE
    family, size = FAMILIES[number % len(FAMILIES)], DIAMETERS[number % 7 % len(DIAMETERS)]
    draw = Draw.seeded(SEEDS[half] + number)
    q = make_sections(draw, 1, (side, side), (size, 1.1 * size), family).orientation[0].double().numpy()
    task = degrade(as_map(q), scale=SCALE, level="corrupted", seed=SEEDS[half] + number)
    # Intervals are made of the distances between samples; `fast` alone draws one.
    samples = max(2, Settings(quality=on.quality).calls[1])
    settings = Settings(scale=SCALE, quality=on.quality, samples=samples, weights=on.weights)
    ready = prepare(task.coarse, task.stack, settings)
    posterior = ready.restore(on.prior(), settings)
    assert ready.light is not None
    assert posterior.samples is not None
    return RestoredSection(
        f"{family}, {size:g} px",
        task.truth.astype(np.float32),
        nearest(task.quaternions, task.measured).astype(np.float32),
        decode(posterior.embedding, dim=0).float().numpy(),
        posterior.samples.half().numpy(),
        ready.light.state.numpy(),
        ready.light.sigma.numpy(),
        np.array(astuple(ready.light.curves)),
    )


def as_map(q: NDArray) -> OrientationMap:
    """Return orientations (H, W, 4) as a map of titanium."""
    unit = q.astype(np.float64) / np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(unit, (STEP, STEP), (TITANIUM,))


def found_in(section: RestoredSection) -> dict[str, GrainMap]:
    """Return the grains of the truth, of nearest neighbour and of the restoration with its samples."""
    least = SCALE**2
    return {
        "truth": find_grains(as_map(section.truth), minimum_pixels=least),
        "nearest": find_grains(as_map(section.nearest), minimum_pixels=least),
        "restored": find_grains(as_map(section.restored), section.samples, minimum_pixels=least),
    }


def report(found: Sequence[dict[str, GrainMap]]) -> Iterator[str]:
    """Lines of the table of a half: errors of figures, and how often intervals hold the truth."""
    yield f"{len(found)} sections, {SIZE} x {SIZE} pixels, scale {SCALE}, corrupted light; grains from {SCALE**2} px"
    yield "| figure | method | all sections | a section, mean | a section, mean size | interval holds the truth |"
    yield "|---|---|---|---|---|---|"
    for name in BAR:
        truth = np.array([one["truth"].figures[name].value for one in found])
        # a relative error means nothing where there is next to nothing
        enough = truth > (0.03 if name == "twin_fraction" else 0.0)
        for method in METHODS:
            value = np.array([one[method].figures[name].value for one in found])
            off = (value - truth)[enough] / truth[enough]
            held = np.mean([one[method].figures[name].holds(t) for one, t in zip(found, truth, strict=True)])
            yield (
                f"| {name} | {method} | {100 * (value.sum() / truth.sum() - 1):+.1f} % | {100 * off.mean():+.1f} % | "
                f"{100 * np.abs(off).mean():.1f} % | {f'{100 * held:.0f} %' if method == 'restored' else '-'} |"
            )
    for name in QUANTITIES:
        pairs = [(one["restored"].figures[name], one["truth"].figures[name].value) for one in found]
        held = np.mean([figure.holds(t) for figure, t in pairs if np.isfinite(t)])
        yield f"interval of {name} holds the truth in {100 * held:.0f} %"
    matched = [_matched(one) for one in found]
    yield f"grains that match one of the truth (half of either or more): {100 * np.mean(np.concatenate(matched)):.0f} %"
    for name in WITH_INTERVAL:
        inside = []
        for one in found:
            restored, good, values = one["restored"], *_true_values(one, name)
            inside.append((restored.low[name][good] <= values) & (values <= restored.high[name][good]))
        yield f"interval of a grain's {name} holds the truth in {100 * np.mean(np.concatenate(inside)):.0f} %"
    rand = {m: np.mean([adjusted_rand(one[m].labels, one["truth"].labels) for one in found]) for m in METHODS}
    yield "adjusted Rand index with the truth: " + ", ".join(f"{m} {value:.3f}" for m, value in rand.items())


def _matched(found: dict[str, GrainMap]) -> NDArray[np.bool_]:
    return match(found["restored"].labels, found["truth"].labels)[1] >= 0.5


def _true_values(found: dict[str, GrainMap], name: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which restored grains match a true one, and the true values of a column for those."""
    partner, overlap = match(found["restored"].labels, found["truth"].labels)
    good = overlap >= 0.5
    return good, getattr(found["truth"].grains, name)[partner[good] - 1]


def fit(on: Sections) -> dict[str, dict[str, Any]]:
    """Return the values of the tables ``grain_intervals`` and ``grain_boundaries``."""
    made = list(restored_sections("calibration", range(_count(on)), on))
    ends_by_name = {name: list(ends) for name, ends in margins([found_in(section) for section in made]).items()}
    return {
        "grain_intervals": {"margins": ends_by_name, "otherwise": list(constants().grain_intervals.otherwise)},
        "grain_boundaries": {"evidence": list(constants().grain_boundaries.evidence), "share": shares(made)},
    }


def seeds(on: Sections) -> str:
    """Return the seeds of the sections that make the tables as text."""
    first, side = SEEDS["calibration"], on.size or SIZE
    return f"{first} to {first + _count(on) - 1}; {side} x {side} pixels"


def _count(on: Sections) -> int:
    return len(FAMILIES) * (on.each or _USUAL)


def margins(found: Sequence[dict[str, GrainMap]]) -> dict[str, tuple[float, float]]:
    """Return margins of `grains.interval`: what 19 of 20 truths are below and above, beyond the samples."""
    made = {}
    for name in QUANTITIES:
        values = [(one["restored"].figures[name], one["truth"].figures[name].value) for one in found]
        off = np.array([float(departure(name, np.array([v.value]), np.array([t]))[0]) for v, t in values])
        unit = margin_unit(name, np.array([v.value for v, _ in values]))
        made[name] = _both_sides(off / unit, np.array([v.spread for v, _ in values]) / unit)
    for name in WITH_INTERVAL:
        departures, apart = [], []
        for one in found:
            good, true = _true_values(one, name)
            restored = one["restored"]
            scale = margin_scale(restored.grains.pixels[good])
            departures.append(departure(f"grain {name}", getattr(restored.grains, name)[good], true) / scale)
            apart.append(restored.spread[name][good] / scale)
        made[f"grain {name}"] = _both_sides(np.concatenate(departures), np.concatenate(apart))
    return made


def _both_sides(off: NDArray[np.float64], apart: NDArray[np.float64]) -> tuple[float, float]:
    known = np.isfinite(off) & np.isfinite(apart)
    ends = [float(np.quantile(side - apart[known], 0.95, method="higher")) for side in (-off[known], off[known])]
    return round(max(0.0, ends[0]), 3), round(max(0.0, ends[1]), 3)


def shares(half: Sequence[RestoredSection]) -> list[float]:
    """Return the shares of true boundaries by the evidence of `grains.boundaries`."""
    evidence = constants().grain_boundaries.evidence
    counts = np.zeros((2, len(evidence)))
    for section in half:
        restored, truth = as_map(section.restored), as_map(section.truth)
        edges = edges_of_map(restored)
        across = sample_edge_angles([as_map(q).quaternions for q in section.samples], restored, edges)
        angle, true = angles_of_map(restored, edges), angles_of_map(truth, edges)
        for threshold in THRESHOLDS:
            counts += _shares(edge_evidence(angle, across, threshold), true > threshold, evidence)
    total, hits = counts
    share = np.maximum.accumulate(hits / np.maximum(total, 1))
    return [round(float(v), 3) for v in share]


def _shares(values: NDArray, happened: NDArray[np.bool_], knots: Sequence[float]) -> NDArray[np.float64]:
    """Return how many values are nearest to each knot, and for how many of these something happened, (2, knots)."""
    middle = (np.array(knots[1:]) + np.array(knots[:-1])) / 2
    at = np.digitize(values, middle)
    return np.stack([np.bincount(at, minlength=len(knots)), np.bincount(at, happened, minlength=len(knots))])


def main() -> None:
    """Write the report to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", type=int, default=40)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="restored sections are kept here and used again")
    given = parser.parse_args()
    on = Sections(quality=given.quality, weights=given.weights)
    made = restored_sections("test", range(given.sections), on, given.keep)
    for line in report([found_in(section) for section in made]):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
