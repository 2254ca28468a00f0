"""Polarized light from EBSD: no image was taken, and the harmonics of the light come out all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import common
import grainlight as gl
from grainlight.crystal.euler import c_axis
from grainlight.evaluation.degrade import degrade
from grainlight.optics.forward.curves import IDEAL
from grainlight.report.light_view import grey
from grainlight.report.panels import draw_scale_bar, extent_of, show


def main(folder: Path) -> list[str]:
    """Write light_from_ebsd.png; return what was found."""
    full = gl.synthetic_section(8, "twinned", (72, 72), 18.0, common.STEP)
    task = degrade(full, scale=1, level=None, seed=8)

    result = gl.enhance(task.coarse, scale=1, quality="fast")

    expected = IDEAL.of_axes(torch.from_numpy(c_axis(task.truth))).numpy()
    figure, axes = common.canvas(4, task.truth.shape[:2], 2.9)
    gl.plot_ipf(task.coarse, axes[0], title="EBSD")
    edges = extent_of(full.shape, full.step)
    for ax, title, image in zip(
        axes[1:],
        ("light from EBSD, sin 2θ", "light from EBSD, cos 4θ", "cos 4θ of the true c-axes"),
        (result.light[2], result.light[3], expected[3]),
        strict=True,
    ):
        show(ax, np.repeat(grey(image, (-1.0, 1.0))[..., None], 3, axis=-1), edges, title)
        draw_scale_bar(ax, edges)
    common.save(figure, folder / "light_from_ebsd.png")

    names = ("A0", "A2 cos", "A2 sin", "A4 cos", "A4 sin")
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(result.light, expected, strict=True)]
    return [f"{n}: correlation with the light of the true c-axes {c:.3f}" for n, c in zip(names, alike, strict=True)]


if __name__ == "__main__":
    common.run(main)
