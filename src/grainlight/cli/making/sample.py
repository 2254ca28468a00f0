"""`grainlight sample`: sections drawn from the diffusion model, from nothing or around measured points."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grainlight.cli import device, values
from grainlight.cli.making.simulate import METALS
from grainlight.cli.making.synthesize import FAMILIES
from grainlight.cli.output import new_folder, write_text
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE

if TYPE_CHECKING:
    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.restore.inputs import Prepared
    from grainlight.restore.sampling.label_prior import LabelPrior

_NOTHING = {"size": (160, 160), "grain_size": 16.0, "family": "any", "step": 0.5}
_AROUND = {"scale": 4, "noise": None}
_FILE = ("frame", "crystal_frame", "scan", "section", "columns", "thresholds", "crop")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "sample",
        help="sections drawn from the diffusion model, from nothing or around measured points",
        description="Draw sections from the diffusion model over grain labels, with their light. From nothing, points "
        "are asked of a synthetic polycrystal (orientations, how many grains) and the network draws which pixel lies "
        "in whose grain. With --around the points are those of an EBSD map, and each section is one that they allow: "
        "a posterior sample, without light.",
        allow_abbrev=False,
    )
    command.add_argument("--output", required=True, metavar="FOLDER", help="new or empty folder")
    command.add_argument("--force", action="store_true", help="write into a folder that holds something")
    command.add_argument("--count", type=values.whole(1, 10_000), default=1, metavar="N", help="sections (default: 1)")
    values.add_seed(command)
    values.add_device(command)
    command.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")
    command.add_argument(
        "--level",
        choices=("clean", "mild", "corrupted", "severe"),
        default="clean",
        help="of the light (default: clean)",
    )
    command.add_argument("--metal", choices=METALS, default="Ti", help="for the optical constants (default: Ti)")
    nothing = command.add_argument_group("from nothing")
    nothing.add_argument("--size", type=values.size, metavar="ROWS,COLUMNS", help="(default: 160,160)")
    nothing.add_argument("--family", choices=FAMILIES, help="kind of microstructure (default: any)")
    nothing.add_argument(
        "--grain-size", type=values.positive("pixels"), metavar="PX", help="mean diameter (default: 16)"
    )
    nothing.add_argument("--step", type=values.positive("um"), metavar="UM", help="um per pixel (default: 0.5)")
    around = command.add_argument_group("around measured points")
    around.add_argument("--around", metavar="FILE", help="EBSD map")
    around.add_argument(
        "--scale", type=values.whole(1, LARGEST_SCALE), metavar="N", help="output step = EBSD step / N (default: 4)"
    )
    around.add_argument(
        "--noise", type=values.positive("degrees", zero=True), metavar="DEG", help="rms error of the EBSD"
    )
    values.add_map(command)
    values.add_part(command, mask=False)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    _settle(arguments)
    from grainlight.restore.sampling.label_prior import load_prior
    from grainlight.samples.picture import MOST, draw_samples

    chosen = device.choose(arguments.device)
    ebsd, points = _points(arguments)
    prior = load_prior(None if arguments.weights is None else Path(arguments.weights), chosen)
    folder = new_folder(arguments.output, arguments.force)
    note(device.describe(chosen))
    shown = []
    with bars() as progress:
        progress.begin("sections", arguments.count)
        for number in range(arguments.count):
            seed = arguments.seed + number
            made = _from_nothing(prior, arguments, seed) if points is None else _around(prior, ebsd, points, seed)
            light = _write(folder, arguments, seed, *made)
            shown += [(made[0], light)] if number < MOST else []
            progress.advance()
    draw_samples(shown, folder / "samples.png")
    count = arguments.count
    files = "*.ang, *_light.tif, *.json, samples.png"
    print(f"wrote {count} section{'s' if count > 1 else ''} to {folder}: {files}")
    return 0


def _settle(arguments: argparse.Namespace) -> None:
    """Fill in what was not said; refuse what the other kind of sample takes."""
    own, other = (_NOTHING, _AROUND) if arguments.around is None else (_AROUND, _NOTHING)
    if arguments.around is None:
        _refuse_options_of_a_file(arguments)
    for name in other:
        if getattr(arguments, name) is not None:
            option = f"--{name.replace('_', '-')}"
            if arguments.around is None:
                raise InputError(f"{option} is of samples around points", expected="--around FILE beside it")
            raise InputError(f"{option} is of samples from nothing", advice=f"leave {option} or --around out")
    for name, usual in own.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, usual)


def _refuse_options_of_a_file(arguments: argparse.Namespace) -> None:
    if any(getattr(arguments, name) is not None for name in _FILE) or arguments.subsample != 1:
        raise InputError(
            "options say how an EBSD file is read, and there is none", expected="--around FILE beside them"
        )


def _points(arguments: argparse.Namespace) -> tuple[Any, Prepared | None]:
    if arguments.around is None:
        return None, None
    from grainlight.samples.around import prepared_points

    ebsd = values.load_map(arguments.around, arguments)
    return ebsd, prepared_points(ebsd, arguments.scale, arguments.noise)


def _from_nothing(prior: LabelPrior, arguments: argparse.Namespace, seed: int) -> tuple[OrientationMap, dict[str, Any]]:
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.phase import TITANIUM
    from grainlight.samples.recipe import sample_from_nothing

    size, family = arguments.grain_size, None if arguments.family == "any" else arguments.family
    drawn, _ = sample_from_nothing(prior, arguments.size, seed, size_range=(size, size), family=family)
    step = arguments.step
    section = OrientationMap.from_quaternions(drawn.quaternions, (step, step), (TITANIUM,), source="grainlight sample")
    about = {"family": arguments.family, "grain_size_px": size, "points_of_the_recipe": int(drawn.added.sum())}
    return section, about | {"drawn_by_the_network": "the grain of every other pixel"}


def _around(
    prior: LabelPrior, ebsd: OrientationMap, points: Prepared, seed: int
) -> tuple[OrientationMap, dict[str, Any]]:
    from grainlight.samples.around import sample_around

    section, unmeasured = sample_around(prior, ebsd, points, seed)
    about = {"measured_points": int(points.grid.measured.sum()), "share_of_unmeasured_grains": round(unmeasured, 4)}
    return section, about


def _write(
    folder: Path, arguments: argparse.Namespace, seed: int, section: OrientationMap, about: dict[str, Any]
) -> LightStack:
    """Write a section, its light and what it is; return the light."""
    from grainlight.crystal.frames import CrystalFrame, SampleFrame
    from grainlight.diffusion.checkpoint import weights_hash
    from grainlight.evaluation.degrade import photograph
    from grainlight.maps.io import save_ebsd
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.maps.io.tiff.stack import write_tiff_stack

    canonical = section.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    light = photograph(canonical.quaternions, section.indexed, arguments.level, seed, section.step[0], arguments.metal)
    stem = f"sample_{seed:06d}"
    save_ebsd(section, folder / f"{stem}.ang", record={"made": "drawn from the diffusion model"})
    with atomic_path(folder / f"{stem}_light.tif") as file:
        write_tiff_stack(file, light.images.astype("uint16"), light.step)
    weights = weights_hash(None if arguments.weights is None else Path(arguments.weights))
    source = "nothing" if arguments.around is None else Path(arguments.around).name
    head = {"seed": seed, "around": source, "weights": weights, "rows": section.shape[0], "columns": section.shape[1]}
    optics = {
        "step_um": light.step,
        "level": arguments.level,
        "metal": arguments.metal,
        "angles": light.angles.tolist(),
    }
    write_text(folder / f"{stem}.json", json.dumps(head | about | optics, indent=1) + "\n")
    return light
