"""What the examples share: a canvas, a small PNG, and the comparison with the truth that only synthetic data have."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.metrics import disorientation
from grainlight.maps.orientation_map import OrientationMap

STEP = 0.5  # um


def canvas(panels: int, shape: tuple[int, int], wide: float = 3.1) -> tuple[Figure, list]:
    """A figure with maps of a shape (rows, columns) side by side, and their axes."""
    figure = Figure(figsize=(wide * panels, 0.92 * wide * shape[0] / shape[1] + 0.3), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, panels)))


def save(figure: Figure, path: Path, dpi: int = 96) -> None:
    """Write a figure as a small PNG of 256 colours."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(stream, format="png", dpi=dpi)
    image = Image.open(stream).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def share_off(restored: OrientationMap, task: Task, degrees: float = 5.0) -> float:
    """Share of all pixels that are off by more than so many degrees; both maps are in frame S, X along a."""
    return float(np.mean(disorientation(restored.quaternions, task.truth) > degrees))


def run(main: Callable[[Path], list[str]]) -> None:
    """Run an example from the command line: the folder of its picture is the first argument, by default here."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    for line in main(folder):
        print(line)
