"""Planned points and boxes against a finer grid of as many points: `python -m benchmarks.planning [MAP ...]`.

A map that was measured at every eighth point is measured further, in three rounds, up to as many points as every
fourth: where its doubt says (points), or in boxes whose overhead is counted in points. The table compares errors with
those of the grid, everywhere and near boundaries.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.evaluation.metrics import Scores, score
from grainlight.evaluation.reference_map import (
    FIRST_SEED,
    FIRST_TUNING_SEED,
    ReferenceMap,
    load_reference_maps,
    validation_section,
)
from grainlight.maps.orientation_map import OrientationMap
from grainlight.planning import points
from grainlight.planning.boxes import Box
from grainlight.planning.plan import plan_boxes, plan_points
from grainlight.restore.enhance import enhance
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings
from grainlight.synth.families import FAMILIES

_COARSE, _FINE, _ROUNDS = 8, 4, 3


def compare(
    reference: ReferenceMap, level: Level | None, quality: str, overhead: float, ways: Sequence[str]
) -> Iterator[str]:
    """Yield a line of the table for each way of measuring further; ``overhead`` of a box in points."""
    full = reference.full
    rows, columns = ((side - 1) // _COARSE * _COARSE + 1 for side in full.shape)
    full = full.cropped(rows, columns)
    first, grid = (degrade(full, scale=scale, level=level, seed=3) for scale in (_COARSE, _FINE))
    every = degrade(full, scale=1, level=None, seed=5).coarse
    settings = Settings(scale=_COARSE, quality=quality, device="cpu")
    uniform = enhance(grid.coarse, grid.stack, replace(settings, scale=_FINE))
    further = int(grid.coarse.indexed.sum() - first.coarse.indexed.sum())
    light = level or "none"
    of_grid = _score(uniform, grid)
    yield _line(reference.name, light, "grid", of_grid, of_grid)
    for way in ways:
        also: list[OrientationMap] = []
        result = enhance(first.coarse, first.stack, settings)
        left = float(further)
        for turn in range(_ROUNDS):
            share = int(left / (_ROUNDS - turn))
            if way == "points":
                made = plan_points(result, share)
                place = np.rint(np.stack((made.y, made.x), -1) / every.step[0]).astype(int)
                also.append(_only(every, place))
                left -= len(place)
            else:
                boxes = _within(plan_boxes(result, share, 1.0, overhead).boxes, share, overhead)
                also += [_box(every, box) for box in boxes]
                left -= sum(box.points + overhead for box in boxes)
            result = enhance(first.coarse, first.stack, settings, also=also)
        yield _line(reference.name, light, way, _score(result, grid), of_grid)


def _within(boxes: Sequence[Box], most: float, overhead: float) -> list[Box]:
    """The first boxes that together cost no more than so many points."""
    found: list[Box] = []
    for box in boxes:
        if sum(one.points + overhead for one in [*found, box]) <= most:
            found.append(box)
    return found


def _only(every: OrientationMap, place: np.ndarray) -> OrientationMap:
    phase_id = np.full(every.shape, -1, np.int16)
    phase_id[tuple(place.T)] = every.phase_id[tuple(place.T)]
    return every.replace(phase_id=phase_id)


def _box(every: OrientationMap, box: Box) -> OrientationMap:
    inside = np.s_[box.top : box.bottom + 1 : box.step, box.left : box.right + 1 : box.step]
    phase_id = np.full(every.shape, -1, np.int16)
    phase_id[inside] = every.phase_id[inside]
    return every.replace(phase_id=phase_id)


def _score(result: Result, task: Task) -> Scores:
    found = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions
    return score(found, task.truth, np.zeros_like(task.measured), task.valid)


def _line(name: str, light: str, way: str, found: Scores, grid: Scores) -> str:
    return (
        f"| {name} | {light} | {way} | {found.over_5:.4f} | {found.near_over_5:.4f} | {found.near_mean:.2f} | "
        f"{found.near_over_5 / max(grid.near_over_5, 1e-9):.2f} | {found.near_mean / max(grid.near_mean, 1e-9):.2f} |"
    )


def main(argv: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("maps", nargs="*", help="full maps; synthetic sections without")
    parser.add_argument("--light", nargs="+", choices=("clean", "corrupted", "none"), default=["corrupted", "none"])
    parser.add_argument("--way", nargs="+", choices=("points", "boxes"), default=["points", "boxes"])
    parser.add_argument("--number", type=int, default=3, help="of the sections of each family")
    parser.add_argument("--tuning", action="store_true", help="sections that settings are chosen on")
    parser.add_argument("--width", type=float, default=points.WIDTH, help="of what a point tells, as `WIDTH`")
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--size", type=int, default=129)
    parser.add_argument("--overhead", type=float, default=20.0, help="of a box, in points")
    options = parser.parse_args(argv)
    points.WIDTH = options.width
    first = FIRST_TUNING_SEED if options.tuning else FIRST_SEED
    maps = [validation_section(family, options.number, options.size, first=first) for family in FAMILIES]
    if options.maps:
        maps = [
            replace(one, full=one.full.cropped(options.size, options.size)) for one in load_reference_maps(options.maps)
        ]
    print("| map | light | further points | wrong | wrong near boundaries | mean angle there | over the grid's | |")
    print("|---|---|---|---|---|---|---|---|")
    for reference in maps:
        for light in options.light:
            for line in compare(
                reference, None if light == "none" else light, options.quality, options.overhead, options.way
            ):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
