"""Methods side by side on degraded copies of a full map, and their table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.benchmark.degrade import LEVELS, Level, Task, degrade
from grainlight.benchmark.guided_copy import guided_copy
from grainlight.benchmark.half_quadratic import half_quadratic
from grainlight.benchmark.metrics import Scores, score
from grainlight.benchmark.nearest import nearest
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent

Array = NDArray[np.float64]
Method = Callable[[Task], Array]
"""Takes a task and returns the restored orientations (H, W, 4) in frame S, X along a."""


@dataclass(frozen=True)
class Row:
    """One method on one task."""

    method: str
    scale: int
    level: Level | None
    seed: int
    scores: Scores
    seconds: float

    def cells(self) -> dict[str, str]:
        """Return the row of a table, by column title."""
        task = {"scale": str(self.scale), "PL": self.level or "none", "method": self.method}
        return task | self.scores.row() | {"seconds": f"{self.seconds:.1f}"}


def _nearest(task: Task) -> Array:
    return nearest(task.quaternions, task.measured)


def _half_quadratic(task: Task) -> Array:
    return half_quadratic(task.quaternions, task.measured)


def _guided(denoise: bool) -> Method:
    def method(task: Task) -> Array:
        if task.light is None or task.sigma is None:
            raise InputError("the guided copy needs light", advice="choose the level clean or corrupted")
        return guided_copy(task.quaternions, task.measured, task.light, task.sigma, denoise=denoise)

    return method


BLIND: Mapping[str, Method] = {"nearest": _nearest, "half-quadratic": _half_quadratic}
"""Methods that use EBSD alone."""
GUIDED: Mapping[str, Method] = {"guided copy": _guided(False), "guided copy, denoised light": _guided(True)}
"""Methods that need light."""
BASELINES: Mapping[str, Method] = {**BLIND, **GUIDED}


def restoration(
    quality: str = "balanced", *, weights: Path | None = None, device: str = "auto", seed: int = 0
) -> Method:
    """Return the method of this project, `restore.enhance`, as the benchmark runs methods.

    Parameters
    ----------
    quality
        "fast", "balanced" or "best".
    weights
        A file of weights; the shipped ones by default.
    device
        "auto", "cpu" or "cuda".
    seed
        Of the sampler.
    """

    def method(task: Task) -> Array:
        from grainlight.restore.enhance import enhance
        from grainlight.restore.settings import Settings

        settings = Settings(scale=task.scale, quality=quality, weights=weights, device=device, seed=seed)
        found = enhance(task.coarse, task.stack, settings).map
        found = found.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
        rows, cols = task.measured.shape
        return found.quaternions[:rows, :cols]

    return method


def has_weights(path: Path | None = None) -> bool:
    """Return whether there are weights to restore with: the given file, or the shipped one."""
    from grainlight.diffusion.checkpoint import SHIPPED

    return (path or SHIPPED).is_file()


def run(task: Task, methods: Mapping[str, Method], *, seed: int = 0, progress: Progress | None = None) -> list[Row]:
    """Run methods on a task and score them; ``seed`` is only written down."""
    progress = progress or Silent()
    rows = []
    for name, method in methods.items():
        began = time.perf_counter()
        restored = method(task)
        seconds = time.perf_counter() - began
        scores = score(restored, task.truth, task.measured, task.valid)
        rows.append(Row(name, task.scale, task.level, seed, scores, seconds))
        progress.advance()
    return rows


def compare(
    full: OrientationMap,
    scale: int,
    level: Level | None = "corrupted",
    seed: int = 0,
    methods: Mapping[str, Method] | None = None,
    *,
    noise_deg: float = 0.5,
    progress: Progress | None = None,
) -> list[Row]:
    """Degrade a full map and run methods on it.

    Parameters
    ----------
    full, scale, level, seed, noise_deg
        As for `degrade`.
    methods
        By name; by default every baseline that the level allows.

    Returns
    -------
    A row per method, in their order.
    """
    if methods is None:
        methods = BASELINES if level is not None else BLIND
    task = degrade(full, scale=scale, level=level, seed=seed, noise_deg=noise_deg)
    return run(task, methods, seed=seed, progress=progress)


def evaluate(
    map_path: Path | str,
    scales: Sequence[int] = (2, 4),
    levels: Sequence[Level | None] = LEVELS,
    quality: str | None = "balanced",
    *,
    seed: int = 0,
    noise_deg: float = 0.5,
    weights: Path | None = None,
    device: str = "auto",
    frame: SampleFrame | str | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Compare this project with classical methods on degraded copies of a full map.

    Parameters
    ----------
    map_path
        A full .ang or .ctf file of a hexagonal metal, taken as the truth.
    scales, levels
        Every scale is run with every level; a level of None is EBSD alone.
    quality
        Of the restoration; None leaves it out and runs the baselines only.
    seed, noise_deg
        As for `degrade`.
    weights, device
        As for `restoration`.
    frame
        Sample frame of the file, as for `load_ebsd`.
    progress
        One stage of as many units as rows.

    Raises
    ------
    InputError
        If the file cannot be used, or there are no weights to restore with.
    """
    from grainlight.maps.io import load_ebsd

    full = load_ebsd(map_path, frame)
    ours: dict[str, Method] = {}
    if quality is not None:
        if not has_weights(weights):
            raise InputError("there are no weights to restore with", file=weights, advice="compare the baselines only")
        ours[f"grainlight, {quality}"] = restoration(quality, weights=weights, device=device, seed=seed)
    progress = progress or Silent()
    jobs = [(scale, level, (BASELINES if level else BLIND) | ours) for scale in scales for level in levels]
    progress.begin("compare", sum(len(methods) for _, _, methods in jobs))
    rows = []
    for scale, level, methods in jobs:
        rows += compare(full, scale, level, seed, methods, noise_deg=noise_deg, progress=progress)
    return rows


COLUMNS = ("> 5 deg", "near boundaries > 5 deg", "median, deg", "measured median, deg", "edge F1")
"""What a table shows unless told; the titles of `Scores.row`."""


def markdown(rows: Iterable[Row], columns: Sequence[str] | None = COLUMNS) -> str:
    """Return a Markdown table of rows with these columns of `Scores.row`; None for all."""
    lines = [row.cells() for row in rows]
    if not lines:
        return ""
    shown = list(lines[0]) if columns is None else ["scale", "PL", "method", *columns, "seconds"]
    table = ["| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    return "\n".join(table + ["| " + " | ".join(line[title] for title in shown) + " |" for line in lines]) + "\n"
