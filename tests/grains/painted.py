"""Maps whose grains are known, drawn by hand."""

from __future__ import annotations

import numpy as np

from grainlight.crystal.euler import multiply, quaternion_from_bunge
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
BETA = Phase(2, "Beta", "m-3m", 3.3, 3.3, 3.3)


def turned(*degrees: float) -> np.ndarray:
    """Orientations (n, 4) of crystals that are turned about c by so many degrees."""
    return quaternion_from_bunge(np.stack([np.zeros(len(degrees)), np.zeros(len(degrees)), np.radians(degrees)], -1))


def painted(labels: np.ndarray, orientations: np.ndarray, step: tuple[float, float] = (0.5, 0.5)) -> OrientationMap:
    """A map whose pixel has the orientation (n, 4) that its label (H, W) says."""
    return OrientationMap.from_quaternions(orientations[labels], step, (TITANIUM, BETA))


def noisy_samples(ebsd: OrientationMap, count: int, degrees: float, seed: int = 0) -> np.ndarray:
    """Copies (K, H, W, 4) of a map with orientation noise of so many degrees."""
    vector = np.random.default_rng(seed).normal(size=(count, *ebsd.shape, 3)) * np.radians(degrees) / 2
    turn = np.concatenate([np.ones((count, *ebsd.shape, 1)), vector], axis=-1)
    turn /= np.linalg.norm(turn, axis=-1, keepdims=True)
    return multiply(turn, ebsd.quaternions).astype(np.float16)
