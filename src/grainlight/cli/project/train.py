"""`grainlight train`: weights from synthetic polycrystals; needs torch, numpy and safetensors only."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from grainlight.cli import device, values
from grainlight.cli.interrupt import last_words
from grainlight.cli.output import check_folder
from grainlight.cli.terminal import note
from grainlight.errors import InputError

# Names of `training.presets`, which loads torch.
PRESETS = ("tiny", "cpu", "continue", "gpu", "gpu-stacks", "gpu-further")

# How `training.validation` ends the names of the figures that a person can read.
_WRONG = "wrong grain, %"


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "train",
        help="train weights on synthetic polycrystals",
        description="Train the label network on synthetic polycrystals made as they are needed. A run that was "
        "stopped, at any moment, goes on from its last checkpoint when the same command is given again.",
        allow_abbrev=False,
    )
    command.add_argument("--output", required=True, metavar="FOLDER", help="checkpoint, weights and log of the run")
    command.add_argument("--preset", choices=PRESETS, default="cpu", help="named settings (default: cpu)")
    command.add_argument(
        "--minutes", type=values.positive("minutes"), help="budget of training time, of all runs together"
    )
    command.add_argument("--steps", type=values.whole(1), help="budget of steps (default: the preset's)")
    command.add_argument("--start", metavar="WEIGHTS", help="weights to begin from")
    values.add_seed(command)
    values.add_device(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    folder = Path(arguments.output)
    if folder.exists() and not folder.is_dir():
        raise InputError("the output folder is a file", file=folder)
    check_folder(folder if folder.exists() else folder.absolute().parent, folder)
    start = None if arguments.start is None else Path(arguments.start)
    if start is not None and not start.is_file():
        raise InputError("there are no weights", file=start, expected="a safetensors file")
    chosen = device.choose(arguments.device)

    from grainlight.training import presets
    from grainlight.training.loop import train

    preset = presets.PRESETS[arguments.preset]
    if arguments.steps is not None:
        preset = replace(preset, steps=arguments.steps)
    if arguments.minutes is not None:
        preset = replace(preset, seconds=60.0 * arguments.minutes)
    note(device.describe(chosen))
    with last_words(f"interrupted; the last checkpoint in {folder} is whole, and the same command goes on from it"):
        weights = train(folder, preset, seed=arguments.seed, device=chosen, start=start, report=_print)
    print(f"wrote {weights}")
    return 0


def _print(entry: dict[str, Any]) -> None:
    """Print a line of the log in words."""
    validation = entry.get("validation")
    if validation is not None:
        wrong = ((name.split(":")[0], value) for name, value in validation.items() if name.endswith(_WRONG))
        told = ", ".join(f"{value:.1f} % ({what})" for what, value in wrong)
        print(f"step {entry['step']:,}  pixels put into a wrong grain, on sections kept apart: {told}", flush=True)
        return
    skipped = f", {entry['skipped']} steps skipped (not finite)" if entry["skipped"] else ""
    print(
        f"step {entry['step']:,}  loss {entry['loss']:.3f}, {entry['samples_per_second']:.0f} sections a second, "
        f"{entry['seconds'] / 60:.1f} min so far{skipped}",
        flush=True,
    )
