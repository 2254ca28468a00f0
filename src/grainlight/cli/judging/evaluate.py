"""`grainlight evaluate`: this project beside classical methods, on fixed synthetic sections or on full maps."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import device, values
from grainlight.cli.output import check_file, write_text
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE, QUALITIES

if TYPE_CHECKING:
    from grainlight.evaluation.damage import Damage
    from grainlight.evaluation.degrade import Level
    from grainlight.evaluation.suite import PlannedTask

LEVELS = ("clean", "mild", "corrupted", "severe", "none")


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="compare with classical methods on full maps or synthetic sections",
        description="Leave points out of full maps, add noise, simulate their polarized light, restore them with "
        "grainlight and with classical methods, and print a table of errors. "
        "Without a map: the fixed synthetic sections. docs/evaluation.md explains the tasks and the figures.",
        allow_abbrev=False,
    )
    command.add_argument(
        "ebsd", metavar="MAP", nargs="*", help="full EBSD maps, taken for the truth (default: synthetic sections)"
    )
    command.add_argument("--suite", action="store_true", help="the synthetic sections beside the maps")
    command.add_argument("--quick", action="store_true", help="a small share of the tasks")
    command.add_argument(
        "--scale",
        nargs="+",
        type=values.whole(1, LARGEST_SCALE),
        metavar="N",
        help="every N-th point of the maps, in place of the fixed tasks (with --level: default 2 4)",
    )
    command.add_argument(
        "--level",
        nargs="+",
        choices=LEVELS,
        help="of the light, in place of the fixed tasks; none is EBSD alone (with --scale: default clean corrupted)",
    )
    command.add_argument(
        "--damage",
        nargs="+",
        type=_damage,
        metavar="KIND[:STRENGTH]",
        help="what happens to the light of the tasks of --scale and --level, each kind in tasks of its own, strength "
        "1, 2 or 3 (2); docs/light.md names the kinds",
    )
    command.add_argument(
        "--quality",
        choices=(*QUALITIES, "none"),
        help="the only quality to run; none runs the classical methods only (default: balanced, and all three on the "
        "main tasks)",
    )
    command.add_argument(
        "--noise",
        type=values.positive("degrees", zero=True),
        metavar="DEG",
        help="rms EBSD error of the tasks of --scale and --level (0.5)",
    )
    command.add_argument(
        "--coarsest",
        type=values.positive("percent"),
        metavar="PERCENT",
        help="in place of comparing methods: how coarse the maps could have been scanned for at most so many percent "
        "of wrong pixels, from their errors at scale 1 to 8 (with --level: default corrupted none)",
    )
    command.add_argument(
        "--rate",
        type=values.positive("points per second"),
        metavar="R",
        help="with --coarsest: points per second of the microscope, for hours saved",
    )
    command.add_argument(
        "--jobs",
        type=values.whole(1, 64),
        metavar="N",
        help="processes that share the tasks, each with one thread (default: as many as there are cores)",
    )
    command.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")
    command.add_argument("--output", metavar="TABLE.md", help="write a table of every figure to a file")
    command.add_argument("--json", metavar="FILE.json", help="write every figure of every answer")
    command.add_argument("--force", action="store_true", help="replace existing output")
    values.add_map(command)
    values.add_part(command)
    values.add_seed(command)
    values.add_device(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    inputs = arguments.ebsd
    output, record_file = (
        None if path is None else check_file(path, (ending,), arguments.force, inputs=inputs)
        for path, ending in ((arguments.output, ".md"), (arguments.json, ".json"))
    )
    _check_coarsest(arguments)
    chosen = device.choose(arguments.device)

    import torch

    from grainlight.evaluation import table
    from grainlight.evaluation.results import Results
    from grainlight.evaluation.run import count, run

    note(device.describe(chosen))
    if arguments.coarsest is not None:
        return _coarsest(arguments, chosen, record_file)
    planned = _planned(arguments)
    note(f"{len(planned)} tasks, {count(planned)} answers")
    weights = None if arguments.weights is None else Path(arguments.weights)
    # one process at a time on a GPU
    jobs = arguments.jobs or (torch.get_num_threads() if chosen == "cpu" else 1)
    began = time.perf_counter()
    with bars() as progress:
        results = Results.of(run(planned, weights=weights, device=chosen, jobs=jobs, progress=progress))
    seconds = time.perf_counter() - began
    print(table.narrow(results))
    if output is not None:
        write_text(output, table.markdown(results))
        print(f"wrote {output}")
    if record_file is not None:
        write_text(record_file, table.as_json(results, weights, chosen, seconds))
        print(f"wrote {record_file}")
    note(f"{seconds:.0f} s")
    return 0


def _check_coarsest(arguments: argparse.Namespace) -> None:
    """Check the options that go with --coarsest, and those that do not."""
    if arguments.coarsest is None:
        if arguments.rate is not None:
            raise InputError("--rate says nothing without --coarsest", advice="--coarsest PERCENT")
        return
    if not arguments.ebsd:
        raise InputError("--coarsest asks about a full map, and none is given", expected="MAP")
    for name in ("suite", "quick", "scale", "damage", "output"):
        if getattr(arguments, name):
            raise InputError(f"--coarsest does not go with --{name}", advice="leave one of them out")
    if arguments.quality == "none":
        raise InputError("--coarsest asks about the restoration", found="--quality none")


def _coarsest(arguments: argparse.Namespace, chosen: str, record_file: Path | None) -> int:
    import json

    import torch

    from grainlight.evaluation.reference_map import load_reference_maps
    from grainlight.validation.coarseness import how_coarse

    tolerance, records = arguments.coarsest / 100, []
    levels: dict[str, Level | None] = {"clean": "clean", "mild": "mild", "corrupted": "corrupted", "severe": "severe"}
    for reference in load_reference_maps(arguments.ebsd, lambda path: values.load_map(path, arguments)):
        for level in arguments.level or ("corrupted", "none"):
            with bars() as progress:
                found = how_coarse(
                    reference,
                    levels.get(level),
                    quality=arguments.quality or "balanced",
                    noise=0.5 if arguments.noise is None else arguments.noise,
                    seed=arguments.seed,
                    weights=None if arguments.weights is None else Path(arguments.weights),
                    device=chosen,
                    jobs=arguments.jobs or (torch.get_num_threads() if chosen == "cpu" else 1),
                    progress=progress,
                )
            print("\n".join(found.lines(tolerance, arguments.rate)) + "\n")
            records.append(found.as_record(tolerance))
    if record_file is not None:
        write_text(record_file, json.dumps({"how_coarse": records}, indent=1, allow_nan=False) + "\n")
        print(f"wrote {record_file}")
    return 0


def _damage(text: str) -> Damage:
    """Read a kind of damage and its strength."""
    from grainlight.evaluation.damage import KINDS, Damage

    kind, _, strength = text.partition(":")
    try:
        return Damage(kind.strip().replace("_", " "), int(strength or 2))
    except ValueError:
        kinds = ", ".join(KINDS)
        raise argparse.ArgumentTypeError(f"{text!r} is no damage; expected {kinds}, and :1, :2 or :3") from None


def _planned(arguments: argparse.Namespace) -> list[PlannedTask]:
    from grainlight.evaluation.reference_map import any_section, load_reference_maps
    from grainlight.evaluation.scenario import SCENARIOS, Scenario
    from grainlight.evaluation.suite import map_tasks, synthetic_tasks

    own = arguments.scale or arguments.level or arguments.noise is not None or arguments.damage
    scenarios: tuple[Scenario, ...] = SCENARIOS
    if own:
        scenarios = tuple(
            Scenario(
                scale,
                None if level == "none" else level,
                0.5 if arguments.noise is None else arguments.noise,
                damage=None if level == "none" else damage,
            )
            for scale in arguments.scale or (2, 4)
            for level in arguments.level or ("clean", "corrupted")
            for damage in (arguments.damage or (None,))
        )
    maps = load_reference_maps(arguments.ebsd, lambda path: values.load_map(path, arguments))
    if own and not maps:
        note("no map is given: a synthetic section")
        maps = [any_section(arguments.seed)]
    quality, quick = arguments.quality, arguments.quick
    planned = map_tasks(maps, scenarios, seed=arguments.seed, quick=quick, quality=quality)
    if arguments.suite or not maps:
        planned = synthetic_tasks(quick=quick, quality=quality) + planned
    return planned
