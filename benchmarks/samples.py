"""Sections drawn from nothing beside those of the training families: `python -m benchmarks.samples [--each 10] [MAPS]`.

Of every family some sections are drawn by the network (`samples.recipe`), and three times as many, of other seeds, made
by the recipe. Printed are means over the sections and Kolmogorov distances of what is distributed: disorientations
across boundaries, chords along rows and columns, angles at triple junctions. What chance does is told by two halves of
the recipe's own sections, and what the network does by the polycrystals whose points it was given. Real maps may be
named to stand beside.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import ks_2samp

from benchmarks.microstructure import describe
from benchmarks.realism import real_maps
from grainlight.crystal.embedding import embed
from grainlight.diffusion.evidence import ideal_light
from grainlight.evaluation.metrics import boundary_edges, disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.samples.recipe import sample_from_nothing
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_sections

FIRST, OTHERS = 61_000, 71_000
"""First seeds of the sections that are drawn, and of those that they are compared with."""
SIZES = (9.0, 36.0)
"""Mean grain diameters in pixels, from the middle of what training met."""
_MORE, _RADIUS = 3, 5
_LEAST = 8  # degrees of a triple junction's disc that a grain takes

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Figures:
    """Of one section: share of neighbours with a ``boundary`` between them; grain diameter in pixels; standard
    deviation of the light (A0, A2, A4) that its orientations show; and samples of chords in pixels, of the
    disorientation of boundary edges and of angles at triple junctions in degrees."""

    boundary: float
    grain_size: float
    light: Array
    chords: Array
    disorientations: Array
    angles: Array


def figures_of(section: OrientationMap) -> Figures:
    """Statistics of a map on a square grid without holes."""
    q = section.quaternions
    right, down = boundary_edges(q)
    about = describe(section)
    across = [disorientation(q[:, :-1], q[:, 1:])[right], disorientation(q[:-1], q[1:])[down]]
    light = ideal_light(embed(torch.from_numpy(np.ascontiguousarray(q)))).reshape(-1, 5).numpy()
    spread = light.std(0)
    groups = np.array([spread[0], np.hypot(spread[1], spread[2]), np.hypot(spread[3], spread[4])])
    chords = np.concatenate([_chords(right), _chords(down.T)])
    return Figures(about.boundary, about.grain_size, groups, chords, np.concatenate(across), _junctions(right, down))


def _chords(edges: NDArray[np.bool_]) -> Array:
    """Lengths in pixels between the boundaries of each row; those that the border cuts are left out."""
    return np.concatenate([np.diff(np.flatnonzero(row)) for row in edges]).astype(float)


def _junctions(right: NDArray[np.bool_], down: NDArray[np.bool_]) -> Array:
    """Angles in degrees of three grains that meet, as their shares of a disc of five pixels around the place.

    Places are corners of four pixels with three boundaries; a disc that holds a fourth grain, or hardly any of one, is
    left out.
    """
    rows, columns = right.shape[0], down.shape[1]
    fine = np.zeros((2 * rows - 1, 2 * columns - 1), dtype=bool)
    fine[::2, ::2] = True
    fine[::2, 1::2], fine[1::2, ::2] = ~right, ~down
    grain = ndimage.label(fine)[0][::2, ::2]
    meets = right[:-1].astype(int) + right[1:] + down[:, :-1] + down[:, 1:]
    y, x = np.mgrid[-_RADIUS + 1 : _RADIUS + 1, -_RADIUS + 1 : _RADIUS + 1] - 0.5
    disc = np.hypot(x, y) <= _RADIUS
    found = []
    for i, j in np.argwhere(meets == 3):
        if not (_RADIUS <= i + 1 <= rows - _RADIUS and _RADIUS <= j + 1 <= columns - _RADIUS):
            continue
        inside = grain[i + 1 - _RADIUS : i + 1 + _RADIUS, j + 1 - _RADIUS : j + 1 + _RADIUS][disc]
        shares = 360 * np.unique(inside, return_counts=True)[1] / disc.sum()
        if len(shares) == 3 and shares.min() >= _LEAST:
            found.append(shares)
    return np.concatenate(found) if found else np.zeros(0)


def sections(each: int, size: int) -> tuple[list[OrientationMap], list[OrientationMap], list[OrientationMap]]:
    """Sections drawn from nothing, those that were asked for points, and ones of other seeds; family by family."""
    prior, drawn, asked, made = load_prior(), [], [], []
    for number in range(each * len(FAMILIES)):
        family = FAMILIES[number % len(FAMILIES)]
        found, recipe = sample_from_nothing(prior, (size, size), FIRST + number, size_range=SIZES, family=family)
        drawn.append(_map(found.quaternions))
        asked.append(_map(recipe))
    for number in range(_MORE * each * len(FAMILIES)):
        family = FAMILIES[number % len(FAMILIES)]
        q = make_sections(Draw.seeded(OTHERS + number), 1, (size, size), SIZES, family).orientation[0]
        made.append(_map(q.double().numpy()))
    return drawn, asked, made


def _map(quaternions: Array) -> OrientationMap:
    return OrientationMap.from_quaternions(quaternions, (1.0, 1.0), (TITANIUM,))


def row(name: str, some: Sequence[Figures], beside: Sequence[Figures] | None) -> str:
    """A line of the table: means, and distances to other sections."""
    boundary, grain = (float(np.mean([getattr(s, f) for s in some])) for f in ("boundary", "grain_size"))
    light = np.mean([s.light for s in some], axis=0)
    chord = np.concatenate([s.chords for s in some]).mean()
    cells = [name, f"{boundary:.3f}", f"{grain:.1f}", f"{chord:.1f}", " ".join(f"{value:.2f}" for value in light)]
    for field in ("disorientations", "chords", "angles"):
        if beside is None:
            cells.append("")
            continue
        one, other = (np.concatenate([getattr(s, field) for s in many]) for many in (some, beside))
        enough = min(len(one), len(other)) > 1
        cells.append(f"{ks_2samp(one, other).statistic:.3f}" if enough else "too few")
    return f"| {' | '.join(cells)} |"


def draw(rows: Mapping[str, Sequence[OrientationMap]], path: Path) -> None:
    """Draw sections, a row for each kind, in orientation colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.report.colours import ipf_colours

    wide = max(map(len, rows.values()))
    figure = Figure(figsize=(1.9 * wide, 2.1 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(rows), wide, squeeze=False)
    for line, (name, many) in zip(panels, rows.items(), strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, section in zip(line, many, strict=False):
            axes.imshow(ipf_colours(section), interpolation="nearest")
        line[0].set_title(name, fontsize=9, loc="left")
    with atomic_path(path) as file:
        figure.savefig(file, dpi=90, format="png")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samples", description=__doc__)
    parser.add_argument("maps", nargs="*", metavar="[NAME=]MAP")
    parser.add_argument("--each", type=int, default=10, help="sections of each family")
    parser.add_argument("--size", type=int, default=112, help="pixels a side")
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    chosen = parser.parse_args(arguments)
    maps = real_maps(chosen.maps)
    drawn, asked, made = sections(chosen.each, chosen.size)
    ours, own, theirs = ([figures_of(one) for one in many] for many in (drawn, asked, made))
    print("| | boundary | grain, px | chord, px | light A0 A2 A4 | disorientations | chords | junctions |")
    print("|---|---|---|---|---|---|---|---|")
    print(row("drawn", ours, theirs))
    print(row("drawn, beside the polycrystals asked", ours, own))
    print(row("the polycrystals asked", own, theirs))
    print(row("training families", theirs, None))
    half = len(theirs) // 2
    print(row("one half of these beside the other", theirs[:half], theirs[half:]))
    for f, family in enumerate(FAMILIES):
        print(row(f"drawn, {family}", ours[f :: len(FAMILIES)], theirs[f :: len(FAMILIES)]))
    for name, one in maps.items():
        print(row(name, [figures_of(one)], None))
    if chosen.figure is not None:
        some = {"drawn from nothing": drawn[: len(FAMILIES)], "synthetic": made[: len(FAMILIES)]}
        size = chosen.size
        parts = [m.cropped(size, size) for m in maps.values()]
        draw(some | ({"real: " + ", ".join(maps): parts} if parts else {}), chosen.figure)


if __name__ == "__main__":
    main()
