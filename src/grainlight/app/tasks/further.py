"""Further EBSD files of a field, and a calibration of a specimen: what was understood of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grainlight.app.choices import EbsdChoice, FurtherChoice
from grainlight.app.tasks.cards import loaded_map
from grainlight.progress import Progress

if TYPE_CHECKING:
    from grainlight.maps.orientation_map import OrientationMap


@lru_cache(maxsize=1)
def loaded_further(choice: FurtherChoice, ebsd: EbsdChoice) -> tuple[OrientationMap, ...]:
    """Read further maps, or take them from memory."""
    return tuple(choice.load(ebsd))


def task_further(folder: Path, progress: Progress, ebsd: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Read further maps of a field; return what each holds, and how many of its points lie in the field."""
    from grainlight.maps.suspect import suspicions

    read = EbsdChoice(**ebsd)
    first, given = loaded_map(read), FurtherChoice.from_record(choice)
    maps = []
    for shown, one in zip(given.shown, loaded_further(given, read), strict=True):
        inside = _inside(first, one)
        problems = suspicions(one)
        if not inside:
            problems = ["No indexed point of it lies in the field of the map: it cannot be used.", *problems]
        maps.append(
            {
                "name": shown,
                "format": one.source,
                "grid": one.grid,
                "rows": one.shape[0],
                "columns": one.shape[1],
                "points": int(one.present.sum()),
                "step": list(one.step),
                "indexed": int(one.indexed.sum()),
                "inside": inside,
                "problems": problems,
            }
        )
    return {"maps": maps}


def _inside(first: OrientationMap, other: OrientationMap) -> int:
    """How many indexed points of a map lie in the field of the first, within half a step of its outermost points."""
    x = other.x[other.indexed] + other.origin[0] - first.origin[0]
    y = other.y[other.indexed] + other.origin[1] - first.origin[1]
    at = first.present
    across, down = (0.5 * step for step in first.step)
    within = (x >= first.x[at].min() - across) & (x <= first.x[at].max() + across)
    return int(np.count_nonzero(within & (y >= first.y[at].min() - down) & (y <= first.y[at].max() + down)))


def task_calibration(folder: Path, progress: Progress, file: str) -> dict[str, Any]:
    """Read a calibration; return the factor of the bounds, and what it was found for."""
    from grainlight.restore.uncertainty.calibration_file import load_calibration

    found = load_calibration(file)
    return {"factor": found.factor, "scale": found.scale, "with_light": found.with_light}
