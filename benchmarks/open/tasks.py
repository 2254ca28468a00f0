"""The tasks of the open benchmark, and their files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.evaluation.reference_map import validation_section
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.io.tiff.stack import write_tiff_stack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.synth.families import FAMILIES

VERSION = "1"
"""Of the tasks and the metrics: scores of one version are compared with each other only."""
SIZE = 97
KINDS: tuple[tuple[int, Level | None], ...] = (
    (2, None),
    (4, None),
    (2, "corrupted"),
    (4, "corrupted"),
    (4, "severe"),
    (8, "corrupted"),
)
"""Scale and level of the light; every kind on one section of every family, and on every map."""
MAPS = {
    "Ti64-200x200.ang": "683aae30",
    "Ti_ebsd_demo_joao.h5": "c106df94",
}
"""Real maps that belong to the benchmark, by the first digits of their SHA-256; where they come from is in the page."""


@dataclass(frozen=True, eq=False)
class Named:
    """A task by its name, of a ``group`` (a kind), on a ``full`` map."""

    name: str
    group: str
    full: OrientationMap
    scale: int
    level: Level | None
    seed: int

    def make(self) -> Task:
        """Degrade the map."""
        rows, columns = ((n - 1) // self.scale * self.scale + 1 for n in self.full.shape)
        return degrade(self.full.cropped(rows, columns), scale=self.scale, level=self.level, seed=self.seed)


def all_tasks(maps: list[Path]) -> list[Named]:
    """Return the tasks on synthetic sections, and on maps where some are given."""
    found = []
    for k, (scale, level) in enumerate(KINDS):
        light = level or "no_light"
        group = f"scale {scale}, {f'{level} light' if level else 'no light'}"
        for f, family in enumerate(FAMILIES):
            full = validation_section(family, (k + f) % 8, SIZE).full
            found.append(Named(f"scale{scale}_{light}_{family}", group, full, scale, level, 1000 + 10 * k + f))
        for path in maps:
            name = f"scale{scale}_{light}_{path.stem}"
            found.append(Named(name, group, load_ebsd(path), scale, level, 2000 + k))
    return found


def write_tasks(folder: Path, maps: list[Path]) -> list[Path]:
    """Write what a method is given: coarse map and light images of each task, and a file of what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for named in all_tasks(maps):
        task = named.make()
        files.append(folder / f"{named.name}_coarse.ang")
        save_ebsd(task.coarse, files[-1])
        about = {
            "benchmark": VERSION,
            "scale": task.scale,
            "rows": task.measured.shape[0],
            "columns": task.measured.shape[1],
            "step_um": task.coarse.step[0] / task.scale,
            "frame": "edax2",
        }
        if task.stack is not None:
            files.append(folder / f"{named.name}_light.tif")
            write_tiff_stack(files[-1], np.round(task.stack.images).astype(np.uint16), task.stack.step)
            about |= {"angles_deg": task.stack.angles.tolist(), "saturation": task.stack.saturation}
        files.append(folder / f"{named.name}.json")
        files[-1].write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return files


def sha256(path: Path) -> str:
    """First eight digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
