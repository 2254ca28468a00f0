"""Time and memory of a restoration by stage and size: `python -m benchmarks.speed --output speed.md`.

Every size runs in a fresh process, from files to files, on a synthetic section with a stack of 18 angles.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stages import Stage, run_stages

SIZES = (250, 500, 1000)
ANGLES, STEP = "0:180:10", 0.5
_SEED = 3_000_300_000
_GRAIN = 18.0
_LARGEST_SECTION = 256
"""Pixels a side; larger maps repeat one section, since drawing a polycrystal takes longer than restoring it."""
SECONDS_PER_MEGAPIXEL, PEAK_BYTES = 15.0, 2.5e9
"""The bars: two cores, one megapixel; 16 megapixels."""


@dataclass(frozen=True)
class Run:
    """One restoration: rows and columns of the output, threads, stages in their order."""

    size: int
    threads: int
    stages: list[Stage]

    @property
    def megapixels(self) -> float:
        return self.size**2 / 1e6

    @property
    def cpu_seconds(self) -> float:
        return sum(stage.cpu_seconds for stage in self.stages)

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    @property
    def peak(self) -> float:
        return max(stage.peak for stage in self.stages)


@dataclass(frozen=True)
class Speeds:
    """Of the network: megapixels and GFLOP per second and call; of convolution alone: GFLOP/s in float32 and bfloat16.

    ``call``: megapixels per second of a call with the evidence that it asks for.
    """

    network: float
    call: float
    network_gflops: float
    conv32: float
    conv16: float


def write_inputs(folder: Path, size: int, scale: int, level: str = "corrupted") -> tuple[Path, Path]:
    """Write the coarse map and the light of a full one of about ``size`` pixels a side; return both files."""
    import tifffile
    import torch

    from grainlight.crystal.euler import c_axis
    from grainlight.evaluation.degrade import degrade
    from grainlight.maps.io import save_ebsd
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.phase import TITANIUM
    from grainlight.synth import camera
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    side = size // scale * scale + 1
    drawn = min(side, _LARGEST_SECTION)
    q = make_sections(Draw.seeded(_SEED), 1, (drawn, drawn), (_GRAIN, _GRAIN), None).orientation[0].double().numpy()
    times = -(-side // drawn)
    q = np.tile(q, (times, times, 1))[:side, :side]
    full = OrientationMap.from_quaternions(q, (STEP, STEP), (TITANIUM,), source="synthetic")
    coarse, stack = folder / f"{size}.ang", folder / f"{size}.tif"
    save_ebsd(degrade(full, scale=scale, level=None, seed=_SEED % 1000).coarse, coarse)
    settings = camera.PRESETS[level](_SEED % 1000)
    axes = torch.from_numpy(c_axis(full.quaternions)).float()
    shot = camera.simulate_stack(axes, settings, torch.Generator().manual_seed(1))
    tifffile.imwrite(stack, shot.images.numpy(), photometric="minisblack")
    return coarse, stack


def measure(sizes: Sequence[int], threads: int, scale: int = 2, quality: str = "fast") -> list[Run]:
    """Restore a map of every size, each in a process of its own with so many threads."""
    runs = []
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            coarse, stack = _alone(write_inputs, Path(name), size, scale, threads=threads)
            stages = _alone(run_stages, coarse, stack, ANGLES, STEP, scale, quality, threads=threads)
            runs.append(Run(size // scale * scale + 1, threads, stages))
            for file in Path(name).iterdir():
                file.unlink()
    return runs


def _alone(call: Callable[..., Any], *given: Any, threads: int) -> Any:
    """Call in a fresh process: its peak memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_use_threads, initargs=(threads,)) as pool:
        return pool.submit(call, *given).result()


def _use_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def network_speeds(threads: int, side: int = 256, repeats: int = 3) -> Speeds:
    """Measure the shipped network, a whole call of it and a bare convolution on images of ``side`` pixels, by CPU time.

    CPU seconds are divided by the threads: what the clock would show on a machine with nothing else to do.
    """
    import torch

    from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, find_candidates, nearest_point, point_spacing
    from grainlight.diffusion.checkpoint import load_weights
    from grainlight.diffusion.measurement import Measurement, Revealed
    from grainlight.diffusion.network import flops_per_pixel

    torch.set_num_threads(threads)
    model = load_weights()
    generator = torch.Generator().manual_seed(0)
    sigma = torch.full((1, 4, side, side), 0.1)
    sigma[:, 0] = 8.0
    sigma[:, 0, ::2, ::2] = 0.02
    measured = Measurement.of_state(torch.randn(1, 23, side, side, generator=generator), sigma)
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    cells = (side // CELL) ** 2
    features, guided = (
        torch.randn(cells, model.config.inputs, generator=generator),
        torch.zeros(cells, PIXELS, SLOTS + 1),
    )

    def fastest(call: Callable[[], Any]) -> float:
        best = float("inf")
        for _ in range(repeats):
            began = time.process_time()
            call()
            best = min(best, time.process_time() - began)
        return best / threads

    def convolution(dtype: torch.dtype) -> float:
        layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(dtype)
        torch.nn.utils.convert_conv2d_weight_memory_format(layer, torch.channels_last)
        image = torch.zeros(1, 64, side // 2, side // 2, dtype=dtype).contiguous(memory_format=torch.channels_last)
        return 2 * 9 * 64 * 64 * (side // 2) ** 2 / fastest(lambda: layer(image)) / 1e9

    with torch.inference_mode():
        network = fastest(lambda: model(features, guided, (side, side)))
        whole = fastest(lambda: model.label(measured, Revealed.none(measured), candidates))
        flops = flops_per_pixel(model.config) * side**2
        peaks = convolution(torch.float32), convolution(torch.bfloat16)
    return Speeds(side**2 / network / 1e6, side**2 / whole / 1e6, flops / network / 1e9, *peaks)


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Return a and b of the least-squares line y = a + b x, and the largest departure as a share of y."""
    columns = np.stack((np.ones(len(x)), np.asarray(x, dtype=float)), 1)
    # relative errors count alike: a small map's second is as good as a large one's minute
    weight = 1 / np.asarray(y, dtype=float)
    a, b = np.linalg.lstsq(columns * weight[:, None], np.ones(len(x)), rcond=None)[0]
    return float(a), float(b), float(np.abs(columns @ (a, b) * weight - 1).max())


def markdown(runs: Sequence[Run], speeds: Speeds, command: str) -> str:
    """Return the page: seconds, shares and memory by stage, growth, the network, the bars."""
    import torch

    threads, largest = runs[0].threads, runs[-1]
    # What the bar on time is set for.
    usual = min(runs, key=lambda run: abs(run.megapixels - 1.0))
    text = ["# Speed and memory", "", f"Made by `{command}`."]
    text += [
        f"{platform.machine()}, {threads} thread{'s' * (threads > 1)}, Python {platform.python_version()}, "
        f"torch {torch.__version__}; one stack of 18 angles, EBSD at every second point. CPU seconds are of all "
        "threads together; the clock also counts what else ran on the machine. Memory is the most that the process "
        "held during the stage.",
        "",
        "| stage | " + " | ".join(f"{run.size}² CPU s | share | peak GB" for run in runs) + " |",
        "|---|" + "---|" * (3 * len(runs)),
    ]
    for name in dict.fromkeys(stage.name for run in runs for stage in run.stages):
        cells = []
        for run in runs:
            stage = next((s for s in run.stages if s.name == name), None)
            cells += ["-"] * 3 if stage is None else _cells(stage.cpu_seconds, run.cpu_seconds, stage.peak)
        text.append(f"| {name} | " + " | ".join(cells) + " |")
    totals = [cell for run in runs for cell in _cells(run.cpu_seconds, run.cpu_seconds, run.peak)]
    text += ["| **all** | " + " | ".join(totals) + " |", ""]
    text.append("By the clock: " + ", ".join(f"{run.size}² {run.seconds:.1f} s" for run in runs) + ".")
    if len(runs) > 1:
        pixels = [run.megapixels for run in runs]
        a, b, off = line(pixels, [run.cpu_seconds for run in runs])
        text += [
            "",
            "## Growth",
            "",
            f"- CPU seconds = {a:.1f} + {b:.1f} per output megapixel; no size is off by more than {100 * off:.0f} %.",
            *_memory_growth(runs),
        ]
    text += [
        "",
        "## The network",
        "",
        f"- Its layers alone: {speeds.network:.2f} megapixels a second, {speeds.network_gflops:.0f} GFLOP/s, "
        f"{100 * speeds.network_gflops / speeds.conv32:.0f} % of what a convolution of 64 channels reaches here "
        f"({speeds.conv32:.0f} GFLOP/s in float32, {speeds.conv16:.0f} in bfloat16, channels last).",
        f"- With the evidence gathered: {speeds.call:.2f} megapixels a second.",
        "",
        "## Bars",
        "",
        f"- {SECONDS_PER_MEGAPIXEL:g} s for one output megapixel on 2 cores ({2 * SECONDS_PER_MEGAPIXEL:g} CPU s): at "
        f"{usual.size}² {usual.cpu_seconds / usual.megapixels:.1f} CPU s per megapixel, "
        f"{_verdict(usual.cpu_seconds / usual.megapixels, 2 * SECONDS_PER_MEGAPIXEL)}.",
        f"- {PEAK_BYTES / 1e9:g} GB at 16 megapixels: at {largest.size}² {largest.peak / 1e9:.2f} GB.",
        "",
    ]
    return "\n".join(text)


def _memory_growth(runs: Sequence[Run]) -> list[str]:
    """Lines on memory: maps that are restored at once, and larger ones, which are restored window by window."""
    from grainlight.restore.large.windows import windows

    text = []
    at_once = [run for run in runs if len(windows(run.size, run.size)) == 1]
    larger = [run for run in runs if run not in at_once]
    for kind, some in (("restored at once", at_once), ("window by window", larger)):
        if len(some) > 1:
            c, d, far = line([run.megapixels for run in some], [run.peak / 1e9 for run in some])
            text.append(
                f"- Peak memory of maps {kind} = {c:.2f} GB + {1000 * d:.0f} bytes per output pixel, within "
                f"{100 * far:.0f} %."
            )
    return text


def _cells(seconds: float, whole: float, peak: float) -> list[str]:
    return [f"{seconds:.1f}", f"{100 * seconds / whole:.0f} %", f"{peak / 1e9:.2f}"]


def _verdict(value: float, bar: float) -> str:
    return "met" if value <= bar else f"missed by a factor of {value / bar:.1f}"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write the page."""
    import sys

    from grainlight.maps.io.shared.atomic import atomic_path

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows and columns of the output")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--quality", choices=("fast", "balanced", "best"), default="fast")
    parser.add_argument("--output", type=Path, help="Markdown file; standard output unless told")
    given = parser.parse_args(argv)
    runs = measure(given.sizes, given.threads, given.scale, given.quality)
    sizes = " ".join(map(str, given.sizes))
    command = (
        f"python -m benchmarks.speed --sizes {sizes} --threads {given.threads} --scale {given.scale} "
        f"--quality {given.quality}"
    )
    page = markdown(runs, network_speeds(given.threads), command)
    if given.output is None:
        sys.stdout.write(page)
        return
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(given.output) as file:
        file.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
