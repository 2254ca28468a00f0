"""Twins in a section like magnesium: how much of the boundary length they are, with a 90 % interval."""

from __future__ import annotations

from pathlib import Path

import common
import grainlight as gl
from grainlight.evaluation.degrade import degrade
from grainlight.grains.grain_map import find_grains
from grainlight.maps.phase import Phase
from grainlight.report.grain_picture import plot_grains

MAGNESIUM = Phase(1, "Magnesium", "6/mmm", 3.209, 3.209, 5.211, 90.0, 90.0, 120.0)


def main(folder: Path) -> list[str]:
    """Write twins.png; return what was found."""
    full = gl.synthetic_section(30, "twinned", (81, 81), 22.0, common.STEP).replace(phases=(MAGNESIUM,))
    task = degrade(full, scale=4, level="corrupted", seed=30, metal="Mg")

    result = gl.enhance(task.coarse, task.stack, scale=4, samples=4)
    restored = find_grains(result.map, result.samples, minimum_pixels=16)
    truth = find_grains(full.replace(quaternions=task.truth), minimum_pixels=16)
    coarse = find_grains(task.coarse, minimum_pixels=1)

    figure, axes = common.canvas(3, task.truth.shape[:2], 3.6)
    for ax, title, found in zip(axes, ("measured", "restored", "truth"), (coarse, restored, truth), strict=True):
        plot_grains(found, ax)
        ax.set_title(f"{title}: {len(found.grains)} grains")
    common.save(figure, folder / "twins.png")

    share, true = restored.figures["twin_fraction"], truth.figures["twin_fraction"].value
    return [
        f"twin boundaries, share of the boundary length: restored {100 * share.value:.0f} % "
        f"(90 %: {100 * share.low:.0f} to {100 * share.high:.0f} %), truth {100 * true:.0f} %"
    ]


if __name__ == "__main__":
    common.run(main)
