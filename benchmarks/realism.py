"""Synthetic families beside real maps: `python -m benchmarks.realism MAP ... --figure docs/realism.png`.

Prints which statistic of which map lies outside the range of all families. The ranges of `synth` are to be wide enough
to hold hexagonal metals at large; they are not to be fitted to these maps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.microstructure import BINS, TITLES, Microstructure, describe
from grainlight.errors import InputError
from grainlight.evaluation.reference_map import FIRST_SEED, SIZE
from grainlight.evaluation.scenario import Scenario
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

EACH = 24
FIRST = FIRST_SEED + 200_000
"""First seed of the sections, apart from those of the evaluation."""
NOISE = (0.3, 0.7)
"""Degrees (rms) of the noise added to sections: real maps hold some, and it counts inside grains."""
_FEWEST = 400  # points below which a map says little
_RARE = 1 / 30
_LOG = ("grain_size", "neighbour_spread", "neighbour_tail", "grain_spread")

Families = Mapping[str, Sequence[Microstructure]]


def families(each: int = EACH, size: int = SIZE) -> dict[str, list[Microstructure]]:
    """Return the statistics of ``each`` sections of every family, with grain sizes as in training, and noise."""
    from grainlight.synth.draw import Draw
    from grainlight.synth.families import FAMILIES
    from grainlight.synth.section import make_sections
    from grainlight.training.stream import SIZE_RANGES, SIZE_SHARES

    found: dict[str, list[Microstructure]] = {}
    for f, family in enumerate(FAMILIES):
        draw = Draw.seeded(FIRST + f)
        rng = np.random.default_rng(f)
        found[family] = []
        for number in range(each):
            sizes = SIZE_RANGES[rng.choice(len(SIZE_RANGES), p=SIZE_SHARES)]
            q = make_sections(draw, 1, (size, size), sizes, family).orientation[0].double().numpy()
            full = OrientationMap.from_quaternions(q, (1.0, 1.0), (Phase(1, "metal", "6/mmm"),))
            noisy = Scenario(1, None, noise=float(rng.uniform(*NOISE))).degrade(full, number).coarse
            found[family].append(describe(noisy))
    return found


def real(files: Sequence[str]) -> dict[str, Microstructure]:
    """Return the statistics of maps by name.

    Parameters
    ----------
    files
        Each a path, or NAME=PATH.

    Raises
    ------
    InputError
        If a file cannot be read, or has too few points of a 6/mmm phase on a square grid to say much.
    """
    return {name: describe(full) for name, full in real_maps(files).items()}


def real_maps(files: Sequence[str]) -> dict[str, OrientationMap]:
    """Return the maps themselves by name, as `real` takes them and with what it raises."""
    from grainlight.maps.io import load_ebsd

    found = {}
    for file in files:
        name, _, path = file.rpartition("=")
        full = load_ebsd(path)
        points = int(full.is_6mmm.sum())
        if full.grid != "square" or points < _FEWEST:
            raise InputError(
                "the map says too little of its microstructure",
                file=path,
                found=f"{points} points of a 6/mmm phase on a {full.grid} grid",
                expected=f"{_FEWEST} or more on a square grid",
            )
        found[name or Path(path).stem] = full
    return found


def outside(maps: Mapping[str, Microstructure], made: Families) -> list[str]:
    """Return a sentence per statistic of a real map that no section, or hardly one in thirty, reaches."""
    sections = [one for many in made.values() for one in many]
    lines = []
    for name, title in TITLES.items():
        values = np.array([getattr(one, name) for one in sections])
        for label, one in maps.items():
            value = getattr(one, name)
            beyond = min((values >= value).mean(), (values <= value).mean())
            if beyond < _RARE:
                found = (
                    f"{label}: {title} is {value:.3g}; sections have {np.nanmin(values):.3g} to {np.nanmax(values):.3g}"
                )
                lines.append(found + (f", {100 * beyond:.1f} % of them reach it" if beyond else ""))
    shares = np.array([one.disorientations for one in sections])
    for label, one in maps.items():
        for k, share in enumerate(one.disorientations):
            if share > shares[:, k].max() + 0.01:
                lines.append(
                    f"{label}: {100 * share:.0f} % of the boundaries have {BINS[k]:g} to {BINS[k + 1]:g} deg; "
                    f"sections have up to {100 * shares[:, k].max():.0f} %"
                )
    return lines


def likeness(maps: Mapping[str, Microstructure], made: Families) -> list[str]:
    """Return a sentence per real map: how near the nearest section is in all statistics at once.

    Distances are root-mean-square over the statistics, each in standard deviations over all sections (logarithms where
    the figure has a logarithmic axis); a section's own nearest neighbour is what to compare with.
    """

    def rows(many: Iterable[Microstructure]) -> np.ndarray:
        values = np.array([[getattr(one, name) for name in TITLES] for one in many])
        logarithmic = [name in _LOG for name in TITLES]
        return np.where(logarithmic, np.log(np.maximum(values, 1e-3)), values)

    names = [family for family, many in made.items() for _ in many]
    sections = rows(one for many in made.values() for one in many)
    scale = sections.std(axis=0)

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sqrt((((a[:, None] - b[None]) / scale) ** 2).mean(axis=-1))

    among = apart(sections, sections) + np.where(np.eye(len(sections)), np.inf, 0.0)
    usual = np.quantile(among.min(axis=1), (0.5, 0.95))
    distance = apart(rows(maps.values()), sections) if maps else np.empty((0, len(sections)))
    return [
        f"{label}: the nearest section ({names[int(d.argmin())]}) is {d.min():.2f} standard deviations away; "
        f"sections are {usual[0]:.2f} from their nearest, 95 % under {usual[1]:.2f}"
        for label, d in zip(maps, distance, strict=True)
    ]


def markdown(maps: Mapping[str, Microstructure], made: Families) -> str:
    """Return a Markdown table: 5 %, 50 % and 95 % quantiles of each family, and every real map."""
    lines = ["| | " + " | ".join(TITLES.values()) + " |", "|" + "---|" * (len(TITLES) + 1)]
    for family, many in made.items():
        cells = []
        for name in TITLES:
            low, middle, high = np.nanquantile([getattr(one, name) for one in many], (0.05, 0.5, 0.95))
            cells.append(f"{low:.2f} - {middle:.2f} - {high:.2f}")
        lines.append(f"| {family} | " + " | ".join(cells) + " |")
    for label, one in maps.items():
        lines.append(f"| **{label}** | " + " | ".join(f"{getattr(one, name):.2f}" for name in TITLES) + " |")
    return "\n".join(lines) + "\n"


def draw(maps: Mapping[str, Microstructure], made: Families, path: Path) -> None:
    """Draw every statistic, a dot per section and a line per real map, and the disorientations of boundaries; PNG."""
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    from grainlight.maps.io.shared.atomic import atomic_path

    figure = Figure(figsize=(11.5, 7.0), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(3, 3)
    colours = {label: colormaps["tab10"](k % 10) for k, label in enumerate(maps)}
    rng = np.random.default_rng(0)
    for axes, (name, title) in zip(grid.flat, TITLES.items(), strict=False):
        for place, many in enumerate(made.values()):
            values = [getattr(one, name) for one in many]
            axes.plot(place + rng.uniform(-0.25, 0.25, len(values)), values, ".", color="0.55", ms=4)
        for label, one in maps.items():
            axes.axhline(getattr(one, name), color=colours[label], lw=1.3)
        axes.set_title(title, fontsize=9)
        axes.set_xticks(range(len(made)), list(made), fontsize=7, rotation=20)
        axes.tick_params(axis="y", labelsize=7)
        if name in _LOG:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.yaxis.set_minor_formatter(NullFormatter())
    axes = grid.flat[-1]
    middle = (BINS[:-1] + BINS[1:]) / 2
    every = np.array([one.disorientations for many in made.values() for one in many])
    low, high = np.quantile(every, (0.05, 0.95), axis=0)
    axes.fill_between(middle, low, high, color="0.85", label="synthetic, 5 to 95 %")
    axes.plot(middle, every.mean(axis=0), color="0.4", lw=1, label="synthetic, mean")
    for label, one in maps.items():
        axes.plot(middle, one.disorientations, color=colours[label], lw=1.3, label=label)
    axes.set_title("boundary length per 5 deg of disorientation", fontsize=9)
    axes.tick_params(labelsize=7)
    handles, labels = axes.get_legend_handles_labels()
    dot = grid.flat[0].lines[0]
    figure.legend(
        [dot, *handles],
        ["a synthetic section", *labels],
        loc="outside lower center",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    with atomic_path(path) as file:
        figure.savefig(file, dpi=90, format="png")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table and what lies outside to standard output, and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", nargs="*", metavar="[NAME=]MAP")
    parser.add_argument("--each", type=int, default=EACH, help="sections of each family")
    parser.add_argument("--size", type=int, default=SIZE, help="rows and columns of a section")
    parser.add_argument("--figure", type=Path, help="PNG file to draw")
    given = parser.parse_args(argv)
    maps, made = real(given.maps), families(given.each, given.size)
    lines = [f"beyond: {line}" for line in outside(maps, made)] + likeness(maps, made)
    sys.stdout.write(markdown(maps, made) + "\n" + "".join(line + "\n" for line in lines))
    if given.figure is not None:
        draw(maps, made, given.figure)


if __name__ == "__main__":
    main()
