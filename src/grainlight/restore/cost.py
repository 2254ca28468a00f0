"""What a restoration will cost, before it begins."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.device import choose_device
from grainlight.restore.large.windows import Window, windows
from grainlight.restore.points.grid import check_usable, output_shape
from grainlight.restore.settings import Settings
from grainlight.scratch import SMALLEST, available_memory, room

# From `python -m benchmarks.speed` on maps of 0.06 to 16 megapixels, rounded up: what is held of the points
# and the pixels of the whole map, what placing and registering take for a while, the window restored, the result.
_BASE_BYTES = 350e6
_BYTES_PER_POINT, _BYTES_PER_PIXEL = 160.0, 10.0
_BYTES_PER_PIXEL_PLACED = 45.0
_BYTES_PER_WINDOW_PIXEL = 1530.0
_BYTES_PER_WINDOW_PIXEL_OF_SEVERAL = 150.0
# The chain: what the network says without the light (`sampling.grain_prior`), its choices, what earlier stages left.
# With these 2.1 GB for 1001^2 pixels, quality fast, and 1.1 GB for 501^2 and 2.8 for 1001^2, balanced; 2.16, 1.21 and
# 2.56 were measured.
_BYTES_OF_THE_CHAIN, _BYTES_PER_WINDOW_PIXEL_OF_THE_CHAIN = 200e6, 200.0
_BYTES_PER_PIXEL_OF_THE_RESULT = 80.0
# Each column of the vendor's; each further sample, in the window and in the result.
_BYTES_PER_FIELD = 4.0
_BYTES_PER_WINDOW_PIXEL_OF_A_SAMPLE, _BYTES_PER_PIXEL_OF_A_SAMPLE = 60.0, 8.0
# Reading, registering, writing; projection and boundaries of a sample; a visit of the chain, which needs light.
_SECONDS, _SECONDS_PER_PIXEL = 3.0, 14e-6
_SECONDS_PER_PIXEL_PLACED, _SECONDS_PER_VISIT = 1.0e-5, 9e-7
_WATCHED = 0.15  # seconds of computing by which it is found how busy the machine is
# The whole call over the network's convolutions: gathering the evidence, activations, memory.
_CALL_OVER_CONVOLUTIONS = 2.0


@dataclass(frozen=True)
class Room:
    """Bytes that a job takes in memory, and in temporary files on the disk."""

    memory: float
    disk: float


@dataclass(frozen=True)
class Estimate:
    """Size of the output, seconds it will take, where its bytes will be, sentences that say so, and the seconds of each
    stage that is reported to a progress."""

    rows: int
    columns: int
    seconds: float
    room: Room
    lines: list[str]
    stages: dict[str, float] = field(default_factory=dict)


def estimate(ebsd: OrientationMap, light: LightStack | None, settings: Settings) -> Estimate:
    """Estimate a job, and refuse one that cannot be done.

    Raises
    ------
    InputError
        If the map cannot be used or the job does not fit into memory.
    """
    needed = check_room(ebsd, light, settings)
    rows, columns, step = output_shape(ebsd, settings.scale)
    pixels = rows * columns
    steps, samples = settings.calls
    # Windows overlap.
    restored = sum(_area(window) for window in windows(rows, columns))
    calls = settings.network_calls(light is not None)
    visits = settings.chain_visits if light is not None and settings.projection else 0
    placed = 1 + (samples if samples > 1 else 0) + (1 if visits else 0)
    per_pixel = calls * _seconds_per_pixel(settings) + _SECONDS_PER_PIXEL_PLACED * placed + _SECONDS_PER_VISIT * visits
    slower = _slowdown()
    before, network = _SECONDS + _SECONDS_PER_PIXEL * pixels, calls * _seconds_per_pixel(settings) * restored
    stages = {"registering": before / 3, "reading the inputs together": before / 3, "restoring": network}
    stages |= {"placing the boundaries": per_pixel * restored - network, "putting the result together": before / 3}
    if len(windows(rows, columns)) > 1:
        stages = {
            "registering": before / 2,
            "reading the inputs together": before / 2,
            "restoring, window by window": per_pixel * restored,
        }
    if light is None or settings.register == "none" or settings.transform is not None:
        stages.pop("registering")
    stages = {name: slower * value for name, value in stages.items()}
    seconds = slower * (before + per_pixel * restored)
    lines = [
        f"output: {rows} x {columns} pixels of {step:g} um; {samples} sample{'s' * (samples > 1)} of {steps} "
        f"step{'s' * (steps > 1)}: about {_duration(seconds)} and {needed.memory / 1e9:.1f} GB of memory"
    ]
    if needed.disk:
        lines.append(
            f"while it runs: {needed.disk / 1e9:.1f} GB of temporary files in {tempfile.gettempdir()} (TMPDIR)"
        )
    return Estimate(rows, columns, seconds, needed, lines, stages)


def check_room(ebsd: OrientationMap, light: LightStack | None, settings: Settings) -> Room:
    """Return the room that a restoration takes, after making sure that it can be done.

    Raises
    ------
    InputError
        As `estimate`.
    """
    check_usable(ebsd)
    rows, columns, _ = output_shape(ebsd, settings.scale)
    pixels, samples, cut = rows * columns, settings.calls[1], windows(rows, columns)
    largest = max(_area(window) for window in cut)
    result = _BYTES_PER_PIXEL_OF_THE_RESULT + _BYTES_PER_FIELD * len(ebsd.fields)
    window = _BYTES_PER_WINDOW_PIXEL
    if samples > 1:
        result += _BYTES_PER_PIXEL_OF_A_SAMPLE * samples
        window += _BYTES_PER_WINDOW_PIXEL_OF_SEVERAL + _BYTES_PER_WINDOW_PIXEL_OF_A_SAMPLE * samples
    chain = light is not None and settings.projection and settings.chain_visits > 0
    disk = pixels * result if len(cut) > 1 else 0.0
    memory = _BASE_BYTES + chain * (_BYTES_OF_THE_CHAIN + _BYTES_PER_WINDOW_PIXEL_OF_THE_CHAIN * largest)
    memory += _BYTES_PER_POINT * ebsd.phase_id.size + _BYTES_PER_PIXEL * pixels
    memory += max(_BYTES_PER_PIXEL_PLACED * pixels, window * largest)
    if not disk:
        memory += pixels * result
    elif room() < disk:
        memory, disk = memory + disk, 0.0
    if light is not None:
        # Large stacks are in a temporary file already; those that are moved onto the map are in single precision.
        memory += min(float(light.images.nbytes), SMALLEST)
        memory += 4.0 * len(light.images) * (largest if light.determined else pixels)
    free = available_memory()
    if free is not None and memory > free:
        raise InputError(
            "the job does not fit into memory",
            file=ebsd.path,
            found=f"{memory / 1e9:.1f} GB needed for {rows} x {columns} pixels",
            expected=f"at most {free / 1e9:.1f} GB",
            advice="take a smaller --scale, fewer --samples, a part of the map, or a machine with more memory",
        )
    return Room(memory, disk)


def _seconds_per_pixel(settings: Settings) -> float:
    """Seconds that one call takes per pixel here: the network's work over a measured speed of convolution."""
    import torch

    from grainlight.diffusion.network import SHIPPED_SHAPE, flops_per_pixel
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
    return _CALL_OVER_CONVOLUTIONS * flops_per_pixel(SHIPPED_SHAPE) / speed


def _slowdown() -> float:
    """Return how many seconds pass while one of computing is done: 1 on an idle machine, more beside other work."""
    wall, work = time.perf_counter(), time.thread_time()
    while time.thread_time() - work < _WATCHED:
        sum(range(20_000))
    return max(1.0, (time.perf_counter() - wall) / (time.thread_time() - work))


def _area(window: Window) -> int:
    rows, columns = window.outer
    return (rows.stop - rows.start) * (columns.stop - columns.start)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
