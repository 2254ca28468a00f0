"""What the trained network is worth, task by task: `python -m benchmarks.ablate [MAP ...]`.

Every task runs through the pipeline twice, with the shipped network and with one of its shape that was never trained,
which is a guided copy by light and distance. On full maps from files and on synthetic sections that are neither trained
on, nor tuned on, nor part of the evaluation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from grainlight.crystal.embedding import decode
from grainlight.diffusion.network import LabelNetwork
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.metrics import Scores, score
from grainlight.evaluation.reference_map import FIRST_SEED, ReferenceMap, load_reference_maps, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.maps.light_stack import LightStack
from grainlight.restore.inputs import prepare
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.restore.settings import Settings
from grainlight.synth.families import FAMILIES

FIRST_ABLATION_SEED = FIRST_SEED + 800_000
TASKS: dict[str, tuple[Scenario, int | None]] = {
    "scale 2, no light": (Scenario(2, None), None),
    "scale 4, no light": (Scenario(4, None), None),
    "scale 8, no light": (Scenario(8, None), None),
    "scale 2, severe light": (Scenario(2, "severe"), None),
    "scale 4, severe light": (Scenario(4, "severe"), None),
    "scale 4, one image": (Scenario(4), 1),
    "scale 4, three images": (Scenario(4), 3),
    "1 % of the points, corrupted light": (Scenario(1, scattered=0.01), None),
    "scale 8, corrupted light": (Scenario(8), None),
    "scale 2, corrupted light": (Scenario(2), None),
    "scale 4, corrupted light": (Scenario(4), None),
    "scale 4, clean light": (Scenario(4, "clean"), None),
}
"""Tasks by name: how the map is degraded, and how many of its images are kept, all of them if None."""
HARD = (
    "scale 2, no light",
    "scale 4, no light",
    "scale 2, severe light",
    "scale 4, severe light",
    "scale 4, one image",
    "scale 4, three images",
    "1 % of the points, corrupted light",
    "scale 8, corrupted light",
)
"""Tasks in which light alone does not decide."""


def few_images(stack: LightStack, count: int) -> LightStack:
    """Return a stack with ``count`` of its images, evenly chosen."""
    chosen = np.linspace(0, len(stack.angles), count, endpoint=False).astype(int)
    return replace(stack, images=stack.images[chosen], angles=stack.angles[chosen])


def answers(task: Task, priors: dict[str, LabelPrior], quality: str, seed: int) -> Iterator[tuple[str, Scores]]:
    """Scores of the nearest neighbour and of the restoration with each network."""
    yield "nearest", score(nearest(task.quaternions, task.measured), task.truth, task.measured, task.valid)
    settings = Settings(scale=task.scale, quality=quality, seed=seed)
    ready = prepare(task.coarse, task.stack, settings)
    rows, columns = task.measured.shape
    for name, prior in priors.items():
        found = decode(ready.restore(prior, settings).embedding, dim=0).double().numpy()[:rows, :columns]
        yield name, score(found, task.truth, task.measured, task.valid)


def figures(
    maps: list[ReferenceMap], quality: str, seeds: int, only: list[str] | None = None
) -> Iterator[tuple[str, str, str, Scores]]:
    """Task, map, network and scores, one after the other."""
    priors = {"untrained": LabelPrior(LabelNetwork().eval(), torch.device("cpu")), "trained": load_prior()}
    for name, (scenario, images) in TASKS.items():
        if only and name not in only:
            continue
        for reference in maps:
            for seed in range(seeds):
                task = scenario.degrade(reference.full, seed)
                if images is not None and task.stack is not None:
                    task = replace(task, stack=few_images(task.stack, images))
                for network, scores in answers(task, priors, quality, seed):
                    yield name, reference.group, network, scores


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", nargs="*", type=Path, help="full maps")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--seeds", type=int, default=1, help="draws of each task")
    parser.add_argument("--sections", type=int, default=6, help="synthetic sections, of all families in turn")
    parser.add_argument("--size", type=int, default=129, help="rows and columns of a section")
    parser.add_argument("--only", nargs="+", choices=tuple(TASKS), metavar="TASK")
    given = parser.parse_args()
    maps = [
        validation_section(FAMILIES[n % len(FAMILIES)], n % 8, given.size, first=FIRST_ABLATION_SEED)
        for n in range(given.sections)
    ]
    maps += load_reference_maps(given.maps)
    rows: dict[tuple[str, str], dict[str, list[Scores]]] = {}
    for task, group, network, scores in figures(maps, given.quality, given.seeds, given.only):
        rows.setdefault((task, group), {}).setdefault(network, []).append(scores)
    networks = ("nearest", "untrained", "trained")
    write = sys.stdout.write
    write("wrong near boundaries (%) / boundary edges F1\n\n")
    write("| task | map | " + " | ".join(networks) + " | fewer wrong than untrained |\n|---|---|---|---|---|---|\n")
    hard = []
    for (task, group), found in rows.items():
        near = {name: 100 * float(np.mean([s.near_over_5 for s in found[name]])) for name in networks}
        f1 = {name: float(np.mean([s.edge_f1 for s in found[name]])) for name in networks}
        cells = " | ".join(f"{near[name]:.1f} / {f1[name]:.3f}" for name in networks)
        write(f"| {task} | {group} | {cells} | {100 * (1 - near['trained'] / near['untrained']):.0f} % |\n")
        if task in HARD:
            hard.append((near["untrained"], near["trained"]))
    if hard:
        untrained, trained = np.mean(hard, 0)
        write(
            f"\nmean of the tasks in which light alone does not decide: {untrained:.1f} -> {trained:.1f} %, "
            f"{100 * (1 - trained / untrained):.1f} % fewer\n"
        )


if __name__ == "__main__":
    main()
