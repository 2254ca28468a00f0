"""Peers and this project side by side: every method on the same tasks, each answer in a fresh process.

    python -m grainlight.benchmark.side_by_side --output docs/benchmark --maps Ti64-200x200.ang

writes answers.jsonl, README.md and error_against_seconds.png into the folder. What answers.jsonl has is not run again,
so that a run can be interrupted, and methods added; failed attempts are tried again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grainlight.benchmark.attempt import attempt
from grainlight.benchmark.contestants import contestants
from grainlight.benchmark.degrade import Task
from grainlight.benchmark.figures import measure
from grainlight.benchmark.methods import has_weights
from grainlight.benchmark.peers.ipf_image import psnr_ssim
from grainlight.benchmark.run import ours
from grainlight.benchmark.scenario import Scenario
from grainlight.benchmark.side_by_side_record import JUDGED, PUBLIC, Entry, read
from grainlight.benchmark.subject import SIZE, Subject, load_subjects, validation_section
from grainlight.errors import InputError

SECTIONS = (("equiaxed", 3),)
"""Family and number of the synthetic sections that are judged beside the maps from files."""
SEED = 0
PUBLIC_METHODS: dict[Scenario, tuple[str, ...]] = {
    Scenario(4, None, noise=0.0): ("nearest", "bilinear", ours("balanced")),
    Scenario(4, noise=0.0): ("guided copy, denoised light", ours("balanced")),
    Scenario(4, "clean", noise=0.0): ("guided copy, denoised light", ours("balanced")),
}
"""4x with no noise but the map's own, as others decimate their maps; with EBSD alone and with light."""


@dataclass(frozen=True, eq=False)
class Question:
    """A task that methods are to be run on."""

    part: str
    subject: Subject
    scenario: Scenario
    methods: tuple[str, ...]


def questions(maps: Sequence[Subject], methods: Sequence[str], scales: Sequence[int], size: int) -> Iterator[Question]:
    """Yield the tasks: judged ones on a corner of each map and on the sections, public ones on whole maps.

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
    corners = [Subject(one.group, one.name, one.full.cropped(size, size)) for one in maps]
    sections = [validation_section(family, number, size) for family, number in SECTIONS]
    for scale in scales:
        for subject in (*corners, *sections):
            yield Question(JUDGED, subject, Scenario(scale), tuple(methods))
    for subject in maps:
        for scenario, names in PUBLIC_METHODS.items():
            yield Question(PUBLIC, subject, scenario, tuple(name for name in names if name in methods))


def run(
    asked: Iterable[Question],
    record: Path,
    *,
    weights: Path | None = None,
    limit: float | None = None,
) -> Iterator[Entry]:
    """Run what the record does not have yet, and append it, answer by answer.

    Parameters
    ----------
    asked
        From `questions`.
    record
        File of JSON lines; made if it does not exist.
    weights
        A file in place of the shipped weights.
    limit
        Seconds for an answer.

    Yields
    ------
    An entry for every method of every question, whether it was run now or before.
    """
    done = {entry.key: entry for entry in read(record) if entry.reason is None}
    stamp, here = _weights_hash(weights), machine()
    for question in asked:
        if not question.methods:
            continue
        task = question.scenario.degrade(question.subject.full, SEED)
        for name in question.methods:
            rows, columns = task.measured.shape
            entry = Entry(
                question.part, question.subject.name, rows, columns, task.scale, question.scenario.light, task.noise,
                SEED, hash_of(task), name, stamp, here,
            )  # fmt: skip
            if entry.key not in done:
                entry = answered(entry, task, weights, limit)
                with record.open("a", encoding="utf-8") as file:
                    file.write(entry.as_line() + "\n")
            yield done.get(entry.key, entry)


def answered(entry: Entry, task: Task, weights: Path | None, limit: float | None) -> Entry:
    """Return an entry with what came of running its method."""
    found = attempt(entry.method, task, weights, limit)
    if found.answer is None:
        return replace(entry, reason=found.reason)
    psnr, ssim = psnr_ssim(found.answer.quaternions, task.truth, task.valid)
    return replace(entry, figures=measure(found.answer, task), psnr=psnr, ssim=ssim, cost=found.cost)


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
        prog="python -m grainlight.benchmark.side_by_side", description="Compare peers and this project side by side."
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
    from grainlight.benchmark.side_by_side_figure import draw
    from grainlight.benchmark.side_by_side_page import FIGURE, page
    from grainlight.maps.io.shared.atomic import atomic_path

    chosen = _arguments(arguments)
    names = list(contestants())
    unknown = [name for name in chosen.only or () if name not in names]
    if unknown:
        raise InputError("unknown method", found=", ".join(unknown), expected=", ".join(names))
    wanted = [name for name in names if not chosen.only or name in chosen.only]
    chosen.output.mkdir(parents=True, exist_ok=True)
    record: Path = chosen.output / "answers.jsonl"
    asked = list(questions(load_subjects(chosen.maps), wanted, chosen.scales, chosen.size))
    shown: dict[Any, Entry] = {}
    for entry in run(asked, record, weights=chosen.weights, limit=chosen.limit):
        shown[entry.key] = entry
        said = entry.reason or f"{entry.value('seconds'):.1f} s, F1 {entry.value('edge_f1'):.3f}"
        sys.stderr.write(f"{entry.part}, {entry.subject}, scale {entry.scale}, {entry.light}, {entry.method}: {said}\n")
    # what other methods answered before to the same questions belongs on the page too
    tasks = {(entry.part, entry.task, entry.weights) for entry in shown.values()}
    known = {entry.key: entry for entry in read(record) if (entry.part, entry.task, entry.weights) in tasks}
    place = {name: number for number, name in enumerate(names)}
    entries = sorted({**known, **shown}.values(), key=lambda entry: place.get(entry.method, len(names)))
    command = f"python -m grainlight.benchmark.side_by_side {_shortened(arguments)}"
    with atomic_path(chosen.output / FIGURE) as path:
        draw([entry for entry in entries if entry.part == JUDGED], path)
    with atomic_path(chosen.output / "README.md") as path:
        path.write_text(page(entries, command), encoding="utf-8")


def _shortened(arguments: Sequence[str] | None) -> str:
    """Return the command line without folders of this machine."""
    given = sys.argv[1:] if arguments is None else arguments
    return shlex.join(Path(word).name if Path(word).is_absolute() or ".." in word else word for word in given)


if __name__ == "__main__":
    main()
