"""`grainlight validate`: what a restoration is worth on the user's own map, by points that it is not shown."""

from __future__ import annotations

import argparse
from pathlib import Path

from grainlight.cli import device, values
from grainlight.cli.output import check_apart, check_file
from grainlight.cli.terminal import bars, note


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    from grainlight.cli.restoring.enhance import add_computing, add_grid, add_light, add_registration

    command = commands.add_parser(
        "validate",
        help="what a restoration is worth on your own map: points are held back and asked for",
        description="Hold back a tenth of the measured points, several times, restore without them, with light and "
        "without, and compare: how much of the restored map is wrong, whether the light helps on this specimen, "
        "whether the stated bound holds, and by what factor it must be widened where it does not.",
        allow_abbrev=False,
    )
    command.add_argument("ebsd", metavar="EBSD", help="the EBSD map that `enhance` would be given")
    command.add_argument(
        "--json",
        metavar="FILE",
        help="also write the figures; `enhance --calibration FILE` multiplies its bounds by the factor found",
    )
    command.add_argument("--picture", metavar="PNG", help="also draw where it failed")
    values.add_ipf(command)
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument(
        "--folds",
        type=values.whole(1, 100),
        default=5,
        metavar="N",
        help="how often a tenth of the points is held back: single points, and blocks in one fold of five (default: 5)",
    )
    add_grid(command)
    add_light(command)
    add_registration(command)
    values.add_map(command)
    values.add_part(command, output=True)
    values.add_noise(command)
    add_computing(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from grainlight.cli.restoring.enhance import check_light_options, load_map, load_stack, settings_of

    check_light_options(arguments)
    inputs = (arguments.ebsd, *(arguments.pl or ()))
    written = [
        None if name is None else check_file(name, (ending,), arguments.force, inputs=inputs)
        for name, ending in ((arguments.json, ".json"), (arguments.picture, ".png"))
    ]
    check_apart(written)
    figures, picture = written
    ebsd, metal = load_map(arguments, arguments.scale)
    light = load_stack(arguments)

    from grainlight.restore.cost import estimate
    from grainlight.validation.validate import validate

    settings = settings_of(arguments)
    note(device.describe(settings.device))
    expected = estimate(ebsd, light, settings)
    note(f"{expected.lines[0].split(':')[0]}: {arguments.folds} folds of a tenth of the points")
    with bars() as progress:
        found = validate(ebsd, light, settings, progress, folds=arguments.folds, mask=metal)
    files: list[Path] = []
    if figures is not None:
        files.append(found.verdict.save(figures, overwrite=True))
    if picture is not None:
        from grainlight.validation.picture import failure_picture

        files.append(failure_picture(found.ebsd, found.evidence, picture, arguments.ipf))
    for sentence in found.verdict.sentences:
        print(sentence)
    for file in files:
        print(f"wrote {file}")
    return 0
