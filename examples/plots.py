"""The plots of a result into matplotlib axes, one picture each."""

from __future__ import annotations

from pathlib import Path

import common
import grainlight as gl
from grainlight.evaluation.degrade import degrade


def main(folder: Path) -> list[str]:
    """Write plot_ipf.png, plot_boundaries.png and plot_uncertainty.png."""
    full = gl.synthetic_section(12, "twinned", (65, 81), 18.0, common.STEP)
    task = degrade(full, scale=4, level="corrupted", seed=12)
    result = gl.enhance(task.coarse, task.stack, scale=4)
    for name in ("plot_ipf", "plot_boundaries", "plot_uncertainty"):
        figure, (ax,) = common.canvas(1, task.truth.shape[:2], 3.8)
        getattr(result, name)(ax)
        common.save(figure, folder / f"{name}.png")
    return ["plotted"]


if __name__ == "__main__":
    common.run(main)
