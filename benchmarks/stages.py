"""Time and peak memory of every stage of one restoration, reading and writing included."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Stage:
    """A stage: seconds by the clock and of the CPU (all threads), and the largest memory of the process, in bytes."""

    name: str
    seconds: float
    cpu_seconds: float
    peak: float


@dataclass
class Stopwatch:
    """A `progress.Progress` that measures: each stage lasts until the next begins, or `stop`."""

    stages: list[Stage] = field(default_factory=list)
    _running: tuple[str, float, float] | None = None

    def begin(self, stage: str, total: int = 1) -> None:
        """End the stage before and start this one."""
        self.stop()
        _forget_peak()
        self._running = (stage, time.perf_counter(), time.process_time())

    def advance(self, units: int = 1) -> None:
        """Do nothing: stages are measured, not units."""

    def stop(self) -> None:
        """End the last stage."""
        if self._running is not None:
            name, wall, cpu = self._running
            spent = (time.perf_counter() - wall, time.process_time() - cpu)
            self.stages.append(Stage(name, *spent, peak_memory()))
        self._running = None


def peak_memory() -> float:
    """Bytes that this process has held at most, where Linux tells since the start of the stage."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * int(line.split()[1])
    except OSError:
        pass
    most = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return most if sys.platform == "darwin" else 1024.0 * most


def _forget_peak() -> None:
    """Let the peak start anew from what is held now; only Linux can."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def run_stages(coarse: Path, stack: Path, angles: str, step: float, scale: int, quality: str) -> list[Stage]:
    """Restore a map from files to files as `grainlight enhance` does, and measure.

    Parameters
    ----------
    coarse, stack
        EBSD map and TIFF stack.
    angles, step
        Of the stack, as on the command line; um per pixel.
    scale, quality
        As for `restore.settings.Settings`.
    """
    watch = Stopwatch()
    watch.begin("imports")
    from grainlight.maps.io import load_ebsd, load_light
    from grainlight.restore.enhance import enhance
    from grainlight.restore.settings import Settings

    watch.begin("reading the files")
    ebsd, light = load_ebsd(coarse), load_light(stack, angles, step)
    watch.begin("placing the points")
    result = enhance(ebsd, light, Settings(scale=scale, quality=quality), watch, reuse_memory=True)
    watch.begin("writing the files")
    result.save(coarse.with_name("restored.ang"), overwrite=True)
    watch.stop()
    return watch.stages
