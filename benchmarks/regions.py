"""How well regions of lying light are found: `python -m benchmarks.regions`, for constants of that module.

On the tuning sections, every variant: share of damaged regions that is found, and share of undamaged light that is
taken for wrong, in percent, scale 4 / scale 2. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import LEVELS, degrade
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, validation_section
from grainlight.optics.calibration.canonical import DIM, NOT_USED
from grainlight.optics.calibration.damage import regions
from grainlight.restore.light.calibration import calibrate_light
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.points.grid import rasterise
from grainlight.synth.families import FAMILIES

SHIPPED = {name: getattr(regions, name) for name in ("_PRIOR", "_BORDER", "_LEAST", "_MOST")}
VARIANTS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    **{f"most {v:g}": {"_MOST": v} for v in (1.5, 2.0, 3.0)},
    **{f"prior {v[0]:g} and {v[1]:g}": {"_PRIOR": v} for v in ((0.5, 0.2), (0.8, 0.4), (1.0, 0.6))},
    **{f"border {v:g}": {"_BORDER": v} for v in (0.4, 0.6)},
}
KINDS = ("dark", "moved tile", "unrelated")


def figures(size: int) -> Iterator[tuple[str, int, str, float, float]]:
    """Variant, scale, kind of damage ("" for none), share of the region found, share of the rest."""
    for number, family in enumerate(FAMILIES):
        full = validation_section(family, (3 * number) % 8, size, first=FIRST_TUNING_SEED).full
        for scale in (4, 2):
            for level in LEVELS[0], LEVELS[2]:
                for kind in ("", *KINDS):
                    damage = Damage(kind, 1 + number % 2, number) if kind else None
                    task = degrade(full, scale=scale, level=level, seed=number, damage=damage)
                    grid = rasterise(task.coarse, scale)
                    for name, changed in VARIANTS.items():
                        for constant, value in (SHIPPED | changed).items():
                            setattr(regions, constant, value)
                        light = calibrate_light(RegisteredLight(task.stack, None), grid, task.noise)
                        assert light is not None
                        wrong = (light.flags.numpy() & (NOT_USED | DIM)) > 0  # type: ignore[union-attr]
                        damaged = np.zeros(wrong.shape, bool) if task.damaged is None else task.damaged
                        found = float(wrong[damaged].mean()) if damaged.any() else float("nan")
                        yield name, scale, kind, found, float(wrong[~damaged].mean())


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    rows: dict[str, dict[tuple[str, int], list[tuple[float, float]]]] = {}
    with torch.inference_mode():
        for name, scale, kind, found, beyond in figures(parser.parse_args().size):
            rows.setdefault(name, {}).setdefault((kind, scale), []).append((found, beyond))
    sys.stdout.write(
        "| variant | " + " | ".join((*KINDS, "beyond", "undamaged")) + " |\n" + "|---" * (3 + len(KINDS)) + "|\n"
    )
    for name, its in rows.items():
        cells = [" / ".join(f"{100 * np.mean([f for f, _ in its[kind, s]]):.0f}" for s in (4, 2)) for kind in KINDS]
        outside = (100 * np.mean([b for kind in KINDS for _, b in its[kind, s]]) for s in (4, 2))
        unharmed = (100 * np.mean([b for _, b in its["", s]]) for s in (4, 2))
        cells += [" / ".join(f"{x:.1f}" for x in some) for some in (outside, unharmed)]
        sys.stdout.write(f"| {name} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
