"""How a run of a volume grows: `python -m benchmarks.volume_growth [--sections 8 32 128] [--size 97] [--workers 1 2]`.

Each run is a process of its own on a synthetic volume, EBSD on every fourth section, light clean. The time of a further
section is processor time, of the run and its workers, between two volumes: what a run costs before its first section
cancels. The memory is the largest of the run itself and that of its largest worker. The efficiency of workers is told
by processor time, one against several, and by elapsed time: on cores that other programs share that says more of them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume

_SCALE, _STEP, _GRAIN = 2, 0.5, 12.0


@dataclass(frozen=True)
class Cost:
    """Of a run: elapsed and processor seconds, and 10^6 bytes of the run itself and of its largest worker."""

    elapsed: float
    cpu: float
    own: float
    worker: float


def measure(manifest: Path, workers: int, quality: str, scheduler: str | None) -> Cost:
    """Restore a volume in a process of its own."""
    options = {"scale": _SCALE, "quality": quality, "angles": "0:180:10", "step": _STEP}
    with tempfile.TemporaryDirectory() as folder:
        asked = options | {"output": folder, "workers": workers, "scheduler": scheduler}
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.volume_growth", "--one", str(manifest), json.dumps(asked)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
    return Cost(**json.loads(told.stdout.splitlines()[-1]))


def _one(manifest: str, options: str) -> None:
    """Restore a volume and tell what it cost."""
    from grainlight.volume.front import restore_volume

    began = time.perf_counter()
    restore_volume(manifest, **json.loads(options))
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(use.ru_utime + use.ru_stime for use in (own, workers))
    kilobytes = (use.ru_maxrss * 1024 / 1e6 for use in (own, workers))
    print(json.dumps(dict(zip(Cost.__annotations__, (time.perf_counter() - began, cpu, *kilobytes), strict=True))))


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--one"]:
        return _one(*given[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume_growth", description=__doc__)
    parser.add_argument("--sections", nargs="+", type=int, default=(8, 32, 128))
    parser.add_argument("--size", type=int, default=97, help="pixels a side")
    parser.add_argument("--workers", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--repeats", type=int, default=1, help="of each run; the one of least CPU time counts")
    parser.add_argument("--scheduler", help="as of `volume run`, for more than one worker")
    chosen = parser.parse_args(given)
    print("| sections | workers | elapsed, s | CPU, s | CPU s a further section | run, MB | worker, MB |")
    print("|---|---|---|---|---|---|---|")
    found: dict[tuple[int, int], Cost] = {}
    for count in chosen.sections:
        with tempfile.TemporaryDirectory() as folder:
            # as of the largest, so that all have the same shapes from section to section
            spacing = min(0.1, 2.4 / (max(chosen.sections) - 1))
            recipe = VolumeRecipe(
                count, (chosen.size, chosen.size), _GRAIN, spacing, _STEP, "equiaxed", _SCALE, level="clean", seed=1
            )
            manifest = write_synthetic_volume(recipe, Path(folder))
            for workers in chosen.workers:
                scheduler = chosen.scheduler if workers > 1 else None
                tried = [measure(manifest, workers, chosen.quality, scheduler) for _ in range(chosen.repeats)]
                cost = min(tried, key=lambda one: one.cpu)
                before = [n for n, w in found if w == workers]
                further = (
                    "" if not before else f"{(cost.cpu - found[before[-1], workers].cpu) / (count - before[-1]):.2f}"
                )
                found[count, workers] = cost
                print(
                    f"| {count} | {workers} | {cost.elapsed:.0f} | {cost.cpu:.0f} | {further} | {cost.own:.0f} | "
                    f"{cost.worker:.0f} |",
                    flush=True,
                )
    for count in chosen.sections:
        one = found.get((count, 1))
        for workers in chosen.workers:
            if one is None or workers == 1:
                continue
            several = found[count, workers]
            by_cpu, by_clock = one.cpu / several.cpu, one.elapsed / several.elapsed / workers
            print(
                f"{count} sections, {workers} workers over 1: efficiency {by_cpu:.2f} by CPU, {by_clock:.2f} by clock"
            )


if __name__ == "__main__":
    main()
