"""A coarse map of a titanium section: every fourth point measured, corrupted polarized light, restored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import common
import grainlight as gl
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import degrade


def main(folder: Path) -> list[str]:
    """Write coarse_section.png; return what was found."""
    full = gl.synthetic_section(11, "equiaxed", (81, 81), 16.0, common.STEP)
    task = degrade(full, scale=4, level="corrupted", seed=11)

    result = gl.enhance(task.coarse, task.stack, scale=4)

    figure, axes = common.canvas(4, task.truth.shape[:2], 2.9)
    gl.plot_ipf(task.coarse, axes[0], title="measured")
    gl.plot_ipf(result, axes[1], title="restored")
    result.plot_boundaries(axes[2])
    result.plot_uncertainty(axes[3])
    common.save(figure, folder / "coarse_section.png")

    copied = full.replace(quaternions=nearest(task.quaternions, task.measured))
    return [
        f"measured: {100 * np.mean(task.measured):.0f} % of the pixels",
        f"off by more than 5 degrees: nearest neighbour {100 * common.share_off(copied, task):.1f} %, "
        f"restored {100 * common.share_off(result.map, task):.1f} %",
    ]


if __name__ == "__main__":
    common.run(main)
