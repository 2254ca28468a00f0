"""How well light that lies is found: `python -m benchmarks.regions [contradicted|veiled|opaque|tiles]`.

For constants of the module that a study is of; on the tuning sections, every variant: share of the damaged regions that
is found (of ``tiles``, of the tasks with a moved tile in which some tile was moved), and share of undamaged light that
is taken for damaged, in percent, scale 4 / scale 2, clean and corrupted light. Prints a Markdown table. CPU minutes at
its 97 x 97 pixels: ``opaque`` 2, ``veiled`` 4, ``tiles`` 12, ``contradicted`` 4; ``--scale 4`` takes less than half.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import LEVELS, Task, degrade
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, validation_section
from grainlight.optics.calibration.canonical import BLURRED, DIM, NOT_USED, VEILED
from grainlight.optics.calibration.damage import contrast, opaque, regions
from grainlight.restore.light import displacement
from grainlight.restore.light.calibration import calibrate_light
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.light.tiles import retile
from grainlight.restore.points.grid import rasterise
from grainlight.synth.families import FAMILIES

SCALES = (4, 2)


@dataclass(frozen=True)
class Study:
    """Constants of a ``module`` and what is tried for them, on ``kinds`` of damage; ``flags`` that tell it, 0 for tiles
    that are moved."""

    module: ModuleType
    kinds: tuple[str, ...]
    flags: int
    variants: Mapping[str, Mapping[str, Any]]

    def found(self, task: Task, scale: int) -> np.ndarray:
        """(H, W) where something is taken for damaged."""
        grid = rasterise(task.coarse, scale)
        assert task.stack is not None
        if not self.flags:
            moved = retile(task.stack, grid, task.noise / np.sqrt(3.0)) is not None
            return np.full(task.measured.shape, moved)
        light = calibrate_light(RegisteredLight(task.stack, None), grid, task.noise)
        assert light is not None
        return (light.flags.numpy() & self.flags) > 0  # type: ignore[union-attr]


STUDIES = {
    "contradicted": Study(
        regions,
        ("dark", "moved tile", "unrelated"),
        NOT_USED | DIM,
        {
            **{f"most {v:g}": {"_MOST": v} for v in (1.5, 2.0, 3.0)},
            **{f"prior {v[0]:g} and {v[1]:g}": {"_PRIOR": v} for v in ((0.5, 0.2), (0.8, 0.4), (1.0, 0.6))},
            **{f"border {v:g}": {"_BORDER": v} for v in (0.4, 0.6)},
        },
    ),
    "veiled": Study(
        contrast,
        ("haze", "defocus"),
        VEILED | BLURRED,
        {
            **{f"left {v:g}": {"_LEFT": v} for v in (0.45, 0.65)},
            **{f"veiled {v:g}": {"_VEILED": (v, 0.7)} for v in (0.45, 0.65)},
            **{f"border {v:g}": {"_BORDER": v} for v in (0.1, 0.25)},
            **{f"border of gains {v:g}": {"_BORDER_GAIN": v} for v in (0.3, 0.8)},
            **{f"least {v:g}": {"_LEAST": v} for v in (12.0, 30.0)},
            **{f"unlike {v:g}": {"_UNLIKE": v} for v in (0.0, 0.2)},
        },
    ),
    "opaque": Study(
        opaque,
        ("specks", "dark"),
        NOT_USED,
        {
            **{f"still {v:g}": {"_STILL": v} for v in (1.0, 2.0)},
            **{f"little {v:g}": {"_LITTLE": v} for v in (0.02, 0.04)},
            **{f"lamp {v:g}": {"_LAMP": v} for v in (0.0, 0.03, 0.07)},
        },
    ),
    "tiles": Study(
        displacement,
        ("moved tile",),
        0,
        {
            **{f"gain {v:g}": {"_GAIN": v} for v in (3.0, 8.0)},
            **{f"fits {v:g}": {"_FITS": v} for v in (0.7, 0.9)},
            **{f"more {v:g}": {"_MORE": v} for v in (0.08, 0.2)},
            **{f"agrees {v:g}": {"_AGREES": v} for v in (0.2, 0.5)},
        },
    ),
}


def figures(study: Study, size: int, scales: tuple[int, ...] = SCALES) -> Iterator[tuple[str, int, str, float, float]]:
    """Variant, scale, kind of damage ("" for none), share of the region found, share of the rest."""
    names = {name for changed in study.variants.values() for name in changed}
    shipped = {name: getattr(study.module, name) for name in names}
    for number, family in enumerate(FAMILIES):
        full = validation_section(family, (3 * number) % 8, size, first=FIRST_TUNING_SEED).full
        for scale in scales:
            for level in LEVELS[0], LEVELS[2]:
                for kind in ("", *study.kinds):
                    damage = Damage(kind, 1 + number % 2, number) if kind else None
                    task = degrade(full, scale=scale, level=level, seed=number, damage=damage)
                    for name, changed in {"as shipped": {}, **study.variants}.items():
                        for constant, value in {**shipped, **changed}.items():
                            setattr(study.module, constant, value)
                        wrong = study.found(task, scale)
                        damaged = np.zeros(wrong.shape, bool) if task.damaged is None else task.damaged
                        found = float(wrong[damaged].mean()) if damaged.any() else float("nan")
                        yield name, scale, kind, found, float(wrong[~damaged].mean())
    for constant, value in shipped.items():
        setattr(study.module, constant, value)


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", nargs="?", choices=tuple(STUDIES), default="contradicted")
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    parser.add_argument("--scale", type=int, choices=SCALES, help="one of them alone")
    arguments = parser.parse_args()
    scales = (arguments.scale,) if arguments.scale else SCALES
    study = STUDIES[arguments.study]
    rows: dict[str, dict[tuple[str, int], list[tuple[float, float]]]] = {}
    with torch.inference_mode():
        for name, scale, kind, found, beyond in figures(study, arguments.size, scales):
            rows.setdefault(name, {}).setdefault((kind, scale), []).append((found, beyond))
    titles = (*study.kinds, "beyond", "undamaged")
    sys.stdout.write("| variant | " + " | ".join(titles) + " |\n" + "|---" * (1 + len(titles)) + "|\n")
    for name, its in rows.items():
        cells = [
            " / ".join(f"{100 * np.nanmean([f for f, _ in its[kind, s]]):.0f}" for s in scales) for kind in study.kinds
        ]
        outside = (100 * np.mean([b for kind in study.kinds for _, b in its[kind, s]]) for s in scales)
        unharmed = (100 * np.mean([b for _, b in its["", s]]) for s in scales)
        cells += [" / ".join(f"{x:.1f}" for x in some) for some in (outside, unharmed)]
        sys.stdout.write(f"| {name} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
