"""Choices of the denoiser's training at equal compute: `python -m benchmarks.study --output study.jsonl`.

Every variant of a small network is trained from scratch for the same CPU seconds, with several seeds, and scored on the
same synthetic sections. The seconds are turned into a number of steps by timing some steps of the base, and the base's
number into each variant's by timing both: other work on the machine then changes the clock, hardly the result. What is
finished stands in the file, and is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from pathlib import Path
from statistics import fmean, median, variance
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.loss import LossSettings, denoising_loss
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.noise import NoiseMixture, draw_noise_field
from benchmarks.peers.denoiser.presets import CPU
from benchmarks.peers.denoiser.skip import PrecisionWeightedSkip
from benchmarks.peers.denoiser.task import Denoising
from benchmarks.peers.denoiser.validation import validate, validation_set
from benchmarks.peers.denoiser.weights import load_denoiser
from grainlight.crystal.embedding import decode
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.state import EBSD
from grainlight.errors import InputError
from grainlight.synth.draw import Draw
from grainlight.training.loop import train
from grainlight.training.presets import TrainingPreset

BASE = "base"
_NOISE_SEED, _TIMING_SEED = 778_000, 779_000
_SMALL = NetworkConfig(widths=(12, 24, 48, 64))
_START = replace(CPU, network=_SMALL, patch=48, batch=4, warmup_steps=20, save_every_seconds=float("inf"))


@dataclass(frozen=True)
class Variant:
    """One choice made otherwise than in the base; ``about`` says which, ``steps`` stands in for equal compute."""

    name: str
    about: str
    preset: TrainingPreset
    steps: int | None = None


def variants(start: TrainingPreset = _START) -> list[Variant]:
    """Return the base and its variants, the most interesting first."""
    network, mixture, task = start.network, start.mixture, start.task
    pixels = start.batch * start.patch**2
    assert isinstance(task, Denoising)

    def net(**fields: Any) -> TrainingPreset:
        return replace(start, network=replace(network, **fields))

    def mix(**fields: Any) -> TrainingPreset:
        return replace(start, mixture=replace(mixture, **fields))

    def cost(**fields: Any) -> TrainingPreset:
        return replace(start, task=replace(task, loss=replace(task.loss, **fields)))

    def cut(patch: int) -> TrainingPreset:
        return replace(start, patch=patch, batch=max(1, round(pixels / patch**2)))

    def widths(factor: float) -> tuple[int, ...]:
        return tuple(4 * max(1, round(factor * w / 4)) for w in network.widths)

    return [
        Variant(BASE, "", start),
        Variant("skip alone", "no training", start, steps=0),
        Variant("adam", "optimiser", replace(start, optimizer="adam")),
        Variant("wide", "width x 2", net(widths=widths(2.0))),
        Variant("narrow", "width x 0.5", net(widths=widths(0.5))),
        Variant("deep", "twice the blocks", net(down_blocks=(0, 2, 4, 4), up_blocks=(2, 2, 2))),
        Variant("tau x 0.5", "skip: structural deviations", net(structure=0.5)),
        Variant("tau x 2", "skip: structural deviations", net(structure=2.0)),
        Variant("scales 2", "skip: scales", net(scales=2)),
        Variant("levels", "mixture: half of the unmeasured at a level", mix(unmeasured_unknown=0.5)),
        Variant("floor 0.04", "loss: floor", cost(floor=0.04)),
        Variant("patch 32", "patch, same pixels per step", cut(32)),
        Variant("ema none", "EMA", replace(start, ema_share=0.0)),
        Variant("first calls", "mixture: no later calls", replace(start, task=replace(task, later_calls=0.0))),
        Variant("adam fast", "optimiser, rate x 3", replace(start, optimizer="adam", lr=3 * start.lr)),
        Variant("shallow", "half the blocks", net(down_blocks=(0, 1, 1, 1), up_blocks=(0, 1, 1))),
        Variant("patch 64", "patch, same pixels per step", cut(64)),
        Variant("floor 0.36", "loss: floor", cost(floor=0.36)),
        Variant("ema long", "EMA over 0.3 of the steps", replace(start, ema_share=0.3)),
        Variant("muon slow", "optimiser, rate x 0.5", replace(start, muon_lr=0.5 * start.muon_lr)),
        Variant("even strides", "mixture: all strides alike", mix(stride_shares=(1 / 7,) * 7)),
        Variant("even weights", "loss: all parts alike", cost(part_weight=(0.2,) * 5)),
        Variant("square", "loss: no linear tail", cost(huber=1000.0)),
    ]


def cpu_per_step(preset: TrainingPreset, steps: int = 40) -> float:
    """CPU seconds of one training step: the median over ``steps`` steps of a run of its own, the first left out."""
    marks: list[float] = []
    with TemporaryDirectory() as folder:
        preset = replace(preset, steps=steps + 1, log_every=1)
        train(Path(folder), preset, seed=_TIMING_SEED, report=lambda _: marks.append(time.process_time()))
    return median(after - before for before, after in pairwise(marks[: steps + 1]))


def _work(preset: TrainingPreset) -> TrainingPreset:
    """What of a preset decides the cost of a step: other losses, rates, EMAs and structural deviations cost nothing."""
    free, task = CPU, preset.task
    assert isinstance(task, Denoising)
    task = replace(task, loss=LossSettings())
    network = replace(preset.network, structure=free.network.structure)
    return replace(preset, network=network, task=task, ema_share=free.ema_share, lr=free.lr, muon_lr=free.muon_lr)


def _equal_steps(preset: TrainingPreset, base: TrainingPreset, base_steps: int, timing: int) -> int:
    """Steps that cost what the base's do; both are timed one after the other, under the same load of the machine."""
    if _work(preset) == _work(base):
        return base_steps
    return max(1, round(base_steps * cpu_per_step(base, timing) / cpu_per_step(preset, timing)))


def trained(preset: TrainingPreset, steps: int, seed: int) -> tuple[Denoiser, float]:
    """Train from scratch; return the EMA as a user would load it, and the CPU seconds that the steps took."""
    marks = [time.process_time()]
    with TemporaryDirectory() as folder:
        preset = replace(preset, steps=steps, log_every=max(1, steps))
        path = train(Path(folder), preset, seed=seed, report=lambda _: marks.append(time.process_time()))
        return load_denoiser(path), marks[1] - marks[0]


@torch.no_grad()
def score(model: Denoiser, clean: Tensor) -> dict[str, float]:
    """Validation loss and share of errors above 5 degrees (%) over drawn noise fields, and the scores of every task.

    The loss is that of the default settings, noise fields and skip, whatever the model was trained with: otherwise a
    variant would be measured with a ruler of its own.

    Parameters
    ----------
    model
        In evaluation mode, on the CPU.
    clean
        Clean states (B, 23, H, W).
    """
    x, sigma = draw_noise_field(Draw.seeded(_NOISE_SEED), clean, NoiseMixture())
    p = PrecisionWeightedSkip()(x, sigma)[1]
    found = model(x, sigma)
    loss = float(denoising_loss(found, clean, p, LossSettings())[0])
    error = torch.rad2deg(disorientation_angle(decode(found[:, EBSD], dim=1), decode(clean[:, EBSD], dim=1)))
    drawn = {"loss": round(loss, 5), "drawn: over 5 deg, %": round(100 * float((error > 5).float().mean()), 2)}
    return drawn | validate(model, clean)


def read(path: Path) -> list[dict]:
    """Records of a study, the first to the last; none if there is no file.

    Raises
    ------
    InputError
        If a line is no record.
    """
    records = []
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path.is_file() else [], 1):
        try:
            record = json.loads(line)
            records.append({key: record[key] for key in ("variant", "seed", "seconds", "steps", "cpu", "scores")})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(
                "is no record of a study",
                file=path,
                place=f"line {number}",
                found=line[:60],
                expected="JSON of a finished run",
                advice="remove the line, or use another file",
            ) from error
    return records


def study(
    chosen: Iterable[Variant],
    seconds: float,
    seeds: int,
    output: Path,
    *,
    base: Variant | None = None,
    each: int = 4,
    size: int = 64,
    timing: int = 24,
) -> None:
    """Run what is not in the file yet, variant by variant, and add a line to it after every run.

    Parameters
    ----------
    chosen
        The variants.
    seconds
        CPU seconds of training per run.
    seeds
        Runs per variant, with the seeds 0, 1, ...
    output
        JSON lines.
    base
        What the variants are variants of.
    each, size
        Validation sections of each of four grain sizes, and their rows and columns.
    timing
        Steps that are timed for every variant.

    Raises
    ------
    InputError
        If the file holds something else, or runs of other seconds.
    """
    clean = validation_set(size, each)
    before = read(output)
    other = {record["seconds"] for record in before} - {seconds}
    if other:
        raise InputError(
            "holds runs of another length",
            file=output,
            found=f"{other.pop():g} seconds",
            expected=f"{seconds:g} seconds",
            advice="give these seconds, or use another file",
        )
    base = variants()[0] if base is None else base
    base_steps = next((record["steps"] for record in before if record["variant"] == BASE), None)
    if base_steps is None:
        base_steps = max(1, round(seconds / cpu_per_step(base.preset, timing)))
    for variant in chosen:
        done = {record["seed"]: record["steps"] for record in before if record["variant"] == variant.name}
        missing = [seed for seed in range(seeds) if seed not in done]
        if not missing:
            continue
        steps = next(iter(done.values()), variant.steps)
        if steps is None:
            steps = _equal_steps(variant.preset, base.preset, base_steps, timing)
        for seed in missing:
            model, cpu = trained(variant.preset, steps, seed)
            record = {"variant": variant.name, "seed": seed, "seconds": seconds, "steps": steps, "cpu": round(cpu, 2)}
            with output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record | {"scores": score(model, clean)}) + "\n")


@dataclass(frozen=True)
class Difference:
    """Mean of a score over the seeds, its standard error, and the mean difference from the base with its own.

    The difference is taken seed by seed. Three seeds say little of a spread: ``against_error`` is the larger of the
    variant's own and the one pooled over all variants. Errors are not a number for a single seed.
    """

    mean: float
    error: float
    against: float
    against_error: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is beyond two standard errors."""
        return abs(self.against) > 2 * self.against_error


def compare(records: Sequence[dict], metric: str) -> dict[str, Difference]:
    """Compare every variant with the base on one metric."""
    values: dict[str, dict[int, float]] = {}
    for record in records:
        values.setdefault(record["variant"], {})[record["seed"]] = record["scores"][metric]
    base = values.get(BASE, {})
    gaps = {n: [v - base[s] for s, v in by.items() if s in base] for n, by in values.items() if n != BASE}
    spreads = [(variance(g), len(g) - 1) for g in gaps.values() if len(g) > 1]
    pooled = sum(v * n for v, n in spreads) / sum(n for _, n in spreads) if spreads else float("nan")
    found = {}
    for name, by in values.items():
        gap = gaps.get(name, [])
        wide = max(pooled, variance(gap)) if len(gap) > 1 else pooled
        found[name] = Difference(
            fmean(by.values()),
            _standard_error(list(by.values())),
            fmean(gap) if gap else float("nan"),
            sqrt(wide / len(gap)) if gap else float("nan"),
        )
    return found


def _standard_error(values: Sequence[float]) -> float:
    return sqrt(variance(values) / len(values)) if len(values) > 1 else float("nan")


def markdown(records: Sequence[dict]) -> str:
    """Return a Markdown table: mean and standard error per variant and score, in bold what is significant."""
    if not records:
        return ""
    metrics = list(records[0]["scores"])
    columns = {metric: compare(records, metric) for metric in metrics}
    head = ["variant", "about", "seeds", "steps", "CPU s", *metrics]
    about = {variant.name: variant.about for variant in variants()}
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in dict.fromkeys(record["variant"] for record in records):
        mine = [record for record in records if record["variant"] == name]
        cpu = f"{fmean(record['cpu'] for record in mine):.0f}"
        cells = [name, about.get(name, ""), str(len(mine)), str(mine[0]["steps"]), cpu]
        for metric in metrics:
            found = columns[metric][name]
            cell = f"{found.mean:.3f} ± {found.error:.3f}"
            cells.append(f"**{cell}**" if found.is_significant else cell)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the study, and write its table to standard output."""
    known = {variant.name: variant for variant in variants()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="JSON lines; finished runs in it are kept")
    parser.add_argument("--seconds", type=float, default=40.0, help="CPU seconds of training per run")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=known, metavar="NAME", help=f"of: {', '.join(known)}")
    parser.add_argument("--table", action="store_true", help="run nothing: write the table of what is finished")
    given = parser.parse_args(argv)
    if not given.table:
        study([known[name] for name in given.only or known], given.seconds, given.seeds, given.output)
    sys.stdout.write(markdown(read(given.output)))


if __name__ == "__main__":
    main()
