"""`grainlight report`: one HTML file about a restoration, from the .npz that it left."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grainlight.cli.output import check_file
from grainlight.cli.terminal import note
from grainlight.errors import InputError

if TYPE_CHECKING:
    from grainlight.maps.light_stack import LightStack


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "report",
        help="a page about a restored map: pictures, doubts, grains, what to trust",
        description="Write one HTML file about a restored map that opens offline: what was measured and what was "
        "restored under a slider, boundaries, uncertainty, sources, grains, texture, the run's record, and what to "
        "trust. `enhance --report` writes the same page at once.",
        allow_abbrev=False,
    )
    command.add_argument("result", metavar="RESULT.npz", help="the .npz that `enhance` writes beside its map")
    command.add_argument("--output", metavar="OUT.html", help="the page")
    command.add_argument(
        "--sheet",
        nargs="?",
        const="",
        metavar="FILE",
        help="a sheet of what is to be stated with reported grain sizes: .md or .csv (default: RESULT_sheet.md)",
    )
    command.add_argument(
        "--pl",
        nargs="+",
        metavar="F",
        help="the light images that the map was restored with, shown as recorded; angles and place are in the record",
    )
    command.add_argument("--title", metavar="TEXT", help="at the top of the page (default: the EBSD file's name)")
    command.add_argument("--force", action="store_true", help="replace existing output")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    inputs = (arguments.result, *(arguments.pl or ()))
    if arguments.output is None and arguments.sheet is None:
        raise InputError("nothing is asked for", advice="--output PAGE.html, --sheet, or both")
    output = sheet = None
    if arguments.output is not None:
        output = check_file(arguments.output, (".html",), arguments.force, inputs=inputs)
    if arguments.sheet is not None:
        source = Path(arguments.result)
        name = arguments.sheet or source.with_name(f"{source.stem}_sheet.md")
        sheet = check_file(name, (".md", ".csv"), arguments.force, inputs=inputs)

    from grainlight.restore.saved import load_result

    result = load_result(arguments.result)
    for remark in result.map.notes:
        note(f"note: {remark}")
    if output is not None:
        from grainlight.report.html import write_report

        light = None if arguments.pl is None else _load_stack(arguments.pl, result.record)
        write_report(result, output, light=light, title=arguments.title)
        print(f"wrote {output}")
    if sheet is not None:
        import grainlight
        from grainlight.report.standard.sheet import standard_sheet, write_sheet

        entries = standard_sheet(result, grainlight.find_grains(result))
        for one in entries:
            if one.remark.startswith("under ") or "not meant" in one.remark:
                note(f"note: {one.name}: {one.remark}")
        print(f"wrote {write_sheet(entries, sheet)}")
    return 0


def _load_stack(files: list[str], record: dict[str, Any]) -> LightStack:
    """Read the images with the angles and the place that the record states."""
    import numpy as np

    from grainlight.maps.io import load_light
    from grainlight.maps.light_stack import UNKNOWN
    from grainlight.restore.record import file_hash

    stated = record.get("light_input")
    if not stated:
        raise InputError("the map was restored without polarized light", found="--pl", advice="leave --pl out")
    known = {one["sha256"] for one in record.get("inputs", ())}
    for file in files:
        if Path(file).is_file() and file_hash(Path(file)) not in known:
            note(f"note: {file} is not one of the files that the map was restored with")
    angles = np.array([np.nan if angle is None else angle for angle in stated["angles_deg"]], dtype=np.float64)
    return load_light(
        files[0] if len(files) == 1 else files,
        UNKNOWN if np.isnan(angles).all() else angles,
        stated["step_um"],
        tuple(stated["origin_um"]),
        stated["rotates"],
        stated["mirror"],
    )
