"""`grainlight simulate`: a full orientation map to the stack of polarized-light images that it would give."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grainlight.cli import values
from grainlight.cli.output import check_file
from grainlight.cli.restoring.enhance import load_map
from grainlight.cli.terminal import note

if TYPE_CHECKING:
    from grainlight.synth.camera import CameraSettings, SimulatedStack

METALS = ("Ti", "Zr", "Mg", "Co", "Zn")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "simulate",
        help="polarized-light images of an orientation map, by the physics",
        description="Compute the polarized-light stack that a full orientation map would give, clean or corrupted. "
        "A JSON file with everything that was drawn is written beside it.",
        allow_abbrev=False,
    )
    command.add_argument("ebsd", metavar="MAP", help="the full map, in any format that `grainlight info` reads")
    command.add_argument(
        "--output", required=True, metavar="STACK.tif", help="the stack, (angles, rows, columns), 16 bit"
    )
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument(
        "--angles", default="0:180:10", metavar="A", help="degrees, as for enhance (default: 0:180:10)"
    )
    command.add_argument(
        "--level",
        choices=("clean", "mild", "corrupted", "severe"),
        default="clean",
        help="how good the microscope is (default: clean)",
    )
    command.add_argument(
        "--pl-step", type=values.positive("um"), metavar="UM", help="um per pixel (default: the map's step)"
    )
    command.add_argument("--metal", choices=METALS, default="Ti", help="for the optical constants (default: Ti)")
    command.add_argument(
        "--rotates", choices=("sample", "optics"), default="sample", help="what turns (default: sample)"
    )
    command.add_argument("--mirror", action="store_true", help="the optical path mirrors the image left to right")
    values.add_map(command)
    values.add_part(command, mask=False)
    values.add_seed(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = check_file(
        arguments.output, (".tif", ".tiff"), arguments.force, companions=(".json",), inputs=(arguments.ebsd,)
    )
    ebsd, _ = load_map(arguments)
    step = arguments.pl_step or min(ebsd.step)

    from grainlight.synth.map_light import photograph_map

    shot = photograph_map(
        ebsd,
        arguments.angles,
        step=step,
        level=arguments.level,
        metal=arguments.metal,
        seed=arguments.seed,
        rotates=arguments.rotates,
        mirror=arguments.mirror,
    )
    files = write_stack(
        output,
        shot,
        {"map": Path(arguments.ebsd).name, "level": arguments.level, "seed": arguments.seed, "step_um": step},
    )
    count, rows, columns = shot.images.shape
    note(f"polarized light: {count} angle{'s' * (count > 1)}, {rows} x {columns} pixels, step {step:g} um")
    for file in files:
        print(f"wrote {file}")
    return 0


def write_stack(output: Path, shot: SimulatedStack, about: dict[str, Any]) -> list[Path]:
    """Write the images and, beside them, a JSON file with the camera's settings; both or, on failure, neither."""
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.maps.io.tiff.stack import write_tiff_stack

    beside = output.with_suffix(".json")
    with atomic_path(output) as stack, atomic_path(beside) as record:
        write_tiff_stack(stack, shot.images.numpy(), about["step_um"])
        record.write_text(json.dumps({**about, **readable(shot.settings)}, indent=1) + "\n", encoding="utf-8")
    return [output, beside]


def readable(settings: CameraSettings) -> dict[str, Any]:
    """Return a camera's settings as JSON can hold them; a complex number becomes [real, imaginary]."""
    plain = asdict(settings)
    plain["material"] = {
        name: [value.real, value.imag] if isinstance(value, complex) else value
        for name, value in plain["material"].items()
    }
    return plain
