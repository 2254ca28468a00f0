"""`grainlight volume check`: what is found of a volume before anything runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from grainlight.cli import values
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE, QUALITIES, Settings

if TYPE_CHECKING:
    from grainlight.volume.inputs.section_headers import Stated


def add(actions: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the action to the parser."""
    action = actions.add_parser(
        "check",
        help="everything that can be known before a volume is restored",
        description="Read a manifest and the headers of all its files: missing files, gaps in z, sizes, steps, frames "
        "and phases that differ between sections, and an estimate of time, memory and disk. Exit code 2 where "
        "something must be mended.",
        allow_abbrev=False,
    )
    action.add_argument("manifest", metavar="VOLUME.csv", help="the manifest, such as `volume plan` writes")
    action.add_argument(
        "--scale",
        type=values.whole(1, LARGEST_SCALE),
        default=2,
        metavar="N",
        help="output step = EBSD step / N, for the estimate (default: 2)",
    )
    action.add_argument(
        "--quality", choices=tuple(QUALITIES), default="balanced", help="for the estimate (default: balanced)"
    )
    action.add_argument(
        "--angles", metavar="A", help="of images whose angles neither the manifest nor their names hold, as for enhance"
    )
    action.add_argument(
        "--pl-step",
        type=values.length,
        metavar="UM",
        help="um per pixel of images whose step the manifest does not hold",
    )
    values.add_frame(action)
    values.add_device(action)
    return action


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    from grainlight.volume.inputs.check import check_manifest

    settings = Settings(scale=arguments.scale, quality=arguments.quality, device=arguments.device)
    with bars() as progress:
        found = check_manifest(arguments.manifest, settings, _stated(arguments), progress)
    print(f"manifest: {found.manifest.path}")
    for line in found.lines:
        print(line)
    for remark in found.remarks:
        print(f"note: {remark}")
    if not found.faults:
        print("faults: none")
        return 0
    if len(found.faults) == 1:
        raise found.faults[0]
    for fault in found.faults:
        note(f"grainlight: {fault}")
    raise InputError(
        "the volume cannot be restored as it is",
        file=found.manifest.path,
        found=f"the {len(found.faults)} faults above",
        expected="none",
        advice="mend them, or say in column exclude why a section is left out",
    )


def _stated(arguments: argparse.Namespace) -> Stated:
    from grainlight.crystal.frames import CrystalFrame, SampleFrame
    from grainlight.maps.light_stack import UNKNOWN, parse_angles
    from grainlight.volume.inputs.section_headers import Stated

    crystal = values.crystal_frame(arguments.crystal_frame)
    angles = None
    if arguments.angles is not None and arguments.angles.strip().lower() != UNKNOWN:
        angles = tuple(float(angle) for angle in parse_angles(arguments.angles))
    return Stated(
        angles,
        arguments.pl_step,
        None if arguments.frame is None else SampleFrame(arguments.frame),
        None if crystal is None else CrystalFrame(crystal),
    )
