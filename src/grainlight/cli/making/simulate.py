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
from grainlight.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.synth.camera import CameraSettings, SimulatedStack

METALS = ("Ti", "Zr", "Mg", "Co", "Zn")
_NOISE_STREAM = 1_000_003  # the noise draws from a stream of its own, apart from the optics


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
    from grainlight.maps.light_stack import parse_angles

    angles = tuple(float(angle) for angle in parse_angles(arguments.angles))
    ebsd, _ = load_map(arguments)
    if not ebsd.is_6mmm.any():
        raise InputError(
            "no point of the map belongs to a phase of Laue group 6/mmm",
            file=arguments.ebsd,
            found="; ".join(str(phase) for phase in ebsd.phases) or "no phase",
            expected="a hexagonal metal such as alpha titanium",
        )
    step = arguments.pl_step or min(ebsd.step)
    axes, valid = sample(ebsd, step)

    from dataclasses import replace

    import torch

    from grainlight.synth import camera

    preset = camera.PRESETS[arguments.level](arguments.seed, metal=arguments.metal)
    settings = replace(preset, angles=angles, rotates=arguments.rotates, mirror=arguments.mirror)
    generator = torch.Generator().manual_seed(arguments.seed + _NOISE_STREAM)
    shot = camera.simulate_stack(torch.from_numpy(axes), settings, generator, valid=torch.from_numpy(valid))
    files = write_stack(
        output,
        shot,
        {"map": Path(arguments.ebsd).name, "level": arguments.level, "seed": arguments.seed, "step_um": step},
    )
    note(
        f"polarized light: {len(angles)} angle{'s' * (len(angles) > 1)}, {axes.shape[0]} x {axes.shape[1]} pixels, "
        f"step {step:g} um"
    )
    for file in files:
        print(f"wrote {file}")
    return 0


def sample(ebsd: OrientationMap, step: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return c-axes (rows, cols, 3) in frame S and whether they are of a 6/mmm phase, on a square grid of a step in um.

    Every pixel takes the nearest scan point, so that hexagonal grids and other steps come out where they belong.

    Raises
    ------
    InputError
        Where the stack would have more than 100 million pixels per image.
    """
    import numpy as np

    axes, valid = ebsd.c_axes(), ebsd.is_6mmm
    if ebsd.grid == "square" and np.allclose(ebsd.step, step, rtol=1e-9):
        return axes, valid
    present = ebsd.present
    x, y = ebsd.x[present], ebsd.y[present]
    rows, columns = (int(np.floor((float(v.max()) + 1e-6) / step)) + 1 for v in (y, x))
    if rows * columns > 100_000_000:
        raise InputError(
            "the images would be too large", found=f"{rows} x {columns} pixels", advice="a larger --pl-step"
        )
    from scipy.spatial import cKDTree

    tree = cKDTree(np.stack((y, x), axis=1))
    at = np.stack(np.meshgrid(np.arange(rows) * step, np.arange(columns) * step, indexing="ij"), axis=-1)
    nearest = tree.query(at.reshape(-1, 2))[1].reshape(rows, columns)
    return axes[present][nearest], valid[present][nearest]


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
