"""Tasks whose light lies elsewhere: a section photographed through a drawn misregistration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.euler import c_axis
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform
from grainlight.synth import camera
from grainlight.synth.misregister import MARGIN, Misregistration, seen_axes


@dataclass(frozen=True, eq=False)
class Misplaced:
    """A task (its own stack aside), the light that a user would have, and where it truly lies.

    ``light`` states the place and step that a user would: the map's, with the margin around it.
    """

    task: Task
    light: LightStack
    truth: Misregistration

    def residual(self, found: Transform) -> NDArray[np.float64]:
        """Return the distances (H, W) in pixels from true positions on the images to the found ones."""
        rows, columns = self.task.measured.shape
        y, x = np.meshgrid(np.arange(rows, dtype=float), np.arange(columns, dtype=float), indexing="ij")
        points = np.stack((x, y), -1)
        true = self.truth.image_position(torch.from_numpy(points), (rows, columns)).numpy()
        step = self.task.coarse.step[0] / self.task.scale
        return np.hypot(*np.moveaxis(found(points * step) - true, -1, 0))


def askew(seed: int) -> Misregistration:
    """Return a scan that is turned by 1.5 degrees, 4 % off in scale, stretched and sheared, with a drift of 1.5 pixels
    that goes to and fro once or twice; signs, shift and phases from the seed."""
    rng = np.random.default_rng(seed)
    signs, phases, waves = rng.choice([-1.0, 1.0], 4), 2 * np.pi * rng.random(2), rng.choice([2.0, 3.0, 4.0]) / 3
    drift = np.sin(2 * np.pi * waves * np.linspace(0, 1, 33)[:, None] + phases)
    drift -= drift.mean(0)
    drift *= 1.5 / np.linalg.norm(drift, axis=1).max()
    x, y = rng.uniform(-4, 4, 2).tolist()
    return Misregistration(
        rotation=1.5 * signs[0],
        scale=0.04 * signs[1],
        stretch=0.01 * signs[2],
        shear=0.02 * signs[3],
        shift=(x, y),
        drift=tuple((float(a), float(b)) for a, b in drift),
    )


def misplace(full: OrientationMap, truth: Misregistration, *, scale: int, level: Level, seed: int) -> Misplaced:
    """Degrade a full map as `degrade` does and photograph it as misregistered."""
    task = degrade(full, scale=scale, level=None, seed=seed)
    axes = seen_axes(torch.from_numpy(c_axis(task.truth)), truth)
    settings = getattr(camera, level)(seed)
    shot = camera.simulate_stack(axes, settings, torch.Generator().manual_seed(seed + 1_000_003))
    step = task.coarse.step[0] / scale
    light = LightStack(
        images=shot.images.numpy().astype(np.float32),
        angles=np.array(settings.angles),
        step=step,
        origin=(-MARGIN * step, -MARGIN * step),
        saturation=float(2**settings.bits - 1),
    )
    return Misplaced(task, light, truth)
