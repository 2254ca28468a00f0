"""`grainlight synthesize`: synthetic sections to disk, with the coarse EBSD map and the light images of each."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from grainlight.cli import values
from grainlight.cli.output import new_folder
from grainlight.cli.simulate import METALS, readable
from grainlight.cli.terminal import bars
from grainlight.restore.settings import LARGEST_SCALE

FAMILIES = ("any", "equiaxed", "elongated", "twinned", "colony", "basketweave", "deformed")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "synthesize",
        help="synthetic sections with coarse EBSD and polarized light, to files",
        description="Write synthetic sections: the full map, its coarse and noisy EBSD map, its polarized-light "
        "stack and the settings of each.",
        allow_abbrev=False,
    )
    command.add_argument("--output", required=True, metavar="FOLDER", help="new or empty folder")
    command.add_argument("--force", action="store_true", help="write into a folder that holds something")
    command.add_argument("--family", choices=FAMILIES, default="any", help="kind of microstructure (default: any)")
    command.add_argument(
        "--size", type=values.size, default=(160, 160), metavar="ROWS,COLUMNS", help="(default: 160,160)"
    )
    command.add_argument(
        "--grain-size", type=values.positive("pixels"), default=16.0, metavar="PX", help="mean diameter (default: 16)"
    )
    command.add_argument(
        "--step", type=values.positive("um"), default=0.5, metavar="UM", help="um per pixel (default: 0.5)"
    )
    command.add_argument(
        "--scale",
        type=values.whole(1, LARGEST_SCALE),
        default=4,
        metavar="N",
        help="EBSD at every N-th point (4)",
    )
    command.add_argument(
        "--noise", type=values.positive("degrees", zero=True), default=0.5, metavar="DEG", help="rms EBSD error (0.5)"
    )
    command.add_argument(
        "--level",
        choices=("clean", "mild", "corrupted", "severe"),
        default="corrupted",
        help="of the light (corrupted)",
    )
    command.add_argument("--metal", choices=METALS, default="Ti", help="for the optical constants (default: Ti)")
    command.add_argument("--count", type=values.whole(1, 100_000), default=1, help="how many sections (default: 1)")
    values.add_seed(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    folder = new_folder(arguments.output, arguments.force)
    with bars() as progress:
        progress.begin("sections", arguments.count)
        for i in range(arguments.count):
            _write(folder, arguments, arguments.seed + i)
            progress.advance()
    count = arguments.count
    print(f"wrote {count} section{'s' if count > 1 else ''} to {folder}: *_full.ang, *_coarse.ang, *_light.tif, *.json")
    stem = folder / f"section_{arguments.seed:06d}"
    words = [
        *("grainlight", "enhance", f"{stem}_coarse.ang", "--scale", str(arguments.scale)),
        *("--pl", f"{stem}_light.tif", "--angles", "0:180:10", "--output", f"{stem}_fine.ang"),
    ]
    print(f"to restore {'the first' if count > 1 else 'it'}: {shlex.join(words)}")
    return 0


def _write(folder: Path, arguments: argparse.Namespace, seed: int) -> None:
    from grainlight.cli.synthetic import section
    from grainlight.evaluation.degrade import degrade
    from grainlight.maps.io import save_ebsd
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.maps.io.tiff.stack import write_tiff_stack
    from grainlight.synth import camera

    family = None if arguments.family == "any" else arguments.family
    full = section(seed, family, arguments.size, arguments.grain_size, arguments.step)
    task = degrade(
        full,
        scale=arguments.scale,
        level=arguments.level,
        seed=seed,
        noise_deg=arguments.noise,
        metal=arguments.metal,
    )
    assert task.stack is not None  # a level was given
    stem, made = f"section_{seed:06d}", {"made": "synthetic"}
    save_ebsd(full.cropped(*task.truth.shape[:2]), folder / f"{stem}_full.ang", record=made)
    save_ebsd(task.coarse, folder / f"{stem}_coarse.ang", record=made)
    with atomic_path(folder / f"{stem}_light.tif") as file:
        write_tiff_stack(file, task.stack.images.astype("uint16"), arguments.step)
    optics = camera.PRESETS[arguments.level](seed, metal=arguments.metal)
    about = {
        "seed": seed,
        "family": arguments.family,
        "rows": task.truth.shape[0],
        "columns": task.truth.shape[1],
        "grain_size_px": arguments.grain_size,
        "step_um": arguments.step,
        "scale": arguments.scale,
        "ebsd_noise_deg": arguments.noise,
        "level": arguments.level,
        "camera": readable(optics),
    }
    with atomic_path(folder / f"{stem}.json") as file:
        file.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
