"""A specimen cut into sections that lie displaced, and their light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.maps.light_stack import LightStack
from grainlight.synth.camera import PRESETS, simulate_stack

STEP = 0.5
"""um per pixel."""
Reader = Callable[[], LightStack | None]


class Specimen:
    """Grains of Voronoi cells in three dimensions with random c-axes; lengths in pixels."""

    def __init__(self, seed: int, side: int, height: float, size: float) -> None:
        draw = np.random.default_rng(seed)
        margin = 2 * size
        count = int((side + 2 * margin) ** 2 * (height + 2 * margin) / (np.pi / 6 * size**3))
        low, high = np.full(3, -margin), np.array([side + margin, side + margin, height + margin])
        self.grains = cKDTree(draw.uniform(low, high, (count, 3)))
        axes = draw.normal(size=(count, 3))
        self.axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        self.side = side

    def cut(self, height: float, displaced: NDArray[np.float64], shape: tuple[int, int] | None = None) -> torch.Tensor:
        """C-axes (H, W, 3) of a section whose first pixel lies at ``displaced`` x, y of the specimen."""
        rows, columns = shape or (self.side, self.side)
        y, x = np.mgrid[:rows, :columns].astype(float)
        at = np.stack((x + displaced[0], y + displaced[1], np.full_like(x, height)), -1)
        return torch.from_numpy(self.axes[self.grains.query(at.reshape(-1, 3))[1]].reshape(rows, columns, 3))


def photographed(axes: torch.Tensor, level: str, number: int, zero: float = 0.0, **settings: object) -> LightStack:
    """Light of a section, its dirt and noise by ``number``; the microscope is the same for all numbers, but for degrees
    by which the ``zero`` of its polarizer is off."""
    camera = PRESETS[level](3)
    camera = replace(camera, polarizer=camera.polarizer + zero)
    images = simulate_stack(axes, camera, torch.Generator().manual_seed(100 + number)).images.numpy()
    return LightStack(images, np.array(camera.angles), **{"step": STEP, **settings})  # type: ignore[arg-type]


def random_walk(seed: int, count: int, step: float = 1.5) -> NDArray[np.float64]:
    """Displacements (count, 2) in pixels."""
    return (step * np.random.default_rng(seed).normal(size=(count, 2))).cumsum(0)


def drifting(
    seed: int, count: int, side: int = 96, size: float = 9.0, level: str = "corrupted", step: float = 1.5
) -> tuple[list[Reader], NDArray[np.float64], NDArray[np.float64]]:
    """Sections a tenth of a grain apart on a random walk: readers, heights in um, true shifts (count, 2) in pixels."""
    spacing = 0.1 * size
    specimen = Specimen(seed, side, spacing * count, size)
    walk = random_walk(seed + 50, count, step)
    stacks = [photographed(specimen.cut(spacing * k, walk[k]), level, k) for k in range(count)]
    return [lambda s=s: s for s in stacks], spacing * STEP * np.arange(count), walk  # type: ignore[misc]


def unrelated(seed: int, side: int = 96, size: float = 9.0, level: str = "corrupted") -> LightStack:
    """Light of another specimen."""
    return photographed(Specimen(seed + 900, side, size, size).cut(size / 2, np.zeros(2)), level, seed)


def off_truth(shifts: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shifts in um less true ones in pixels, (Z, 2) pixels about their median."""
    away = shifts / STEP - truth
    return away - np.median(away, axis=0)
