"""`python -m benchmarks.open tasks FOLDER`, `score ANSWERS`, `baseline NAME ANSWERS`.

``tasks`` writes what a method is given. ``score`` reads answers, one file a task by the task's name, and prints their
scores. ``baseline`` makes the answers of a method of this project: nearest, guided, fast, balanced or best.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.open.scores import find_answer, judge, markdown, means, read_answer
from benchmarks.open.tasks import MAPS, VERSION, Named, all_tasks, sha256, write_tasks
from grainlight.errors import InputError
from grainlight.evaluation.baselines.guided_copy import guided_copy
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import Task

BASELINES = ("nearest", "guided", "fast", "balanced", "best")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open", description=__doc__)
    parser.add_argument("what", choices=("tasks", "score", "baseline"))
    parser.add_argument("names", nargs="+", help="FOLDER of the tasks or answers; before it, the baseline's name")
    parser.add_argument("--map", nargs="*", default=[], type=Path, help="the real maps of the benchmark, where at hand")
    parser.add_argument("--json", type=Path, help="also write the scores")
    parser.add_argument("--method", default="answers", help="what the table calls it")
    parser.add_argument("--only", nargs="*", help="parts of the names of tasks")
    arguments = parser.parse_args(argv)
    try:
        for path in arguments.map:
            if MAPS.get(path.name) != sha256(path):
                raise InputError("the map is not one of the benchmark", file=path, expected=", ".join(MAPS))
        folder = Path(arguments.names[-1])
        if arguments.what == "tasks":
            print(f"wrote {len(write_tasks(folder, arguments.map))} files to {folder}")
            return 0
        tasks = [
            one
            for one in all_tasks(arguments.map)
            if not arguments.only or any(part in one.name for part in arguments.only)
        ]
        if arguments.what == "baseline":
            return _baseline(arguments.names[0], folder, tasks)
        return _score(folder, tasks, arguments.method, arguments.json)
    except InputError as error:
        print(f"benchmarks.open: {error}", file=sys.stderr)
        return 2


def _score(folder: Path, tasks: list[Named], method: str, record: Path | None) -> int:
    answers, missing = [], []
    for named in tasks:
        file = find_answer(folder, named.name)
        if file is None:
            missing.append(named.name)
            continue
        task = named.make()
        rows, columns = task.measured.shape
        answers.append(judge(named, task, read_answer(file, (rows, columns))))
    if not answers:
        raise InputError("no answer is there", file=folder, expected=f"files such as {tasks[0].name}.ang")
    print(markdown(means(answers), method))
    if missing:
        print(f"{len(missing)} of {len(tasks)} tasks have no answer: {', '.join(missing[:5])}", file=sys.stderr)
    if record is not None:
        found = {
            "benchmark": VERSION,
            "method": method,
            "means": means(answers),
            "answers": [asdict(one) for one in answers],
            "missing": missing,
        }
        record.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _baseline(name: str, folder: Path, tasks: list[Named]) -> int:
    if name not in BASELINES:
        raise InputError("unknown baseline", found=name, expected=", ".join(BASELINES))
    folder.mkdir(parents=True, exist_ok=True)
    for named in tasks:
        if find_answer(folder, named.name) is not None:
            continue
        task = named.make()
        np.savez(folder / f"{named.name}.npz", **_answer(name, task))  # type: ignore[arg-type]
        print(named.name, flush=True)
    return 0


def _answer(name: str, task: Task) -> dict[str, np.ndarray]:
    if name == "nearest" or (name == "guided" and task.light is None):
        return {"quaternions": nearest(task.quaternions, task.measured)}
    if name == "guided":
        assert task.light is not None
        assert task.sigma is not None
        return {"quaternions": guided_copy(task.quaternions, task.measured, task.light, task.sigma)}
    from grainlight.restore.enhance import enhance
    from grainlight.restore.settings import Settings

    result = enhance(task.coarse, task.stack, Settings(scale=task.scale, quality=name))
    rows, columns = task.measured.shape
    return {
        "quaternions": result.map.quaternions[:rows, :columns],
        "uncertainty": result.uncertainty[:rows, :columns],
    }


if __name__ == "__main__":
    sys.exit(main())
