"""`grainlight grains`: grains and boundaries of a map as tables, a label image and a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import values
from grainlight.cli.output import check_file, write_text
from grainlight.cli.terminal import note
from grainlight.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grainlight.grains.grain_map import GrainMap
    from grainlight.grains.macrozones.regions import Macrozones
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.report.colours import Direction

_ENDINGS = (".csv", ".tif", ".png")
_SHOWN = ("grains", "interior_grains", "mean_diameter", "mean_aspect", "mean_gos", "twin_fraction", "variant_fraction")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "grains",
        help="grains, boundaries and twins of a map, restored or not",
        description="Divide a map into grains. Writes OUT.csv (a line per grain), OUT_figures.csv (figures of the map "
        "after ASTM E2627), OUT.tif (grain ids, 16 or 32 bits, 0 where there is no grain) and OUT.png (a picture). "
        "From the .npz of `enhance` with two or more samples, figures and grains carry 90 % intervals.",
        allow_abbrev=False,
    )
    command.add_argument("input", metavar="MAP", help="an EBSD map, or the .npz that `enhance` writes")
    command.add_argument("--output", metavar="OUT.csv", help="(default: MAP_grains.csv beside the input)")
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument(
        "--threshold",
        type=values.positive("degrees"),
        metavar="DEG",
        help="misorientation from which neighbours belong to different grains (default: 5)",
    )
    command.add_argument(
        "--minimum-pixels",
        type=values.whole(1),
        metavar="N",
        help="smaller grains join a neighbour of their phase or, without one, are left out (default: 5; of a restored "
        "map the pixels per EBSD point, if more)",
    )
    command.add_argument(
        "--tolerance",
        type=values.positive("degrees"),
        metavar="DEG",
        help="within which a boundary counts as a twin or special one (default: 5)",
    )
    command.add_argument(
        "--variants",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether Burgers variants are looked for in titanium, zirconium and hafnium; auto (default): where the "
        "map has a beta phase, the phase is named as an alloy with beta, or the boundaries show them",
    )
    zones = command.add_argument_group("macrozones")
    zones.add_argument(
        "--macrozones",
        action="store_true",
        help="also find regions of many grains whose c-axes lie close together: OUT_macrozones.csv and .png",
    )
    zones.add_argument(
        "--macrozone-tolerance",
        type=values.positive("degrees"),
        metavar="DEG",
        help="that a grain's c-axis may be off the mean of its macrozone (default: 20; 15 is usual too)",
    )
    zones.add_argument(
        "--macrozone-area",
        type=values.positive("um2", zero=True),
        metavar="UM2",
        help="of the smallest macrozone, which has 3 grains at least (default: 5 mean grain areas)",
    )
    values.add_ipf(command)
    values.add_map(command)
    values.add_part(command)
    values.add_noise(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    source = Path(arguments.input)
    name = arguments.output or source.with_name(f"{source.stem}_grains.csv")
    output = check_file(name, (".csv",), arguments.force, companions=_ENDINGS, inputs=(source,))
    figures = check_file(output.with_name(f"{output.stem}_figures.csv"), (".csv",), arguments.force, inputs=(source,))

    zones = None
    if arguments.macrozones:
        name = output.with_name(f"{output.stem}_macrozones.csv")
        zones = check_file(name, (".csv",), arguments.force, companions=(".png",), inputs=(source,))
    elif arguments.macrozone_tolerance is not None or arguments.macrozone_area is not None:
        raise InputError("options of macrozones say nothing without --macrozones", advice="--macrozones")

    from grainlight.grains.edges import BOUNDARY_ANGLE
    from grainlight.grains.grain_map import find_grains
    from grainlight.grains.special import TOLERANCE
    from grainlight.grains.table import figure_table, grain_table

    ebsd, samples, least, calibrated = _read(source, arguments)
    if not ebsd.indexed.any():
        raise InputError("no point of the map has an orientation", file=source)
    found = find_grains(
        ebsd,
        samples,
        threshold=arguments.threshold or BOUNDARY_ANGLE,
        minimum_pixels=arguments.minimum_pixels or least,
        tolerance=arguments.tolerance or TOLERANCE,
        burgers=arguments.variants,
        calibrated=calibrated,
    )
    write_text(output, grain_table(found))
    write_text(figures, figure_table(found))
    _write_labels(found.labels, output.with_suffix(".tif"))
    _write_picture(found, output.with_suffix(".png"), arguments.ipf)
    for line in _lines(found):
        print(line)
    if zones is not None:
        _write_macrozones(found, samples, zones, arguments)
    print(f"wrote {output}, {figures.name}, {output.stem}.tif and {output.stem}.png")
    return 0


def _read(source: Path, arguments: argparse.Namespace) -> tuple[OrientationMap, NDArray[np.float16] | None, int, bool]:
    """Return the map, its samples where there are some, the pixels of the smallest grain worth the name, and whether
    intervals were fitted for the weights that made it."""
    from grainlight.grains.grain_map import TABLES
    from grainlight.grains.segment import MINIMUM_PIXELS
    from grainlight.restore.points.unsupported import without_noise

    if source.suffix.lower() != ".npz":
        ebsd = values.load_map(arguments.input, arguments)
        if not arguments.keep_noise:
            ebsd, _ = without_noise(ebsd)
        note(f"read {ebsd.source}: frames sample {ebsd.sample_frame.value}, crystal X along {ebsd.crystal_frame.value}")
        for suspicion in ebsd.notes:
            note(f"note: {suspicion}")
        return ebsd, None, MINIMUM_PIXELS, True

    from grainlight.maps.io.mask import read_mask
    from grainlight.maps.selection import with_mask
    from grainlight.restore.record import is_calibrated
    from grainlight.restore.saved import load_saved

    saved = load_saved(source)
    part, index = values.chosen_part(saved.map, arguments)
    if arguments.mask is not None:
        part = with_mask(part, read_mask(arguments.mask, {"the pixels": saved.map.shape}).reshape(-1)[index])
    samples = saved.samples.reshape(len(saved.samples), saved.map.phase_id.size, 4)[:, index]
    for remark in part.notes:
        note(f"note: {remark}")
    scale = int(saved.record.get("settings", {}).get("scale", 1))
    for remark in saved.notes:
        note(f"note: {remark}")
    if len(saved.samples) == 0:
        note("note: the ensemble had one sample: no intervals (--quality balanced or best has more)")
    calibrated = is_calibrated(saved.record, *TABLES)
    if len(saved.samples) and not calibrated:
        note(
            "note: intervals and probabilities were fitted for other weights than those that made this map: no "
            "intervals, and shares of the samples in place of probabilities"
        )
    return part, samples, max(MINIMUM_PIXELS, scale**2), calibrated


def _write_labels(labels: NDArray[np.int32], path: Path) -> None:
    import tifffile

    from grainlight.maps.io.shared.atomic import atomic_path

    kind = "uint16" if labels.max(initial=0) < 1 << 16 else "uint32"
    with atomic_path(path) as file:
        tifffile.imwrite(file, labels.astype(kind), photometric="minisblack", compression="zlib")


def _write_picture(found: GrainMap, path: Path, direction: Direction) -> None:
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.report.grain_picture import grain_figure

    with atomic_path(path) as file:
        grain_figure(found, direction).savefig(file, dpi=150)


def _write_macrozones(
    found: GrainMap, samples: NDArray[np.float16] | None, path: Path, arguments: argparse.Namespace
) -> None:
    """Find macrozones, in the map and in its samples, and write and say what they are."""
    import numpy as np

    from grainlight.grains.macrozones.regions import TOLERANCE, find_macrozones
    from grainlight.grains.macrozones.table import macrozone_lines, macrozone_table
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.report.macrozones.picture import macrozone_figure

    def of(ebsd: OrientationMap) -> Macrozones:
        return find_macrozones(
            ebsd,
            found.labels,
            found.edges,
            tolerance=arguments.macrozone_tolerance or TOLERANCE,
            minimum_area=arguments.macrozone_area,
        )

    zones, given = of(found.ebsd), found.ebsd.in_crystal_frame(found.crystal_frame)
    members = [of(given.replace(quaternions=one.astype(np.float64))) for one in (() if samples is None else samples)]
    write_text(path, macrozone_table(zones))
    with atomic_path(path.with_suffix(".png")) as file:
        macrozone_figure(found.ebsd, zones, arguments.ipf).savefig(file, dpi=150)
    for line in macrozone_lines(zones, members):
        print(line)
    print(f"wrote {path} and {path.stem}.png")


def _lines(found: GrainMap) -> list[str]:
    from grainlight.grains.summary import QUANTITIES, of_phases

    lines = [
        f"grains from {found.threshold:g} degrees up, {found.minimum_pixels} pixels and more; averages over grains "
        "that do not touch the border (ASTM E2627)"
    ]
    for name in _SHOWN:
        one, unit = found.figures[name], QUANTITIES[name]
        if name.endswith("_fraction") and one.value != one.value:
            continue
        between = "" if one.low != one.low else f"  (90 %: {one.low:.4g} to {one.high:.4g})"
        lines.append(f"{name.replace('_', ' ')}: {one.value:.4g}{' ' + unit if unit else ''}{between}")
    for phase, of in of_phases(found.grains, found.ebsd.phases).items():
        lines.append(
            f"of {phase}: {of['grains']:.0f} grains, {of['interior_grains']:.0f} off the border, mean diameter "
            f"{of['mean_diameter']:.4g} um, aspect {of['mean_aspect']:.4g}, GOS {of['mean_gos']:.4g} deg"
        )
    lines += [f"looked for in {rule}" for rule in found.rules]
    lines.append(
        f"in no grain: {100 * found.left_out:.2g} % of the pixels with an orientation, in places smaller than "
        f"{found.minimum_pixels} pixels with no neighbour of their phase"
    )
    return lines
