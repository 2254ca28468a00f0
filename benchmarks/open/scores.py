"""Scores of answers to the tasks of the open benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.open.tasks import Named
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.metrics import coverage, disorientation, score
from grainlight.maps.io import load_ebsd

ENDINGS = (".npz", ".ang", ".ctf", ".h5oina", ".h5", ".dream3d")
ARCHIVE = ("quaternions", "uncertainty")


@dataclass(frozen=True)
class Answer:
    """Score of one task.

    ``wrong`` and ``wrong_near``: share of the pixels that were not measured, and of those within 2 pixels of a true
    boundary, that are off by more than 5 degrees; ``median`` degrees; ``edge_f1`` of boundary edges, each in its exact
    place; ``covered``: share within the bound that is stated for them, None where none is.
    """

    task: str
    group: str
    wrong: float
    wrong_near: float
    median: float
    edge_f1: float
    covered: float | None = None


@dataclass(frozen=True, eq=False)
class Given:
    """An answer as a file holds it: orientations (H, W, 4) in frame S with X along a, a bound (H, W) in degrees."""

    quaternions: NDArray[np.float64]
    bound: NDArray[np.float64] | None = None


def find_answer(folder: Path, name: str) -> Path | None:
    """Return the file of a task's answer: NAME.ENDING, an .npz first."""
    return next((file for ending in ENDINGS if (file := folder / f"{name}{ending}").is_file()), None)


def read_answer(path: Path, shape: tuple[int, int]) -> Given:
    """Read an answer and take the upper left part that the truth has.

    Raises
    ------
    InputError
        Where the file is no map, or smaller than the truth.
    """
    if path.suffix == ".npz":
        q, bound = _archive(path)
    else:
        found = load_ebsd(path).in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
        q, bound = found.quaternions, None
    rows, columns = shape
    if q.ndim != 3 or q.shape[0] < rows or q.shape[1] < columns or q.shape[2] != 4:
        raise InputError(
            "the answer has not the size of the task",
            file=path,
            found=f"{q.shape[0]} x {q.shape[1]} pixels" if q.ndim == 3 else f"shape {q.shape}",
            expected=f"{rows} x {columns} pixels of orientations",
        )
    return Given(q[:rows, :columns], None if bound is None else bound[:rows, :columns])


def _archive(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """An .npz of this project, or one with ``quaternions`` in frame S and, where there is one, ``uncertainty``."""
    try:
        with np.load(path) as archive:
            if "record" not in archive:
                plain = {name: np.asarray(archive[name], np.float64) for name in ARCHIVE if name in archive}
                if "quaternions" not in plain:
                    raise InputError("the archive has no quaternions", file=path, expected=", ".join(ARCHIVE))
                return plain["quaternions"], plain.get("uncertainty")
    except (OSError, ValueError) as error:
        raise InputError("the archive cannot be read", file=path, found=str(error)[:200]) from error
    from grainlight.restore.saved import load_result

    result = load_result(path)
    found = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    return found.quaternions, result.uncertainty.astype(np.float64)


def judge(named: Named, task: Task, given: Given) -> Answer:
    """Compare an answer with the truth."""
    norm = np.linalg.norm(given.quaternions, axis=-1, keepdims=True)
    q = np.where(norm > 0.5, given.quaternions / np.maximum(norm, 1e-9), np.array([1.0, 0.0, 0.0, 0.0]))
    found = score(q, task.truth, task.measured, task.valid)
    asked = task.valid & ~task.measured
    covered = None
    if given.bound is not None and np.isfinite(given.bound[asked]).any():
        covered = coverage(disorientation(q, task.truth), np.nan_to_num(given.bound, nan=0.0), asked)
    return Answer(named.name, named.group, found.over_5, found.near_over_5, found.median, found.edge_f1, covered)


def means(answers: Iterable[Answer]) -> list[dict[str, str | float | int | None]]:
    """Return the mean of each group, and of all groups alike, as rows."""
    groups: dict[str, list[Answer]] = {}
    for one in answers:
        groups.setdefault(one.group, []).append(one)
    rows: list[dict[str, str | float | int | None]] = []
    for group, of in groups.items():
        row: dict[str, str | float | int | None] = {"group": group, "tasks": len(of)}
        for name in ("wrong", "wrong_near", "median", "edge_f1"):
            row[name] = round(fmean(asdict(one)[name] for one in of), 4)
        stated = [one.covered for one in of if one.covered is not None]
        row["covered"] = round(fmean(stated), 4) if len(stated) == len(of) else None
        rows.append(row)
    return rows


def markdown(rows: Iterable[dict[str, str | float | int | None]], method: str) -> str:
    """Return rows as a table."""
    head = ["task", "method", "wrong", "wrong near boundaries", "median, deg", "edge F1", "within the bound"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        bound = row["covered"]
        cells = [
            str(row["group"]),
            method,
            f"{100 * float(row['wrong'] or 0):.1f} %",
            f"{100 * float(row['wrong_near'] or 0):.1f} %",
            f"{row['median']:.2f}",
            f"{row['edge_f1']:.3f}",
            "-" if bound is None else f"{100 * float(bound):.0f} %",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
