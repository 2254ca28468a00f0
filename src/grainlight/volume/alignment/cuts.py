"""Two planes across the sections of a volume, by their light, before and after alignment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.volume.alignment.pattern import Pattern

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110


@dataclass(frozen=True, eq=False)
class View:
    """Light of a section as it is shown: ``image`` (H, W, 3) uint8, ``step`` and ``origin`` in um."""

    image: NDArray[np.uint8]
    step: float
    origin: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Cuts:
    """Light across the sections.

    ``xz`` and ``yz``: (2, Z, N, 3) uint8, before and after, along x and along y through the middle of the volume's
    frame; black where no light is. ``z`` (Z,) um, ``step`` um along x and y.
    """

    xz: NDArray[np.uint8]
    yz: NDArray[np.uint8]
    z: NDArray[np.float64]
    step: float


def view_of(pattern: Pattern) -> View:
    """Return a section's light in colours: A0 in red, the directions of A2 (of A0 without) in green and blue."""
    weighted = pattern.weighted
    chosen = weighted[:3] if pattern.determined else np.repeat(weighted[:1], 3, 0)
    level = 1 + 254 * np.clip((chosen + 2.0) / 4.0, 0.0, 1.0)
    return View(np.moveaxis(level, 0, -1).astype(np.uint8), pattern.step, pattern.origin)


def cut_views(views: list[View | None], z: NDArray[np.float64], shifts: NDArray[np.float64]) -> Cuts | None:
    """Cut the light of sections along x and y before and after they are shifted by (Z, 2) um; None without light."""
    first = next((view for view in views if view is not None), None)
    if first is None:
        return None
    rows, columns = first.image.shape[:2]
    x = first.origin[0] + first.step * np.arange(columns)
    y = first.origin[1] + first.step * np.arange(rows)
    xz = np.zeros((2, len(z), columns, 3), dtype=np.uint8)
    yz = np.zeros((2, len(z), rows, 3), dtype=np.uint8)
    for k, view in enumerate(views):
        if view is None:
            continue
        for after, shift in enumerate((np.zeros(2), shifts[k])):
            xz[after, k] = _sampled(view, x - shift[0], np.full(columns, y[rows // 2] - shift[1]))
            yz[after, k] = _sampled(view, np.full(rows, x[columns // 2] - shift[0]), y - shift[1])
    return Cuts(xz, yz, z, first.step)


def _sampled(view: View, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
    at = np.stack(((y - view.origin[1]) / view.step, (x - view.origin[0]) / view.step))
    channels = [map_coordinates(view.image[..., c], at, order=1, mode="constant", cval=0) for c in range(3)]
    return np.stack(channels, -1)


def cuts_figure(cuts: Cuts) -> Figure:
    """Return the figure of `draw_cuts`, free of pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 7.0))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(2, 2)
    edges = np.concatenate(([cuts.z[0]], (cuts.z[1:] + cuts.z[:-1]) / 2, [cuts.z[-1]]))
    if len(cuts.z) > 1:
        edges[0] -= edges[1] - cuts.z[0]
        edges[-1] += cuts.z[-1] - edges[-2]
    else:
        edges = cuts.z[0] + np.array([-0.5, 0.5]) * cuts.step
    for row, (name, planes) in enumerate((("x", cuts.xz), ("y", cuts.yz))):
        along = cuts.step * (np.arange(planes.shape[2] + 1) - 0.5)
        for after, axes in enumerate(panels[row]):
            axes.pcolormesh(along, edges, planes[after], rasterized=True)
            axes.set_title(f"{name}-z, {'aligned' if after else 'as taken'}")
            axes.set_xlabel(f"{name} (um)")
            axes.set_ylabel("z (um)")
    return figure


def draw_cuts(cuts: Cuts, path: str | Path) -> Path:
    """Draw the light across the sections before and after alignment into a PNG file.

    Raises
    ------
    InputError
        If the folder is missing or not writable, or the name is no PNG's.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError("the picture is no PNG", file=path, expected="a name that ends in .png")
    figure = cuts_figure(cuts)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=_DPI)
    return path
