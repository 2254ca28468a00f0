"""Where the errors are: `python -m benchmarks.budget [MAP ...]`.

A grain that no point met cannot be restored: light tells its c-axis at best, never its turn about it. This splits the
wrong pixels of a restoration into those of such grains and those that a better method could get right, quality by
quality, on synthetic sections that are neither trained on, nor tuned on, nor evaluated, and on full maps from files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ablate import FIRST_ABLATION_SEED, TASKS, few_images
from benchmarks.sample_ranks import grains_of
from grainlight.crystal.embedding import decode
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.metrics import boundary_edges, disorientation
from grainlight.evaluation.reference_map import SECTIONS, ReferenceMap, load_reference_maps, validation_section
from grainlight.restore.inputs import prepare
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.restore.settings import QUALITIES, Settings
from grainlight.synth.families import FAMILIES

_WRONG = 5.0
_ASKED = ("scale 2, corrupted light", "scale 4, corrupted light", "scale 8, corrupted light", "scale 4, no light")


@dataclass(frozen=True)
class Shares:
    """Of the pixels that were not measured, in per cent: ``wrong`` ones, those of them in grains that no point met
    (``met_nowhere``), and all pixels of such grains (``of_such``)."""

    wrong: float
    met_nowhere: float
    of_such: float

    @property
    def within_reach(self) -> float:
        """Wrong pixels of grains that a point met."""
        return self.wrong - self.met_nowhere


def met_by_none(quaternions: NDArray[np.float64], measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels (H, W) of grains, regions within boundaries of 5 degrees, without a measured pixel (H, W)."""
    grain = grains_of(*boundary_edges(quaternions), np.ones(measured.shape, bool))
    met = np.zeros(int(grain.max()) + 1, bool)
    met[grain[measured]] = True
    return ~met[grain]


def shares(restored: NDArray[np.float64], task: Task) -> Shares:
    """Split the wrong pixels of a restored map (H, W, 4)."""
    asked = task.valid & ~task.measured
    wrong = (disorientation(restored, task.truth) > _WRONG)[asked]
    unmet = met_by_none(task.truth, task.measured)[asked]
    return Shares(*(100 * float(x.mean()) for x in (wrong, wrong & unmet, unmet)))


def figures(maps: list[ReferenceMap], names: list[str]) -> Iterator[tuple[str, str, str, Shares]]:
    """Task, map, quality and shares, one after the other."""
    prior = load_prior()
    for name in names:
        scenario, images = TASKS[name]
        for reference in maps:
            task = scenario.degrade(reference.full, 0)
            if images is not None and task.stack is not None:
                task = replace(task, stack=few_images(task.stack, images))
            rows, columns = task.measured.shape
            for quality in QUALITIES:
                settings = Settings(scale=task.scale, quality=quality)
                found = prepare(task.coarse, task.stack, settings).restore(prior, settings)
                restored = decode(found.embedding, dim=0).double().numpy()[:rows, :columns]
                yield name, reference.group, quality, shares(restored, task)


def main(arguments: list[str] | None = None) -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budget", description=__doc__)
    parser.add_argument("maps", nargs="*", type=Path, help="full maps")
    parser.add_argument("--sections", type=int, default=6, help="synthetic sections, of all families in turn")
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    parser.add_argument("--only", nargs="+", choices=tuple(TASKS), default=list(_ASKED), metavar="TASK")
    given = parser.parse_args(arguments)
    maps = [
        validation_section(FAMILIES[n % len(FAMILIES)], n % SECTIONS, given.size, first=FIRST_ABLATION_SEED)
        for n in range(given.sections)
    ]
    maps += load_reference_maps(given.maps)
    rows: dict[tuple[str, str], dict[str, list[Shares]]] = {}
    for task, group, quality, one in figures(maps, given.only):
        rows.setdefault((task, group), {}).setdefault(quality, []).append(one)
    write = sys.stdout.write
    write("wrong pixels (%) of grains that a point met, by quality; of grains that none met\n\n")
    write("| task | map | " + " | ".join(QUALITIES) + " | met by none: wrong, all |\n|---|---|" + "---|" * 4 + "\n")
    for (task, group), found in rows.items():
        reach = " | ".join(f"{np.mean([s.within_reach for s in found[name]]):.1f}" for name in QUALITIES)
        best = found[list(QUALITIES)[-1]]
        unmet = f"{np.mean([s.met_nowhere for s in best]):.1f}, {np.mean([s.of_such for s in best]):.1f}"
        write(f"| {task} | {group} | {reach} | {unmet} |\n")


if __name__ == "__main__":
    main()
