"""The layers of a result as bytes that a canvas takes, and what is known of a single pixel."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import grainlight
from grainlight.app.tasks.cards import write_array, write_key
from grainlight.grains.grain_map import GrainMap
from grainlight.maps.light_stack import LightStack
from grainlight.progress import Progress
from grainlight.report.findings import has_light
from grainlight.report.viewer.grain_table import grains_record
from grainlight.report.viewer.layers import STEPS, layers_of
from grainlight.report.viewer.pixels import pixel_record
from grainlight.restore.result import Result


def write_layers(
    result: Result, stack: LightStack | None, found: GrainMap, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Write the layers of a result (H, W) into a new folder and return what the viewer needs to know of them.

    A layer is ``rgb``, three bytes a pixel, ``grey``, or ``index``, one byte into its palette; one with a ``left`` side
    is compared with it under a slider. The labels of the grains are four bytes a pixel.
    """
    folder.mkdir()
    progress.begin("drawing the layers", STEPS + 1)
    layers = layers_of(result, stack if has_light(result.record) else None, further=progress.advance)
    for layer in layers:
        for name, image in layer.files().items():
            write_array(folder / name, image)
    labels: NDArray[np.int32] = found.labels.astype(np.int32)
    write_array(folder / "labels", labels)
    write_key(folder)
    (folder.parent / "grains.json").write_text(
        json.dumps(grains_record(found), separators=(",", ":")), encoding="utf-8"
    )
    progress.advance()
    rows, columns = result.map.shape
    return {
        "rows": rows,
        "columns": columns,
        "step": list(result.map.step),
        "layers": [layer.as_record() for layer in layers],
    }


@lru_cache(maxsize=1)
def _result(file: str) -> Result:
    return grainlight.load_result(file)


def task_pixel(folder: Path, progress: Progress, file: str, row: int, column: int) -> dict[str, Any]:
    """Return what is known of a pixel of a result."""
    return pixel_record(_result(file), row, column)
