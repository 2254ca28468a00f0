"""Peers and this project side by side: every method on the same tasks, each answer in a fresh process.

    python -m benchmarks.side_by_side --output docs/benchmark --maps Ti64-200x200.ang

writes answers.jsonl, README.md and error_against_seconds.png into the folder. What answers.jsonl has is not run again,
so that a run can be interrupted, and methods added; methods that gave no answer are run again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.peers.ipf_image import psnr_ssim
from benchmarks.process_run import NoAnswer, run_in_process
from benchmarks.registry import registry
from benchmarks.side_by_side_record import JUDGED, PUBLIC, RecordedAnswer, read
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.figures import measure
from grainlight.evaluation.methods import has_weights, ours
from grainlight.evaluation.reference_map import SIZE, ReferenceMap, load_reference_maps, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.evaluation.suite import PlannedTask

SECTIONS = (("equiaxed", 3),)
"""Family and number of the synthetic sections that are judged beside the maps from files."""
SEED = 0
PUBLIC_METHODS: dict[Scenario, tuple[str, ...]] = {
    Scenario(4, None, noise=0.0): ("nearest", "bilinear", ours("balanced")),
    Scenario(4, noise=0.0): ("guided copy, denoised light", ours("balanced")),
    Scenario(4, "clean", noise=0.0): ("guided copy, denoised light", ours("balanced")),
}
"""4x with no noise but the map's own, as others decimate their maps; with EBSD alone and with light."""


def planned_tasks(
    maps: Sequence[ReferenceMap], methods: Sequence[str], scales: Sequence[int], size: int
) -> Iterator[tuple[str, PlannedTask]]:
    """Yield part and task: judged ones on a corner of each map and on the sections, public ones on whole maps.

    Parameters
    ----------
    maps
        From files.
    methods
        Names of all methods that run.
    scales
        Of the judged tasks, with corrupted light.
    size
        Rows and columns of the sections, and of the upper left corner of the maps that is judged.
    """
    corners = [ReferenceMap(one.group, one.name, one.full.cropped(size, size)) for one in maps]
    sections = [validation_section(family, number, size) for family, number in SECTIONS]
    for scale in scales:
        for reference in (*corners, *sections):
            yield JUDGED, PlannedTask(reference, Scenario(scale), SEED, tuple(methods))
    for reference in maps:
        for scenario, names in PUBLIC_METHODS.items():
            yield PUBLIC, PlannedTask(reference, scenario, SEED, tuple(name for name in names if name in methods))


def run(
    planned: Iterable[tuple[str, PlannedTask]],
    record: Path,
    *,
    weights: Path | None = None,
    limit: float | None = None,
) -> Iterator[RecordedAnswer]:
    """Run what the record does not have yet, and append it, answer by answer.

    Parameters
    ----------
    planned
        From `planned_tasks`.
    record
        File of JSON lines; made if it does not exist.
    weights
        A file in place of the shipped weights.
    limit
        Seconds for an answer.

    Yields
    ------
    An answer for every method of every task, whether it was run now or before.
    """
    done = {answer.key: answer for answer in read(record) if answer.reason is None}
    stamp, here = _weights_hash(weights), machine()
    for part, one in planned:
        if not one.methods:
            continue
        task = one.make()
        for name in one.methods:
            rows, columns = task.measured.shape
            blank = RecordedAnswer(
                part, one.reference.name, rows, columns, task.scale, one.scenario.light, task.noise,
                one.seed, hash_of(task), name, stamp, here,
            )  # fmt: skip
            if blank.key in done:
                yield done[blank.key]
                continue
            answer = answered(blank, task, weights, limit)
            with record.open("a", encoding="utf-8") as file:
                file.write(answer.as_line() + "\n")
            yield answer


def answered(blank: RecordedAnswer, task: Task, weights: Path | None, limit: float | None) -> RecordedAnswer:
    """Return a record without figures completed with what came of running its method."""
    try:
        answer, cost = run_in_process(blank.method, task, weights, limit)
    except NoAnswer as why:
        return replace(blank, reason=str(why))
    psnr, ssim = psnr_ssim(answer.quaternions, task.truth, task.valid)
    return replace(blank, figures=measure(answer, task), psnr=psnr, ssim=ssim, cost=cost)


def hash_of(task: Task) -> str:
    """Return 16 hexadecimal digits that belong to what a method is given: orientations, scale and images."""
    digest = hashlib.sha256(f"{task.scale} {task.measured.shape} {task.noise}".encode())
    digest.update(task.quaternions.tobytes())
    if task.stack is not None:
        digest.update(task.stack.images.tobytes())
    return digest.hexdigest()[:16]


def machine() -> str:
    """Return the processor, how many threads are used of how many cores, and the version of torch."""
    import torch

    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = named[0] if named else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = torch.get_num_threads()
    return (
        f"{name}, {threads} thread{'s' * (threads > 1)} on {cores} core{'s' * (cores != 1)}, torch {torch.__version__}"
    )


def _weights_hash(weights: Path | None) -> str:
    from grainlight.diffusion.checkpoint import weights_hash

    return weights_hash(weights) if has_weights(weights) else "none"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.side_by_side", description="Compare peers and this project side by side."
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the record, the page and the figure")
    parser.add_argument("--maps", type=Path, nargs="*", default=[], help="full EBSD maps, taken for the truth")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="methods to run; the page shows all of the record")
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--size", type=int, default=SIZE, help="rows and columns that are judged of a map")
    parser.add_argument("--weights", type=Path, help="weights in place of the shipped ones")
    parser.add_argument("--limit", type=float, help="seconds for one answer")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and write the page and the figure."""
    from benchmarks.side_by_side_figure import draw
    from benchmarks.side_by_side_page import FIGURE, page
    from grainlight.maps.io.shared.atomic import atomic_path

    chosen = _arguments(arguments)
    names = list(registry())
    unknown = [name for name in chosen.only or () if name not in names]
    if unknown:
        raise InputError("unknown method", found=", ".join(unknown), expected=", ".join(names))
    wanted = [name for name in names if not chosen.only or name in chosen.only]
    chosen.output.mkdir(parents=True, exist_ok=True)
    record: Path = chosen.output / "answers.jsonl"
    planned = list(planned_tasks(load_reference_maps(chosen.maps), wanted, chosen.scales, chosen.size))
    shown: dict[Any, RecordedAnswer] = {}
    for answer in run(planned, record, weights=chosen.weights, limit=chosen.limit):
        shown[answer.key] = answer
        said = answer.reason or f"{answer.value('seconds'):.1f} s, F1 {answer.value('edge_f1'):.3f}"
        about = f"{answer.part}, {answer.map}, scale {answer.scale}, {answer.light}, {answer.method}"
        sys.stderr.write(f"{about}: {said}\n")
    # what other methods answered before to the same tasks belongs on the page too
    tasks = {(answer.part, answer.task, answer.weights) for answer in shown.values()}
    known = {answer.key: answer for answer in read(record) if (answer.part, answer.task, answer.weights) in tasks}
    place = {name: number for number, name in enumerate(names)}
    answers = sorted({**known, **shown}.values(), key=lambda answer: place.get(answer.method, len(names)))
    command = f"python -m benchmarks.side_by_side {_shortened(arguments)}"
    with atomic_path(chosen.output / FIGURE) as path:
        draw([answer for answer in answers if answer.part == JUDGED], path)
    with atomic_path(chosen.output / "README.md") as path:
        path.write_text(page(answers, command), encoding="utf-8")


def _shortened(arguments: Sequence[str] | None) -> str:
    """Return the command line without folders of this machine."""
    given = sys.argv[1:] if arguments is None else arguments
    return shlex.join(Path(word).name if Path(word).is_absolute() or ".." in word else word for word in given)


if __name__ == "__main__":
    main()
