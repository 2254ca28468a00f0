"""`grainlight register`: where polarized-light images lie on an EBSD map, as a transform, a residual and a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import values
from grainlight.cli.output import check_file
from grainlight.cli.restoring.enhance import add_light, load_map, load_stack
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError, LightRefusedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grainlight.maps.orientation_map import OrientationMap


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "register",
        help="find where polarized-light images lie on an EBSD map",
        description="Find where polarized-light images lie on an EBSD map, from nothing but the two: any of the 8 "
        "turns and mirrors, shift, rotation, scale and shear of a few per cent, drift, and a smooth bend that cannot "
        "fold. The transform is saved for `grainlight enhance --transform`.",
        allow_abbrev=False,
    )
    command.add_argument("ebsd", metavar="EBSD", help="the EBSD map: .ang, .ctf, HDF5 and more")
    command.add_argument("--output", required=True, metavar="JSON", help="the transform and what speaks for it")
    command.add_argument("--picture", metavar="PNG", help="also draw the map's boundaries on the light")
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument(
        "--register",
        choices=("auto", "rigid", "affine", "deformable"),
        default="auto",
        help="freedom: auto (default) takes as much as pays on points held out",
    )
    command.add_argument("--points", metavar="CSV", help="pairs of points to start from, as for enhance")
    add_light(command)
    values.add_map(command)
    values.add_part(command)
    values.add_noise(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command; exit code 3 where the place is not to be trusted, which file, picture and last line say too."""
    several = arguments.pl is not None and (len(arguments.pl) > 1 or Path(arguments.pl[0]).is_dir())
    if arguments.pl is None or (arguments.angles is None and not several):
        raise InputError("there is nothing to register", expected="--pl and --angles")
    inputs = (arguments.ebsd, *arguments.pl)
    output = check_file(arguments.output, (".json",), arguments.force, inputs=inputs)
    picture = None
    if arguments.picture is not None:
        picture = check_file(arguments.picture, (".png",), arguments.force, inputs=inputs)
    ebsd, metal = load_map(arguments)
    ebsd = usable(ebsd, metal, arguments.keep_noise)
    light = load_stack(arguments)
    assert light is not None

    from grainlight.restore.light.registration import WAYS_ON, find, screened
    from grainlight.restore.settings import Settings

    shown = screened(light)
    for remark in shown.notes:
        note(f"note: {remark}")
    if shown.light is None:
        raise LightRefusedError(
            "the light images cannot be registered", file=light.paths[0], found=shown.reason, expected="other images"
        )
    points = None if arguments.points is None else Path(arguments.points)
    with bars() as progress:
        found = find(ebsd, shown.light, Settings(scale=4, register=arguments.register, points=points), progress)
    record = found.as_record()
    record.pop("transform")
    # places on a part of the map are told from the first point of the whole
    placed = found.transform.told_from(arguments.cropped_um)
    files = [placed.save(output, {"registration": record, "warnings": list(found.warnings)})]
    verdict = "place trusted" if found.trusted else "place NOT TRUSTED"
    if picture is not None:
        from grainlight.register.overlay import boundary_segments, overlay_picture

        um = found.residual * shown.light.step
        told = f"{verdict}: {found.method}, residual {found.residual:.2f} px or {um:.2g} µm (rms, estimated)"
        files.append(overlay_picture(shown.light, boundary_segments(ebsd), found.transform, told, picture))
    for warning in found.warnings:
        note(f"note: {warning}")
    print(
        f"{found.method}: turned by {found.transform.turn:.2f} deg{', mirrored' if found.transform.mirrored else ''}, "
        f"{found.moved:.2f} px (rms) from the stated place, residual {found.residual:.2f} px (rms, estimated)"
        f"{'' if found.trusted else '; NOT TRUSTED'}"
    )
    for file in files:
        print(f"wrote {file}")
    if not found.trusted:
        print(f"the place was not found with confidence (exit code 3). {WAYS_ON}.")
        return 3
    return 0


def usable(ebsd: OrientationMap, metal: NDArray[np.bool_] | None, keep_noise: bool) -> OrientationMap:
    """Return the map without what is masked and without noise, as `enhance` takes it, and say what was left out."""
    from grainlight.maps.selection import with_mask
    from grainlight.restore.points.unsupported import without_noise

    told = len(ebsd.notes)
    if metal is not None:
        ebsd = with_mask(ebsd, metal)
    if not keep_noise:
        ebsd, _ = without_noise(ebsd)
    for remark in ebsd.notes[told:]:
        note(f"note: {remark}")
    return ebsd
