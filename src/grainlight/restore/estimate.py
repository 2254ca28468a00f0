"""What a restoration will cost, before it begins."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.device import choose_device
from grainlight.restore.place import check_usable, output_shape
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import HALO, TILE

# From peak memory under /usr/bin/time -v, `grainlight enhance` on maps of 0.04 to 1 megapixel, rounded up.
_BASE_BYTES = 450e6
_BYTES_PER_PIXEL = 700.0
_BYTES_PER_SAMPLE_PIXEL = 60.0
_BYTES_PER_PIXEL_OF_SEVERAL = 300.0
# Projection and boundaries of one sample, on two cores.
_SECONDS_PER_PIXEL_PLACED = 1.2e-5
_BYTES_PER_TILE_PIXEL = 1400.0


@dataclass(frozen=True)
class Estimate:
    """Size of the output, seconds and bytes it will take, and sentences that say so."""

    rows: int
    columns: int
    seconds: float
    bytes: float
    lines: list[str]


def estimate(ebsd: OrientationMap, light: LightStack | None, settings: Settings) -> Estimate:
    """Estimate a job, and refuse one that cannot be done.

    Raises
    ------
    InputError
        If the map cannot be used or the job does not fit into memory.
    """
    memory = check_memory(ebsd, light, settings)
    rows, columns, step = output_shape(ebsd, settings.scale)
    pixels = rows * columns
    steps, samples = settings.calls
    halo = 1 + 2 * HALO / TILE if pixels > TILE**2 * 2 else 1.0
    per_call = pixels * halo**2 * _seconds_per_pixel(settings)
    seconds = (
        3.0 + steps * samples * per_call + _SECONDS_PER_PIXEL_PLACED * pixels * (1 + (samples if samples > 1 else 0))
    )
    lines = [
        f"output: {rows} x {columns} pixels of {step:g} um; {samples} sample{'s' * (samples > 1)} of {steps} "
        f"step{'s' * (steps > 1)}: about {_duration(seconds)} and {memory / 1e9:.1f} GB"
    ]
    return Estimate(rows, columns, seconds, memory, lines)


def check_memory(ebsd: OrientationMap, light: LightStack | None, settings: Settings) -> float:
    """Bytes that a restoration takes, after making sure that it can be done.

    Raises
    ------
    InputError
        As `estimate`.
    """
    check_usable(ebsd)
    rows, columns, _ = output_shape(ebsd, settings.scale)
    pixels, samples = rows * columns, settings.calls[1]
    # Spans longer than a tile are the last of their axis, with a halo on one side.
    tile_pixels = min(pixels, (1.5 * TILE + HALO) ** 2)
    several = _BYTES_PER_PIXEL_OF_SEVERAL + _BYTES_PER_SAMPLE_PIXEL * samples if samples > 1 else 0.0
    memory = _BASE_BYTES + pixels * (_BYTES_PER_PIXEL + several)
    memory += tile_pixels * _BYTES_PER_TILE_PIXEL
    if light is not None:
        memory += 2.0 * light.images.nbytes + 60.0 * light.images[0].size
    free = available_memory()
    if free is not None and memory > free:
        raise InputError(
            "the job does not fit into memory",
            file=ebsd.path,
            found=f"{memory / 1e9:.1f} GB needed for {rows} x {columns} pixels",
            expected=f"at most {free / 1e9:.1f} GB",
            advice="take a smaller --scale, fewer --samples, a part of the map, or a machine with more memory",
        )
    return memory


def available_memory() -> float | None:
    """Bytes that this process may still take; None where the system does not say."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024.0 * int(line.split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        if limit != "max":
            stat = dict(line.split() for line in Path("/sys/fs/cgroup/memory.stat").read_text().splitlines())
            # Cached files give way.
            cached = sum(float(stat.get(name, 0)) for name in ("inactive_file", "active_file"))
            found.append(float(limit) - float(used) + cached)
    except (OSError, ValueError):
        pass
    if not found and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        found.append(float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    return min(found) if found else None


def _seconds_per_pixel(settings: Settings) -> float:
    """Seconds that one call takes per pixel here: the network's work over a measured speed of convolution."""
    import torch

    from grainlight.diffusion.network import NetworkConfig, flops_per_pixel
    from grainlight.restore.device import has_fast_bfloat16

    device = choose_device(settings.device)
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(device, dtype)
    x = torch.zeros(1, 64, 128, 128, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(4):
            began = time.perf_counter()
            layer(x)
            if device.type == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - began)
    speed = 2 * 9 * 64 * 64 * 128 * 128 / best
    # Two thirds of the time go into what is not convolution: the skip, activations, memory.
    return 2.8 * flops_per_pixel(NetworkConfig()) / speed


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
