"""One polarized-light image at an unknown setting: less than a stack, more than nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import common
import grainlight as gl
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.metrics import score
from grainlight.report.light_view import grey
from grainlight.report.panels import draw_scale_bar, extent_of, show


def main(folder: Path) -> list[str]:
    """Write one_image.png; return what was found."""
    full = gl.synthetic_section(21, "equiaxed", (81, 81), 18.0, common.STEP)
    task = degrade(full, scale=4, level="clean", seed=21)
    assert task.stack is not None  # a level was given
    one = replace(task.stack, images=task.stack.images[3:4], angles=np.array([np.nan]))

    with_image = gl.enhance(task.coarse, one, scale=4, quality="fast", register="none")
    without = gl.enhance(task.coarse, scale=4, quality="fast")

    figure, axes = common.canvas(4, task.truth.shape[:2], 2.9)
    edges = extent_of(full.shape, full.step)
    gl.plot_ipf(task.coarse, axes[0], title="measured")
    show(axes[1], np.repeat(grey(one.images[0])[..., None], 3, axis=-1), edges, "one image")
    draw_scale_bar(axes[1], edges)
    gl.plot_ipf(without, axes[2], title="restored without it")
    gl.plot_ipf(with_image, axes[3], title="restored with it")
    common.save(figure, folder / "one_image.png")

    lines = []
    for name, result in (("without light", without), ("with one image", with_image)):
        found = score(result.map.quaternions, task.truth, task.measured)
        lines.append(
            f"{name}: {100 * found.over_5:.1f} % of the unmeasured pixels off by more than 5 degrees, "
            f"boundary edges F1 {found.edge_f1:.2f}"
        )
    return lines


if __name__ == "__main__":
    common.run(main)
