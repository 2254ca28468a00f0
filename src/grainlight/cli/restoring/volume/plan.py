"""`grainlight volume plan`: the manifest of a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from grainlight.cli import values
from grainlight.cli.output import check_file
from grainlight.cli.terminal import note


def add(actions: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the action to the parser."""
    action = actions.add_parser(
        "plan",
        help="the manifest of a folder of EBSD files and images",
        description="Write the manifest of the EBSD files and images in a folder and below. The section of a file is "
        "the number in its name (s012_045deg.tif, slice_012.ang) or in that of its folder; the slices of .h5ebsd and "
        ".dream3d files are sections. z is the number of a section times the spacing: correct it where it was "
        "measured.",
        allow_abbrev=False,
    )
    action.add_argument("folder", metavar="FOLDER", help="where the files are")
    action.add_argument(
        "--spacing",
        type=values.length,
        required=True,
        metavar="UM",
        help="um between sections that follow one another in number; nothing is guessed",
    )
    action.add_argument("--output", metavar="VOLUME.csv", help="(default: volume.csv in the folder)")
    action.add_argument("--force", action="store_true", help="replace an existing manifest")
    return action


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    from grainlight.volume.inputs.manifest_file import save_manifest
    from grainlight.volume.inputs.plan import plan_manifest

    folder = Path(arguments.folder)
    output = folder / "volume.csv" if arguments.output is None else Path(arguments.output)
    if arguments.output is not None or folder.is_dir():
        check_file(output, (".csv",), arguments.force)
    manifest = plan_manifest(folder, arguments.spacing, output)
    written = save_manifest(manifest)
    for remark in manifest.notes:
        note(f"note: {remark}")
    sections = manifest.sections
    print(
        f"wrote {written}: {len(sections)} section{'s' * (len(sections) > 1)}, z {sections[0].z:g} to "
        f"{sections[-1].z:g} um; light on {sum(bool(s.light) for s in sections)}, EBSD on "
        f"{sum(s.ebsd is not None for s in sections)}"
    )
    note(f"next: grainlight volume check {written}")
    return 0
