"""A picture of samples side by side: orientation colours above, the light of each below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import Direction
from grainlight.report.plots import plot_ipf

MOST = 8
"""Samples that are shown."""


def draw_samples(
    samples: Sequence[tuple[OrientationMap, LightStack]], path: str | Path, *, direction: Direction = "Z"
) -> Path:
    """Draw up to eight samples with their light, the images' mean over the angles, into a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = samples[:MOST]
    figure = Figure(figsize=(max(3.2 * len(shown), 5.0), 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(shown), squeeze=False)
    for number, (section, light) in enumerate(shown):
        plot_ipf(section, panels[0, number], direction, title=f"sample {number + 1}")
        panels[1, number].imshow(light.images[0], cmap="gray")
        panels[1, number].set_title(f"light at {light.angles[0]:g} deg", fontsize=9)
        panels[1, number].set_axis_off()
    with atomic_path(Path(path)) as file:
        figure.savefig(file, dpi=100, format="png")
    return Path(path)
