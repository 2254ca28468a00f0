"""A map with holes and misindexed points, no light: what is filled, what is replaced, and how it is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import common
import grainlight as gl
from grainlight.evaluation.degrade import degrade
from grainlight.report.plots import plot_source


def main(folder: Path) -> list[str]:
    """Write holes_and_misindexing.png; return what was found."""
    full = gl.synthetic_section(3, "equiaxed", (72, 72), 17.0, common.STEP)
    task = degrade(full, scale=1, level=None, seed=3, holes=0.1, misindexed=0.04)

    result = gl.enhance(task.coarse, scale=1)

    figure, axes = common.canvas(4, task.truth.shape[:2], 2.9)
    gl.plot_ipf(task.coarse, axes[0], title="measured")
    gl.plot_ipf(result, axes[1], title="restored")
    plot_source(result, axes[2])
    result.plot_uncertainty(axes[3])
    common.save(figure, folder / "holes_and_misindexing.png")

    wrong = task.wrong & task.measured
    found = result.source[wrong] == 2
    right = result.source[task.measured & ~wrong] == 1
    return [
        f"misindexed points that were replaced: {100 * np.mean(found):.0f} % of {wrong.sum()}",
        f"good points that were kept: {100 * np.mean(right):.1f} %",
        f"off by more than 5 degrees, holes included: {100 * common.share_off(result.map, task):.1f} %",
    ]


if __name__ == "__main__":
    common.run(main)
