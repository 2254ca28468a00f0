"""Grains of restored maps against the truth, on synthetic sections: `python -m grainlight.benchmark.grains`.

Prints how far grain count, mean diameter and twin share of a scale-4 restoration are from those of the full map, beside
nearest neighbour, and how often their intervals hold the truth. With ``--calibrate``: the constants of
`grains.interval` and `restore.other_grain`, from sections of other seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.benchmark.degrade import degrade
from grainlight.benchmark.nearest import nearest
from grainlight.crystal.embedding import decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.enhance import prepare
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import TiledDenoiser
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_sections

SEEDS = {"calibration": 7_100_000, "test": 7_200_000}
SIZE, SCALE, STEP = 129, 4, 0.5
DIAMETERS = (12.0, 18.0, 26.0)
"""Mean grain diameters in pixels, in turn: 3 to 6.5 EBSD points at scale 4."""
BAR = ("grains", "mean_diameter", "twin_fraction")
_TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)


@dataclass(frozen=True, eq=False)
class Case:
    """One section: orientations (H, W, 4) of the truth, of nearest neighbour and of the restoration, its samples
    (K, H, W, 4), its raw doubt (H, W) in degrees, and light (5, H, W) with noise (3, H, W) and its three constants."""

    name: str
    truth: NDArray[np.float32]
    nearest: NDArray[np.float32]
    restored: NDArray[np.float32]
    samples: NDArray[np.float16]
    doubt: NDArray[np.float32]
    light: NDArray[np.float32]
    sigma: NDArray[np.float32]
    curve: NDArray[np.float64]


def cases(
    half: str, numbers: Sequence[int], keep: Path | None = None, quality: str = "balanced", weights: Path | None = None
) -> Iterator[Case]:
    """Restored sections of one half ("calibration" or "test"); files in the folder ``keep`` are used or made."""
    for number in numbers:
        file = None if keep is None else keep / f"{half}_{quality}_{number:03d}.npz"
        if file is None or not file.exists():
            case = _restore(half, number, quality, weights)
            if file is None:
                yield case
                continue
            np.savez_compressed(file, **{key: np.asarray(value) for key, value in vars(case).items()})
        with np.load(file) as data:
            yield Case(str(data["name"]), *(data[key] for key in list(Case.__annotations__)[1:]))


def _restore(half: str, number: int, quality: str, weights: Path | None) -> Case:
    family, size = FAMILIES[number % len(FAMILIES)], DIAMETERS[number % 7 % len(DIAMETERS)]
    draw = Draw.seeded(SEEDS[half] + number)
    q = make_sections(draw, 1, (SIZE, SIZE), (size, 1.1 * size), family).orientation[0].double().numpy()
    task = degrade(as_map(q), scale=SCALE, level="corrupted", seed=SEEDS[half] + number)
    settings = Settings(scale=SCALE, quality=quality, weights=weights)
    ready = prepare(task.coarse, task.stack, settings)
    posterior = ready.restore(TiledDenoiser(load_weights(weights), torch.device("cpu")), settings)
    assert ready.light is not None
    report = ready.light.report
    samples = posterior.samples if posterior.samples is not None else torch.zeros(0, *posterior.doubt.shape, 4)
    return Case(
        f"{family}, {size:g} px",
        task.truth.astype(np.float32),
        nearest(task.quaternions, task.measured).astype(np.float32),
        decode(posterior.embedding, dim=0).float().numpy(),
        samples.half().numpy(),
        posterior.doubt.numpy(),
        ready.light.state.numpy(),
        ready.light.sigma.numpy(),
        np.array([report[key] for key in ("k2", "k4", "a0_mix")]),
    )


def as_map(q: NDArray) -> OrientationMap:
    """Return orientations (H, W, 4) as a map of titanium."""
    unit = q.astype(np.float64) / np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(unit, (STEP, STEP), (_TITANIUM,))
