"""The whole result of a large map, gathered window by window in temporary files."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.large.windows import Window
from grainlight.restore.result import Result
from grainlight.scratch import empty, release

# Where rows and columns are not the first two axes.
_LAYERS_FIRST = ("light", "samples")
_OF_THE_MAP = ("quaternions", "phase_id")
# An array up to so many bytes stays in memory; there are some twenty arrays.
_SMALLEST = 1 << 22


class Stitcher:
    """Receives the results of windows and gives back the result of the map (H, W)."""

    def __init__(self, rows: int, columns: int) -> None:
        self.shape = rows, columns
        self.arrays: dict[str, NDArray[Any]] = {}

    def put(self, part: Result, window: Window) -> None:
        """Keep the inner pixels of a window's result."""
        for name, values in _arrays(part).items():
            before = 1 if name in _LAYERS_FIRST else 0
            if name not in self.arrays:
                size = (*values.shape[:before], *self.shape, *values.shape[before + 2 :])
                self.arrays[name] = empty(size, values.dtype, _SMALLEST)
            ahead = (slice(None),) * before
            self.arrays[name][*ahead, *window.inner] = values[*ahead, *window.kept]
            release(self.arrays[name])

    def result(
        self, last: Result, points: NDArray[np.float64], origin: tuple[float, float], record: dict[str, Any]
    ) -> Result:
        """Return the whole with the measured ``points`` of all windows (n, 4).

        Frames, phases and step are those of the ``last`` window, which came of the same map.
        """
        layers = {name.removeprefix("field "): a for name, a in self.arrays.items() if name.startswith("field ")}
        found = OrientationMap.from_quaternions(
            self.arrays["quaternions"],
            last.map.step,
            last.map.phases,
            phase_id=self.arrays["phase_id"],
            sample_frame=last.map.sample_frame,
            crystal_frame=last.map.crystal_frame,
            fields=layers,
            source=last.map.source,
        ).replace(origin=origin, path=last.map.path, scan=last.map.scan, sample=last.map.sample)
        rest = {f.name: self.arrays[f.name] for f in fields(Result) if f.name in self.arrays}
        return Result(map=found, measured_points=points, record=record, **rest)


def _arrays(part: Result) -> dict[str, NDArray[Any]]:
    """What a result holds for each pixel, by name."""
    held = {f.name: getattr(part, f.name) for f in fields(Result) if f.name != "measured_points"}
    found = {name: values for name, values in held.items() if isinstance(values, np.ndarray) and values.size}
    found |= {name: getattr(part.map, name) for name in _OF_THE_MAP}
    return found | {f"field {name}": values for name, values in part.map.fields.items()}
