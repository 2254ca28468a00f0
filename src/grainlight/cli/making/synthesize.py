"""`grainlight synthesize`: synthetic sections to disk, with the coarse EBSD map and the light images of each."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from grainlight.cli import values
from grainlight.cli.making.simulate import METALS, readable
from grainlight.cli.output import new_folder, write_text
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE

FAMILIES = ("any", "equiaxed", "elongated", "twinned", "colony", "basketweave", "deformed")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "synthesize",
        help="synthetic sections with coarse EBSD and polarized light, to files",
        description="Write synthetic sections: the full map, its coarse and noisy EBSD map, its polarized-light "
        "stack and the settings of each. With --volume the sections are those of one specimen, one above the other: "
        "light on each, EBSD on some, the truth and the manifest that `volume check` reads.",
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
    volume = command.add_argument_group("a volume")
    volume.add_argument("--volume", type=values.whole(2, 10_000), metavar="N", help="a volume of N sections")
    volume.add_argument(
        "--spacing",
        type=values.positive("grain diameters"),
        metavar="D",
        help="of its sections, in grain diameters, 2.4 in all (0.1)",
    )
    volume.add_argument("--every", type=values.whole(1), metavar="K", help="EBSD on every K-th section (4)")
    volume.add_argument(
        "--misalign",
        type=values.positive("pixels", zero=True),
        metavar="PX",
        help="rms step of the random walk that displaces its sections (0)",
    )
    volume.add_argument("--ruin", type=values.whole(0), metavar="N", help="ruin the light of section sN, from 0")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.volume is not None:
        return _volume(arguments)
    for option in ("spacing", "every", "misalign", "ruin"):
        if getattr(arguments, option) is not None:
            raise InputError(f"--{option} is of a volume", expected="--volume N beside it", advice="or leave it out")
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


def _volume(arguments: argparse.Namespace) -> int:
    from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume

    if arguments.count != 1:
        raise InputError("--count and --volume together", advice="make one volume, or --count sections")
    chosen = {"spacing": arguments.spacing, "every": arguments.every, "misalign": arguments.misalign}
    recipe = VolumeRecipe(
        sections=arguments.volume,
        shape=arguments.size,
        grain_size=arguments.grain_size,
        step=arguments.step,
        family=None if arguments.family == "any" else arguments.family,
        scale=arguments.scale,
        noise=arguments.noise,
        level=arguments.level,
        metal=arguments.metal,
        ruined=arguments.ruin,
        seed=arguments.seed,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    folder = new_folder(arguments.output, arguments.force)
    with bars() as progress:
        manifest = write_synthetic_volume(recipe, folder, progress)
    files = f"{manifest.name}, *_light.tif, *_ebsd.ang, truth.npz, volume.json"
    print(f"wrote {recipe.sections} sections to {folder}: {files}")
    note(
        f"to restore it: grainlight volume run {manifest} --scale {recipe.scale} --angles 0:180:10"
        f" --pl-step {recipe.step:g} --output OUT"
    )
    return 0


def _write(folder: Path, arguments: argparse.Namespace, seed: int) -> None:
    from grainlight.evaluation.degrade import degrade
    from grainlight.maps.io import save_ebsd
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.maps.io.tiff.stack import write_tiff_stack
    from grainlight.synth import camera
    from grainlight.synth.section_map import synthetic_section

    family = None if arguments.family == "any" else arguments.family
    full = synthetic_section(seed, family, arguments.size, arguments.grain_size, arguments.step)
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
    write_text(folder / f"{stem}.json", json.dumps(about, indent=1) + "\n")
