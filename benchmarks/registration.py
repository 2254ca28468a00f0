"""Registration 24 times, three sections by eight draws: ``python -m benchmarks.registration``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.misplaced import Misplaced, misplace
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.register.register import Registration, register
from grainlight.synth.draw import Draw
from grainlight.synth.misregister import draw_misregistration
from grainlight.synth.section import make_sections

SYNTHETIC = {"equiaxed": (9001, 18.0), "colony": (9002, 14.0), "twinned": (9003, 20.0)}
"""Seed and grain diameter in pixels of the synthetic sections, by family; never used to choose anything."""
DRAWS = 8


@dataclass(frozen=True)
class RegisteredSection:
    """One registration: true residual (rms over the map, recorded pixels), the stated one, and if it was trusted."""

    section: str
    draw: int
    scale: int
    true: float
    estimated: float
    trusted: bool
    method: str
    distinct: float
    seconds: float

    @property
    def silently_wrong(self) -> bool:
        """Whether it is off by more than an EBSD step without a warning."""
        return self.trusted and self.true > self.scale


def sections(real: Path | None, size: int = 200) -> Iterator[tuple[str, OrientationMap]]:
    """Yield the sections of the benchmark: a real map if there is a file, and synthetic ones until there are three."""
    names = list(SYNTHETIC)
    if real is not None:
        from grainlight.maps.io import load_ebsd

        yield real.stem, load_ebsd(real)
        names = names[:2]
    for name in names:
        yield name, synthetic_section(name, size)


def synthetic_section(family: str, size: int = 200) -> OrientationMap:
    """Return a synthetic section of the benchmark."""
    seed, grain = SYNTHETIC[family]
    found = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain * 1.1), family).orientation[0]
    q = found.double().numpy()
    return OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (TITANIUM,))


def register_draw(full: OrientationMap, draw: int, scale: int, seed: int) -> tuple[Misplaced, Registration, float]:
    """Register one section and return the CPU seconds too; draw k has the k-th of the 8 turns and mirrors."""
    drawn = draw_misregistration("corrupted", 7000 + seed + draw, symmetry=draw)
    task = misplace(full, drawn, scale=scale, level="corrupted", seed=seed + draw)
    began = time.process_time()
    found = register(task.task.coarse, task.light, scale=scale)
    return task, found, time.process_time() - began


def run(real: Path | None, scale_of: tuple[int, int] = (2, 4)) -> Iterator[RegisteredSection]:
    """Yield the 24 registrations; the scale alternates."""
    for number, (name, full) in enumerate(sections(real)):
        for draw in range(DRAWS):
            scale = scale_of[(draw + number) % 2]
            task, found, seconds = register_draw(full, draw, scale, 100 * number)
            true = float(np.sqrt((task.residual(found.transform) ** 2).mean()))
            distinct = found.report.get("distinct", float("nan"))
            stated = found.residual, found.trusted, found.method
            yield RegisteredSection(name, draw, scale, true, *stated, distinct, seconds)


def main(argv: list[str]) -> None:
    """Write the table of the registrations as Markdown; the only argument is a full map, such as Ti64-200x200.ang."""
    write = sys.stdout.write
    write("| section | turn, mirror | scale | true rms, px | stated, px | trusted | freedom | distinct | CPU s |\n")
    write("|---|---|---|---|---|---|---|---|---|\n")
    registered = []
    for c in run(Path(argv[0]) if argv else None):
        registered.append(c)
        turn = f"{90 * (c.draw % 4)}{', mirrored' if c.draw > 3 else ''}"
        write(
            f"| {c.section} | {turn} | {c.scale} | {c.true:.2f} | {c.estimated:.2f} | {'yes' if c.trusted else 'no'} "
            f"| {c.method} | {c.distinct:.1f} | {c.seconds:.1f} |\n"
        )
        sys.stdout.flush()
    true = np.array([c.true for c in registered])
    write(
        f"\nmedian {np.median(true):.2f} px, {int((true < 1).sum())} of {len(registered)} under 1 px, "
        f"{sum(c.silently_wrong for c in registered)} silently wrong\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
