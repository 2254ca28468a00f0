"""What points held back say of a map, against the truth: `python -m benchmarks.held_back [MAP ...]`.

On tuning sections, or on full maps of your own: a map is made coarse, validated as a user would, restored, and
compared with the truth. The first table is what `validation.estimate.POWER` and `validation.verdict.CARRIED` were read
from: wrong share of the pixels over that of the points held back, and the estimate over the truth. The lines below say
how often the intervals hold, whether the verdict on the light is right, and how far the coverage is off.

With `--at-points` the truth is asked at the distance of the points held back: every point of the scan is held back once
more, in other folds, and compared with the full map. `wrong_share` and its interval are judged by that, and those of
each fold alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.evaluation.metrics import disorientation
from grainlight.evaluation.reference_map import (
    FIRST_TUNING_SEED,
    ReferenceMap,
    load_reference_maps,
    validation_section,
)
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.enhance import enhance
from grainlight.restore.points.noise import estimate_noise
from grainlight.restore.result import INFERRED, Result
from grainlight.restore.settings import Settings
from grainlight.synth.families import FAMILIES
from grainlight.validation.estimate import is_wrong, over_bound
from grainlight.validation.folds import hold_back
from grainlight.validation.share import share_of, tiles
from grainlight.validation.validate import validate

LIGHTS = ("clean", "corrupted", "unrelated", "misregistered")
_OTHER = FIRST_TUNING_SEED + 50_000  # sections whose light is unrelated
_SIZE, _MISREGISTERED = 161, 2.0
_ALL_FOLDS = 15  # in the twelve of them with single points nearly all of a scan are held back


@dataclass(frozen=True)
class Case:
    """One map under one light: what is true of it and what was estimated."""

    name: str
    light: str
    true: float
    true_unlit: float
    held: float
    estimate: float
    low: float
    high: float
    unlit: float | None
    unlit_holds: bool | None
    helps: bool | None
    coverage_off: float
    times: float

    @property
    def holds(self) -> bool:
        return self.low <= self.true <= self.high

    @property
    def right(self) -> bool:
        """Whether the verdict on the light is that of the truth; without enough evidence it is not wrong."""
        return self.helps is None or self.helps == (self.true < self.true_unlit)


def cases(maps: list[ReferenceMap], lights: list[str], quality: str, scale: int, seeds: int) -> Iterator[Case]:
    """Validate every map under every light, photographed and measured with so many seeds."""
    for seed in range(11, 11 + seeds):
        for reference in maps:
            for light in lights:
                yield _case(reference, light, quality, scale, seed)


def _task(
    reference: ReferenceMap, light: str, quality: str, scale: int, seed: int
) -> tuple[Task, LightStack, Settings]:
    """What is left of a map, its light, and the settings to restore it with."""
    level: Level = "corrupted" if light == "corrupted" else "clean"
    task = degrade(reference.full, scale=scale, level=level, seed=seed)
    assert task.stack is not None
    settings = Settings(scale=scale, quality=quality, seed=seed, device="cpu")
    stack = task.stack
    if light == "unrelated":
        stack = _unrelated(reference.full, scale, seed)
    if light == "misregistered":
        stack = replace(stack, origin=(_MISREGISTERED * stack.step, 0.0))
        settings = replace(settings, register="none")
    return task, stack, settings


def _case(reference: ReferenceMap, light: str, quality: str, scale: int, seed: int) -> Case:
    task, stack, settings = _task(reference, light, quality, scale, seed)
    began = time.process_time()
    result = enhance(task.coarse, stack, settings)
    once = time.process_time() - began
    alone = enhance(task.coarse, None, replace(settings, samples=1, register="auto"))
    began = time.process_time()
    found = validate(task.coarse, stack, settings).verdict
    taken = time.process_time() - began
    inferred = task.valid & (result.source == INFERRED)
    error_map = _error(result, task.truth)
    error, unlit = error_map[inferred], _error(alone, task.truth)[inferred]
    true, dark = (float((one > BOUNDARY_ANGLE).mean()) for one in (error, unlit))
    own = _noise_of(reference.full, error_map.shape)[inferred]
    covered = 1 - float(over_bound(error, result.uncertainty[inferred], own).mean())
    without = found.unlit
    return Case(
        reference.name,
        light,
        true,
        dark,
        next(iter(found.held_back.values())).value,
        found.wrong.value,
        found.wrong.low,
        found.wrong.high,
        None if without is None else without.value,
        None if without is None else without.low <= dark <= without.high,
        found.light_helps,
        (float("nan") if found.covered is None else found.covered.value) - covered,
        taken / once,
    )


@dataclass(frozen=True)
class AtPoints:
    """One map under one light, at the distance of points held back: what is true, what was estimated, and in how many
    of its folds the interval of that fold alone holds the truth."""

    name: str
    light: str
    true: float
    estimate: float
    low: float
    high: float
    held: tuple[bool, ...]
    coverage_off: float

    @property
    def holds(self) -> tuple[bool, ...]:
        """Of the map, and of each fold."""
        return (self.low <= self.true <= self.high, *self.held)


def at_points(maps: list[ReferenceMap], lights: list[str], quality: str, scale: int, seeds: int) -> Iterator[AtPoints]:
    """As `cases`, at the distance of the points."""
    for seed in range(11, 11 + seeds):
        for reference in maps:
            for light in lights:
                yield _at_points(reference, *_task(reference, light, quality, scale, seed), light)


def _at_points(reference: ReferenceMap, task: Task, stack: LightStack, settings: Settings, light: str) -> AtPoints:
    found = validate(task.coarse, stack, settings)
    pick = np.s_[:: settings.scale, :: settings.scale]
    error, bound = np.full((2, *task.coarse.shape), np.nan)
    for fold in hold_back(task.coarse, _ALL_FOLDS, settings.seed + 1000):
        if fold.kind == "points":
            result = enhance(fold.kept(task.coarse), stack, replace(settings, samples=1))
            error[fold.held] = _error(result, task.truth)[pick][fold.held]
            bound[fold.held] = result.uncertainty[pick][fold.held]
    known = np.isfinite(error)
    true = float((error[known] > BOUNDARY_ANGLE).mean())
    evidence, verdict = found.evidence, found.verdict
    held = []
    for number, fold in enumerate(evidence.folds):
        use = (evidence.fold == number) & np.isfinite(evidence.main.error)
        if fold.kind == "points":
            tile = tiles(evidence.place[use], task.coarse.shape)
            share = share_of(is_wrong(evidence.main.error[use]), np.ones(int(use.sum())), tile)
            held.append(share.low <= true <= share.high)
    own = _noise_of(reference.full, task.truth.shape[:2])[pick]
    covered = 1 - float(over_bound(error[known], bound[known], own[known]).mean())
    off = float("nan") if verdict.coverage is None else verdict.coverage - covered
    low, high = verdict.wrong_share_interval
    return AtPoints(reference.name, light, true, verdict.wrong_share, low, high, tuple(held), off)


def lines_at_points(found: list[AtPoints]) -> Iterator[str]:
    """The table at the distance of the points."""
    yield "| map | light | wrong there | wrong_share | ratio | interval | folds that hold | coverage off |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in found:
        ratio = one.estimate / max(one.true, 1e-9)
        yield (
            f"| {one.name} | {one.light} | {one.true:.4f} | {one.estimate:.4f} | {ratio:.2f} | "
            f"{one.low:.4f} to {one.high:.4f} | {sum(one.held)} of {len(one.held)} | {one.coverage_off:+.3f} |"
        )
    ratios = np.array([one.estimate / max(one.true, 1e-9) for one in found])
    holds = [held for one in found for held in one.holds]
    off = np.array([one.coverage_off for one in found])
    yield ""
    yield f"within 20 %: {int((np.abs(ratios - 1) <= 0.2).sum())} of {len(found)}"
    yield f"intervals of maps and folds that hold: {100 * np.mean(holds):.0f} % of {len(holds)}"
    yield f"coverage off by {np.sqrt(np.nanmean(off**2)):.3f} (rms), {np.nanmax(np.abs(off)):.3f} at most"


def _unrelated(full: OrientationMap, scale: int, seed: int) -> LightStack:
    """The light of a section of its own, of the size and step of a map."""
    other = validation_section(FAMILIES[seed % len(FAMILIES)], 2, max(full.shape), first=_OTHER).full
    stack = degrade(other.cropped(*full.shape).replace(step=full.step), scale=scale, level="clean", seed=seed).stack
    assert stack is not None
    return stack


def _noise_of(full: OrientationMap, shape: tuple[int, ...]) -> np.ndarray:
    """Degrees (H, W) that the full map is itself off: no error of what is compared with it, as in `validate`."""
    return np.asarray(estimate_noise(full).level, dtype=np.float64)[: shape[0], : shape[1]]


def _error(result: Result, truth: np.ndarray) -> np.ndarray:
    found = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    return disorientation(found.quaternions, truth)


def lines(found: list[Case]) -> Iterator[str]:
    """The tables."""
    yield "| map | light | wrong | of points held back | ratio | estimate / truth | without light | helps | times |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in found:
        dark = "" if one.unlit is None else f"{one.unlit / max(one.true_unlit, 1e-9):.2f}"
        yield (
            f"| {one.name} | {one.light} | {one.true:.4f} | {one.held:.4f} | {one.true / max(one.held, 1e-9):.2f} | "
            f"{one.estimate / max(one.true, 1e-9):.2f} | {dark} | {one.helps} | {one.times:.1f} |"
        )
    held = [one.holds for one in found] + [one.unlit_holds for one in found if one.unlit_holds is not None]
    off = np.array([one.coverage_off for one in found])
    yield ""
    yield f"intervals that hold: {100 * np.mean(held):.0f} % of {len(held)}"
    yield f"verdict on the light right: {sum(one.right for one in found)} of {len(found)}"
    yield f"coverage off by {np.sqrt(np.nanmean(off**2)):.3f} (rms), {np.nanmean(off):+.3f} in the mean"
    yield f"time over that of one restoration: {np.mean([one.times for one in found]):.1f} in the mean"


def main(argv: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.held_back", description=__doc__)
    parser.add_argument("maps", nargs="*", help="full maps; tuning sections without")
    parser.add_argument("--light", nargs="+", choices=LIGHTS, default=list(LIGHTS))
    parser.add_argument("--numbers", nargs="+", type=int, default=[2, 4], help="of the tuning sections of each family")
    parser.add_argument("--at-points", action="store_true", help="judge `wrong_share`, by the truth at those distances")
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=_SIZE, help="rows and columns of a map at most")
    options = parser.parse_args(argv)
    if options.maps:
        maps = [
            replace(one, full=one.full.cropped(options.size, options.size)) for one in load_reference_maps(options.maps)
        ]
    else:
        maps = [
            validation_section(family, number, options.size, first=FIRST_TUNING_SEED)
            for number in options.numbers
            for family in FAMILIES
        ]
    if options.at_points:
        told = at_points(maps, options.light, options.quality, options.scale, options.seeds)
        for line in lines_at_points(list(told)):
            print(line)
        return 0
    for line in lines(list(cases(maps, options.light, options.quality, options.scale, options.seeds))):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
