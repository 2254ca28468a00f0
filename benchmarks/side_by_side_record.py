"""The record of the side-by-side comparison: a line of JSON for every answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmarks.process_run import Cost
from grainlight.errors import InputError
from grainlight.evaluation.figures import NAMES, NAN, Figures

JUDGED, PUBLIC = "judged", "public"
"""Parts of the comparison: our own tasks, and those that others have published figures for."""


@dataclass(frozen=True)
class RecordedAnswer:
    """One line of the record: a method's answer to a task in figures and cost, or the reason why there is none.

    Parameters
    ----------
    part
        `JUDGED` or `PUBLIC`.
    map, rows, columns, scale, light, noise, seed
        The map's name and size, and what was left of it.
    task
        Hash of what the method was given.
    method, weights
        Its name, and the hash of the weights of this project.
    machine
        Processor, threads and version of torch.
    figures, psnr, ssim, cost
        None where `reason` says why.
    """

    part: str
    map: str
    rows: int
    columns: int
    scale: int
    light: str
    noise: float
    seed: int
    task: str
    method: str
    weights: str
    machine: str
    figures: Figures | None = None
    psnr: float | None = None
    ssim: float | None = None
    cost: Cost | None = None
    reason: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What two records of the same answer share."""
        return self.part, self.task, self.method, self.weights

    def value(self, name: str) -> float:
        """Return a figure or a cost by its name; NaN where there is none."""
        for source in (self.figures, self.cost, self):
            found = getattr(source, name, None)
            if found is not None:
                return float(found)
        return NAN

    def as_line(self) -> str:
        """Return JSON; NaN as null, an infinite PSNR as 1e9."""
        record = asdict(self)
        if self.figures is not None:
            record["figures"] = {name: None if value != value else value for name, value in record["figures"].items()}
        if self.psnr is not None:
            record["psnr"] = min(self.psnr, 1e9)
        return json.dumps(record, allow_nan=False)

    @classmethod
    def of_line(cls, line: str) -> RecordedAnswer:
        """Return the answer of a line of JSON."""
        record = json.loads(line)
        if record["figures"] is not None:
            known = {name: record["figures"].get(name) for name in NAMES}
            record["figures"] = Figures(**{name: NAN if value is None else value for name, value in known.items()})
        if record["cost"] is not None:
            record["cost"] = Cost(**record["cost"])
        return cls(**{item.name: record.get(item.name) for item in fields(cls)})


def read(record: Path) -> list[RecordedAnswer]:
    """Return the answers of a record, the last record of each; none if there is no such file.

    Raises
    ------
    InputError
        If a line cannot be read; the last may have been cut short by an interruption and is then left out.
    """
    if not record.is_file():
        return []
    found: dict[tuple[str, str, str, str], RecordedAnswer] = {}
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            answer = RecordedAnswer.of_line(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                record.write_text("".join(lines[:-1]), encoding="utf-8")
                break
            raise InputError(
                "a line cannot be read as an answer",
                file=record,
                place=f"line {number}",
                found=str(error),
                advice="remove the line, or the file to begin anew",
            ) from error
        found[answer.key] = answer
    return list(found.values())
