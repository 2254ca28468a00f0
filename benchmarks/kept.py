"""What is kept of the light's worth where it has to be registered: ``python -m benchmarks.kept``.

Sections are photographed with corrupted light and scanned askew: 1.5 degrees, 4 %, sheared, with a drift of 1.5 pixels.
Printed are the true and the stated residual of the registration and, where a quality is given, the error near
boundaries by the true place, by the registered one and without light, and which share of the light's gain is kept. A
map is a file, FAMILY:NUMBER of the tuning sections, or FAMILY of those of `benchmarks.registration`, which nothing was
chosen on.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.damage import load_map
from benchmarks.misplaced import Misplaced, askew, misplace
from benchmarks.registration import SYNTHETIC, synthetic_section
from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.evaluation.metrics import score
from grainlight.maps.light_stack import LightStack
from grainlight.register.method import Method
from grainlight.register.register import Registration, register
from grainlight.register.transform import Transform, spline_basis
from grainlight.restore.enhance import enhance
from grainlight.restore.settings import Settings
from grainlight.synth.misregister import draw_misregistration

TUNING = (
    *("equiaxed:2", "equiaxed:3", "equiaxed:4", "equiaxed:7"),
    *("colony:2", "colony:4", "colony:6", "colony:7"),
    *("twinned:2", "twinned:3", "twinned:6", "twinned:7"),
)
_SPLINES = 80


def made(name: str, size: int, scale: int, seed: int, *, drawn: bool = False, blot: int = 0) -> Misplaced:
    """Return a section askew, or misplaced as `draw_misregistration` has it; ``blot``: strength of a dark one."""
    truth = draw_misregistration("corrupted", seed) if drawn else askew(seed)
    full = synthetic_section(name, size) if name in SYNTHETIC else load_map(name, size)
    found = misplace(full, truth, scale=scale, level="corrupted", seed=seed)
    if not blot:
        return found
    spoilt = damage_stack(found.light.images, found.light.angles, Damage("dark", blot, seed))
    return replace(found, light=replace(found.light, images=spoilt.images))


def true_place(task: Misplaced) -> Transform:
    """Return where the light truly lies, to some hundredths of a pixel: splines follow the drift."""
    rows, columns = task.task.measured.shape
    step = task.task.coarse.step[0] / task.task.scale
    y, x = np.meshgrid(np.arange(rows, dtype=float), np.arange(0, columns, 4.0), indexing="ij")
    points = np.stack((x, y), -1).reshape(-1, 2)
    at = task.truth.image_position(torch.from_numpy(points), (rows, columns)).numpy()
    extent = (0.0, 0.0, (columns - 1) * step, (rows - 1) * step)
    shapes = np.concatenate(
        (np.ones((len(points), 1)), points * step, spline_basis(points[:, 1] / (rows - 1), _SPLINES)), 1
    )
    found = np.linalg.solve(shapes.T @ shapes + 1e-4 * np.eye(shapes.shape[1]), shapes.T @ at)
    return Transform(found[1:3].T, found[0], extent, found[3:])


def residual(task: Misplaced, found: Transform) -> float:
    """Return the rms distance [pixels] to the true place."""
    return float(np.sqrt((task.residual(found) ** 2).mean()))


def near(task: Misplaced, light: LightStack | None, placed: Transform | None, quality: str) -> float:
    """Return the percent of pixels near boundaries that are wrong: with light in a place, registered, or without."""
    with TemporaryDirectory() as folder:
        file = None if placed is None else placed.save(Path(folder) / "place.json")
        # a place that is known is not to be improved
        search: Method = "auto" if placed is None else "none"
        settings = Settings(scale=task.task.scale, quality=quality, transform=file, register=search)
        restored = enhance(task.task.coarse, light, settings)
    rows, columns = task.task.measured.shape
    q = restored.map.quaternions[:rows, :columns]
    return 100 * score(q, task.task.truth, task.task.measured, task.task.valid).near_over_5


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--map", action="append", help="the tuning sections if not given")
    parser.add_argument("--size", type=int, default=153, help="rows and columns")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1, help="of the first map")
    parser.add_argument("--drawn", action="store_true", help="turned, mirrored, and with a rough drift too")
    parser.add_argument("--blot", type=int, default=0, choices=(0, 1, 2, 3), help="strength of a dark blot")
    parser.add_argument("--quality", help="restore as well")
    asked = parser.parse_args()
    write = sys.stdout.write
    write("| section | true rms, px | stated, px | freedom | CPU s |" + " near true % | auto % | none % | kept % |\n")
    write("|---" * 9 + "|\n")
    true, stated, kept = [], [], []
    for number, name in enumerate(asked.map or TUNING):
        task = made(name, asked.size, asked.scale, asked.seed + number, drawn=asked.drawn, blot=asked.blot)
        began = time.process_time()
        found: Registration = register(task.task.coarse, task.light, scale=asked.scale)
        seconds = time.process_time() - began
        true.append(residual(task, found.transform))
        stated.append(found.residual)
        cells = [name, f"{true[-1]:.2f}", f"{found.residual:.2f}", found.method, f"{seconds:.1f}"]
        if asked.quality:
            by_truth = near(task, task.light, true_place(task), asked.quality)
            by_auto = near(task, task.light, None, asked.quality)
            unlit = near(task, None, None, asked.quality)
            kept.append(100 * (unlit - by_auto) / (unlit - by_truth))
            cells += [f"{by_truth:.1f}", f"{by_auto:.1f}", f"{unlit:.1f}", f"{kept[-1]:.0f}"]
        write("| " + " | ".join(cells) + " |\n")
        sys.stdout.flush()
    high = sum(value > 0.25 for value in true)
    write(f"\nmean {np.mean(true):.3f}, median {np.median(true):.3f}, largest {max(true):.2f} px, ")
    write(f"{high} of {len(true)} over 0.25; stated {np.mean(stated):.2f} in the mean")
    write(f"; kept {np.mean(kept):.0f} %, at least {min(kept):.0f} %\n" if kept else "\n")


if __name__ == "__main__":
    main()
