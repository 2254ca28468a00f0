"""`grainlight demo`: the main job on a synthetic section made from a seed, with scores and a picture."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import device, values
from grainlight.cli.making.synthesize import FAMILIES
from grainlight.cli.output import new_folder
from grainlight.cli.terminal import bars, note
from grainlight.restore.settings import QUALITIES, Settings

if TYPE_CHECKING:
    from grainlight.evaluation.degrade import Task
    from grainlight.restore.result import Result


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "demo",
        help="restore a synthetic section and show what came of it",
        description="Make a synthetic titanium section, its EBSD map at every 4th point and its corrupted "
        "polarized-light stack; restore it with the shipped weights; "
        "write files, a before/after picture and a line of scores.",
        allow_abbrev=False,
    )
    command.add_argument("--output", required=True, metavar="FOLDER", help="new or empty folder")
    command.add_argument("--force", action="store_true", help="write into a folder that holds something")
    command.add_argument("--family", choices=FAMILIES, default="any", help="kind of microstructure (default: any)")
    command.add_argument("--quality", choices=tuple(QUALITIES), default="balanced", help="(default: balanced)")
    command.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")
    values.add_ipf(command)
    values.add_seed(command)
    values.add_device(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    began = time.perf_counter()
    folder = new_folder(arguments.output, arguments.force)
    chosen = device.choose(arguments.device)

    from grainlight.evaluation.demo import ANGLES, SCALE, STEP, write_demo
    from grainlight.maps.io import load_ebsd, load_light
    from grainlight.report.pictures import before_after_picture
    from grainlight.restore.enhance import enhance

    note(device.describe(chosen))
    made = write_demo(folder, arguments.seed, None if arguments.family == "any" else arguments.family)
    task, coarse_file, light_file = made.task, made.coarse_file, made.light_file

    # from here on only the files count, as for a user
    settings = Settings(
        scale=SCALE,
        quality=arguments.quality,
        seed=arguments.seed,
        device=chosen,
        weights=None if arguments.weights is None else Path(arguments.weights),
    )
    with bars() as progress:
        ebsd, light = load_ebsd(coarse_file), load_light(light_file, ANGLES, STEP)
        result = enhance(ebsd, light, settings, progress, reuse_memory=True)
    files = [made.full_file, coarse_file, light_file, *result.save(folder / "restored.ang", overwrite=True)]
    picture = folder / "before_after.png"
    before_after_picture(task.coarse, result, picture, truth=made.full, light=light, direction=arguments.ipf)
    for written in (*files, picture):
        print(f"wrote {written}")
    for line in scores(task, result):
        print(line)
    note(
        f"by hand: grainlight enhance {coarse_file} --scale {SCALE} --pl {light_file} --angles {ANGLES}"
        " --output OUT.ang"
    )
    note(f"{time.perf_counter() - began:.0f} s in all")
    return 0


def scores(task: Task, result: Result) -> list[str]:
    """Return a line of scores for nearest neighbour and one for the restored map."""
    from grainlight.crystal.frames import CrystalFrame, SampleFrame
    from grainlight.evaluation.baselines.nearest import nearest
    from grainlight.evaluation.metrics import score

    rows, columns = task.truth.shape[:2]
    restored = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    methods = {
        "nearest neighbour": nearest(task.quaternions, task.measured),
        "grainlight": restored.quaternions[:rows, :columns],
    }
    lines = []
    for name, quaternions in methods.items():
        found = score(quaternions, task.truth, task.measured, task.valid)
        lines.append(
            f"{name + ':':<19} {100 * found.over_5:5.1f} % of the unmeasured pixels off by more than 5 deg, "
            f"{100 * found.near_over_5:5.1f} % near boundaries; boundary edges F1 {found.edge_f1:.2f}; "
            f"median {found.median:.2f} deg"
        )
    return lines
