"""Small synthetic volumes whose grains are known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.phase import TITANIUM
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_stack
from grainlight.volume.volume import Volume


def synthetic_volume(
    seed: int = 3, sections: int = 6, shape: tuple[int, int] = (24, 20), family: str = "equiaxed", **changes
) -> tuple[Volume, NDArray[np.int64]]:
    """Return a volume cut from a synthetic polycrystal, and the numbers of its grains (Z, Y, X)."""
    draw = Draw.seeded(seed)
    heights = torch.linspace(-0.3, 0.3, sections)[:, None]
    stack, _ = make_stack(draw, heights, shape, (9.0, 9.5), family)
    q = np.stack([section.orientation[0].numpy() for section in stack]).astype(np.float32)
    grain = np.stack([section.grain[0].numpy() for section in stack]).astype(np.int64)
    return volume_of(q, seed=seed, **changes), grain


def volume_of(q: NDArray[np.float32], *, seed: int = 0, **changes) -> Volume:
    """Return a volume of orientations (Z, Y, X, 4) with layers of random numbers beside them."""
    random = np.random.default_rng(seed)
    size = q.shape[:3]

    def numbers(*shape: int) -> NDArray[np.float32]:
        return random.random(shape, dtype=np.float32)

    uncertainty = 10 * numbers(*size)
    uncertainty[0, 0, 0] = np.nan
    parts = {
        "z": 2.0 + 1.5 * np.arange(size[0]),
        "step": 0.5,
        "origin": (10.0, -3.0),
        "quaternions": q,
        "phase_id": np.ones(size, np.int16),
        "uncertainty": uncertainty,
        "other_grain": numbers(*size),
        "boundary": numbers(*size),
        "source": random.integers(1, 4, size).astype(np.uint8),
        "light": numbers(size[0], 5, *size[1:]),
        "measured": np.arange(size[0]) % 4 == 0,
        "phases": (TITANIUM,),
        "sample_frame": SampleFrame.S,
        "crystal_frame": CrystalFrame.X_ALONG_A,
        "record": {"settings": {"scale": 2}, "seed": seed},
    }
    return Volume(**parts | changes)
