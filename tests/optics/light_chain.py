"""Small sections and the whole chain from camera to canonical state, for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.canonical import CanonicalLight, apply
from grainlight.optics.calibration.harmonics import Harmonics, fit_harmonics
from grainlight.optics.calibration.point_fit import calibrate
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.state import canonical_state
from grainlight.synth.camera import CameraSettings, SimulatedStack, simulate_stack


def voronoi(seed: int, size: int = 128, grains: int = 60) -> Tensor:
    """Return c-axes (size, size, 3) of a Voronoi section without texture."""
    generator = torch.Generator().manual_seed(seed)
    seeds = torch.rand(grains, 2, generator=generator) * size
    axes = torch.nn.functional.normalize(torch.randn(grains, 3, generator=generator), dim=-1)
    y, x = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    distance = (y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2
    return axes[distance.argmin(-1)]


def points(c_axes: Tensor, every: int = 4) -> tuple[Tensor, Tensor]:
    """Return every n-th c-axis (P, 3) and its position (P, 2)."""
    rows, columns = c_axes.shape[:2]
    at = torch.stack(
        torch.meshgrid(torch.arange(0, rows, every), torch.arange(0, columns, every), indexing="ij"), -1
    ).reshape(-1, 2)
    return c_axes[::every, ::every].reshape(-1, 3), at.to(torch.float64)


@dataclass(frozen=True)
class Chain:
    """Everything from section to canonical state."""

    c_axes: Tensor
    shot: SimulatedStack
    harmonics: Harmonics
    calibration: Calibration
    light: CanonicalLight

    @property
    def true(self) -> Tensor:
        """The state of the section's material (5, H, W)."""
        settings = self.shot.settings
        return canonical_state(self.c_axes, material=settings.material, delta=settings.delta).movedim(-1, 0)

    @property
    def ideal(self) -> Tensor:
        """The state in the limit of weak anisotropy (5, H, W)."""
        return IDEAL.of_axes(self.c_axes)

    def error(self, group: int) -> Tensor:
        """Error of a group's channels (1 or 2, H, W)."""
        return channels(self.light.state - self.true, group)

    def nrmse(self, group: int) -> float:
        """Root mean square error over the spread of the state itself."""
        return float(self.error(group).square().mean().sqrt() / channels(self.ideal, group).std())

    def covered(self, group: int) -> float:
        """Share of pixels whose error is within one stated standard deviation."""
        return float((self.error(group).abs() < self.light.sigma[group]).to(torch.float32).mean())


def channels(state: Tensor, group: int) -> Tensor:
    """Return the channels of group 0 (A0), 1 (A2) or 2 (A4)."""
    return state[:1] if group == 0 else state[2 * group - 1 : 2 * group + 1]


def run(c_axes: Tensor, settings: CameraSettings, seed: int = 0, every: int = 4) -> Chain:
    """Photograph, fit, calibrate with every n-th point, apply."""
    shot = simulate_stack(c_axes, settings, torch.Generator().manual_seed(seed))
    harmonics = fit_harmonics(shot.images, settings.angles)
    known, at = points(c_axes, every)
    calibration = calibrate(harmonics, known, at, rotates=settings.rotates)
    return Chain(c_axes, shot, harmonics, calibration, apply(calibration, harmonics, known, at, axis_noise=0.0))
