"""`grainlight info`: what a file holds and what looks wrong with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import values
from grainlight.cli.output import check_file
from grainlight.errors import InputError

if TYPE_CHECKING:
    from grainlight.maps.io.tiff.pages import ImageFile
    from grainlight.maps.orientation_map import OrientationMap

_SATURATED = 1.0  # per cent
_IMAGES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "info",
        help="what a file holds",
        description="Print format, grid, size, step, phases, indexed share, frames, quality fields and suspected "
        "problems of an EBSD map; shape and range of light images; the record of an .npz that grainlight wrote; of a "
        "folder a table of all EBSD files in it, with what orix makes of them.",
        allow_abbrev=False,
    )
    command.add_argument("file", metavar="FILE", help="an EBSD map, an image, an .npz of grainlight, or a folder")
    command.add_argument("--picture", metavar="PNG", help="also draw an EBSD map in orientation colours")
    values.add_ipf(command)
    command.add_argument("--force", action="store_true", help="replace an existing picture")
    values.add_map(command)
    values.add_part(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    file = Path(arguments.file)
    ending = file.suffix.lower()
    picture = None
    if file.is_dir():
        from grainlight.maps.io.survey import survey, table

        if arguments.picture:
            raise InputError("there is no map to draw in a folder", file=file, expected="an EBSD map")
        print(table(survey(file)))
        return 0
    if arguments.picture:
        picture = check_file(arguments.picture, (".png",), arguments.force, inputs=[file])
        if ending in _IMAGES:
            raise InputError("there is no map to draw in this file", file=file, expected="an EBSD map")
    if ending in _IMAGES:
        lines = describe_image(file)
    elif ending == ".npz" and picture is None:
        lines = describe_result(file)
    else:
        ebsd = values.load_map(arguments.file, arguments)
        lines = describe_map(ebsd)
        if picture:
            from grainlight.report.glance import map_picture

            lines.append(f"wrote {map_picture(ebsd, picture, direction=arguments.ipf)}")
    print(f"file: {file}")
    for line in lines:
        print(line)
    return 0


def describe_map(ebsd: OrientationMap) -> list[str]:
    """Return what a map is, a line each."""
    import numpy as np

    from grainlight.maps.suspect import suspicions

    rows, columns = ebsd.shape
    width, height = float(np.ptp(ebsd.x[ebsd.present])), float(np.ptp(ebsd.y[ebsd.present]))
    points = int(ebsd.present.sum())
    lines = [
        f"format: {ebsd.source}",
        f"grid: {ebsd.grid}, {rows} rows x {columns} columns, {points:,} points",
        f"step: {ebsd.step[0]:g} x {ebsd.step[1]:g} um; field {width:g} x {height:g} um; origin {ebsd.origin[0]:g}, "
        f"{ebsd.origin[1]:g} um",
        f"frames: sample {ebsd.sample_frame.value}, crystal X along {ebsd.crystal_frame.value}",
    ]
    indexed = int(ebsd.indexed.sum())
    lines.append(f"indexed: {_percent(indexed, points)} of the points")
    for phase in ebsd.phases:
        count = int(ebsd.of_phases([phase]).sum())
        lattice = f"a {phase.a:g}, c {phase.c:g} A" if phase.has_hexagonal_axes else f"a {phase.a:g} A"
        lines.append(f"phase {phase}, {lattice}: {_percent(count, points)}")
    for name, array in ebsd.fields.items():
        known = array[ebsd.indexed] if indexed else array[ebsd.present]
        if known.size and known.dtype.kind in "biuf":
            low, middle, high = (float(f(known)) for f in (np.min, np.median, np.max))
            lines.append(f"field {name}: {low:g} to {high:g}, median {middle:g}")
    problems = suspicions(ebsd)
    lines += [f"suspected problem: {problem}" for problem in problems] or ["suspected problems: none"]
    return lines


def describe_image(file: Path) -> list[str]:
    """Return shape, type and range of images in a file."""
    import numpy as np

    image = _image(file)
    data, scale = image.data, image.scale
    lines = [f"format: image data of shape {data.shape}, {data.dtype}", *image.notes]
    if scale.step is not None:
        lines.append(f"step: {scale.step:.6g} um by {scale.told}")
    elif scale.told:
        lines.append(f"step: not stated; {scale.told}")
    bad = 0 if data.dtype.kind in "biu" else int(np.count_nonzero(~np.isfinite(data)))
    problems = [f"{bad:,} pixels are not finite"] if bad else []
    if bad < data.size:
        low, high = float(np.nanmin(data)), float(np.nanmax(data))
        # the fourth of four colours is how opaque a pixel is
        opaque = data.ndim > 2 and data.shape[-1] == 4 < data.shape[-2]
        share = 100 * float(np.mean((data[..., :3] if opaque else data) == high))
        lines.append(f"counts: {low:g} to {high:g}; {share:.3g} % at the highest")
        if low == high:
            problems.append("there is no contrast: every count is the same")
        elif share > _SATURATED:
            problems.append(f"{share:.3g} % of the counts are at the highest, {high:g}: saturated?")
        black = 100 * float(np.mean(data == 0))
        if low < high and black > _SATURATED:
            problems.append(f"{black:.3g} % of the counts are 0: margins, or an image that is too dark?")
    lines += [f"suspected problem: {problem}" for problem in problems] or ["suspected problems: none"]
    return lines


def _image(file: Path) -> ImageFile:
    if not file.is_file():
        raise InputError("the file does not exist", file=file, advice="check the path and the spelling")
    from grainlight.maps.io.readers.images import read_image

    image = read_image(file)
    data = image.data
    if data.dtype.kind not in "buif" or not data.size:
        raise InputError("the image has no grey values", file=file, found=f"{data.dtype} of shape {data.shape}")
    return image


def describe_result(file: Path) -> list[str]:
    """Return arrays and record of an .npz that stands beside a restored map, and what the map is if it is one."""
    from grainlight.maps.io import load_ebsd
    from grainlight.maps.io.restored import read_record
    from grainlight.maps.io.shared.npz import open_npz

    with open_npz(file, "no .npz of grainlight") as archive:
        lines = [f"array {name}: {one.dtype} {one.shape}" for name, one in archive.members.items() if one.shape]
        record = read_record(archive) if "record" in archive.members else {}
        whole = "quaternions" in archive.members
    lines += [f"{name}: {json.dumps(value)}" for name, value in record.items()]
    return [*describe_map(load_ebsd(file)), *lines] if whole else lines


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
