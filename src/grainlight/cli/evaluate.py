"""`grainlight evaluate`: this project beside classical methods, on degraded copies of a full map."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from grainlight.cli import device, values
from grainlight.cli.output import check_file
from grainlight.cli.terminal import bars, note

_SHAPE, _GRAIN_SIZE, _STEP = (161, 161), 18.0, 0.5  # of the synthetic section: pixels, pixels, um


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="compare with classical methods on a full map",
        description="Leave points out of a full map, add noise, simulate its polarized light, restore it with "
        "grainlight and with classical methods, and print a table of errors.",
        allow_abbrev=False,
    )
    command.add_argument(
        "ebsd", metavar="MAP", nargs="?", help="a full .ang or .ctf map (default: a synthetic section)"
    )
    command.add_argument(
        "--scale",
        nargs="+",
        type=values.whole(1, values.LARGEST_SCALE),
        default=[2, 4],
        metavar="N",
        help="(default: 2 4)",
    )
    command.add_argument(
        "--level",
        nargs="+",
        choices=("clean", "mild", "corrupted", "severe", "none"),
        default=["clean", "corrupted"],
        help="of the light; none is EBSD alone (default: clean corrupted)",
    )
    command.add_argument(
        "--quality",
        choices=("fast", "balanced", "best", "none"),
        default="balanced",
        help="of the restoration; none runs the classical methods only (default: balanced)",
    )
    command.add_argument(
        "--noise", type=values.positive("degrees", zero=True), default=0.5, metavar="DEG", help="rms EBSD error (0.5)"
    )
    command.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")
    command.add_argument("--output", metavar="TABLE.md", help="write the table to a file too")
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument("--frame", choices=values.FRAMES, help="sample frame of the Euler angles")
    values.add_seed(command)
    values.add_device(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = None if arguments.output is None else check_file(arguments.output, (".md",), arguments.force)
    chosen = device.choose(arguments.device)

    from grainlight.benchmark.run import evaluate, markdown

    note(device.describe(chosen))
    with TemporaryDirectory() as folder, bars() as progress:
        rows = evaluate(
            arguments.ebsd if arguments.ebsd is not None else _synthetic_map(Path(folder), arguments.seed),
            arguments.scale,
            [None if level == "none" else level for level in arguments.level],
            None if arguments.quality == "none" else arguments.quality,
            seed=arguments.seed,
            noise_deg=arguments.noise,
            weights=None if arguments.weights is None else Path(arguments.weights),
            device=chosen,
            frame=arguments.frame,
            progress=progress,
        )
    table = markdown(rows)
    print(table, end="")
    if output is not None:
        from grainlight.maps.io.atomic import atomic_path

        with atomic_path(output) as file:
            file.write_text(table, encoding="utf-8")
        print(f"wrote {output}")
    return 0


def _synthetic_map(folder: Path, seed: int) -> Path:
    from grainlight.cli.synthetic import section
    from grainlight.maps.io import save_ebsd

    note(f"no map is given: a synthetic section of {_SHAPE[0]} x {_SHAPE[1]} points")
    file = folder / "synthetic.ang"
    save_ebsd(section(seed, None, _SHAPE, _GRAIN_SIZE, _STEP), file)
    return file
