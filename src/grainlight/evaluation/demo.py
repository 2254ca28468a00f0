"""The demo: a synthetic section as the files that a user would have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from grainlight.evaluation.degrade import Task

SIZE = (161, 161)
GRAIN_SIZE = 18.0
STEP = 0.5
SCALE = 4
ANGLES = "0:180:10"


@dataclass(frozen=True)
class Demo:
    """The demo section: the ``full`` map, the ``task`` made from it, and the files of both and of the light."""

    full: OrientationMap
    task: Task
    full_file: Path
    coarse_file: Path
    light_file: Path


def write_demo(folder: Path, seed: int = 0, family: str | None = None) -> Demo:
    """Write a titanium section, its EBSD map at every 4th point and its corrupted light into a folder.

    Parameters
    ----------
    folder
        Receives full.ang, coarse.ang and light.tif.
    seed
        Same seed, same section.
    family
        Kind of microstructure, as for `grainlight.synthetic_section`.
    """
    from grainlight.evaluation.degrade import degrade
    from grainlight.maps.io import save_ebsd
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.maps.io.tiff.stack import write_tiff_stack
    from grainlight.synth.section_map import synthetic_section

    full = synthetic_section(seed, family, SIZE, GRAIN_SIZE, STEP)
    task = degrade(full, scale=SCALE, level="corrupted", seed=seed)
    assert task.stack is not None  # a level was given
    full_file, coarse_file, light_file = (folder / name for name in ("full.ang", "coarse.ang", "light.tif"))
    full = full.cropped(*task.truth.shape[:2])
    made = {"made": "synthetic"}
    save_ebsd(full, full_file, record=made)
    save_ebsd(task.coarse, coarse_file, record=made)
    with atomic_path(light_file) as file:
        write_tiff_stack(file, task.stack.images.astype("uint16"), STEP)
    return Demo(full, task, full_file, coarse_file, light_file)
