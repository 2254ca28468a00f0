"""Inputs brought together on the output grid, and the part of them that is restored at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.diffusion.state import SIGMA_MAX, group_sigma, is_unknown
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.large.windows import Window, whole, windows
from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.light.calibration import WindowedLight
from grainlight.restore.light.placed import place_light
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.points.grid import PointGrid, one_in_each_cell, rasterise
from grainlight.restore.points.misindexed import find_misindexed
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.points.noise import EbsdNoise, estimate_noise
from grainlight.restore.posterior import Posterior, infer
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Prior, Samples
from grainlight.restore.settings import Settings


@dataclass(frozen=True, eq=False)
class Inputs:
    """What was measured, on the output grid: as little for each pixel as will do for a large map.

    ``grid`` EBSD points; ``noise`` of the EBSD; ``gradient`` growth of a channel's variance inside grains per pixel;
    ``light`` calibrated harmonics or None, of the stack as it is ``registered``; ``windows`` that the map is
    restored in.
    """

    grid: PointGrid
    noise: EbsdNoise
    gradient: float
    light: CalibratedLight | WindowedLight | None
    windows: list[Window]
    registered: RegisteredLight | None = None

    @property
    def refused(self) -> str | None:
        """Why light that was given is not used; None where it is, or none was given."""
        return None if self.registered is None else self.registered.refused

    def part(self, window: Window) -> Prepared:
        """Return what the network needs of one window."""
        grid = self.grid.part(window)
        light = None if self.light is None else self.light.part(window)
        level = self.noise.level.reshape(-1)[grid.nearest]
        measurement, sigma = joint_measurement(grid, light, level)
        # The light of other phases says nothing of the metal's.
        sigma[1:, torch.from_numpy(grid.other)] = SIGMA_MAX
        misindexed = find_misindexed(measurement, sigma, grid.phase_id)
        sigma[0][torch.from_numpy(misindexed)] = SIGMA_MAX
        return Prepared(grid, light, level, self.gradient, measurement, sigma, misindexed)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs of a map or a window of it, ready for the network.

    ``grid`` EBSD points and ``light`` as in `Inputs`; ``level`` (H, W) noise in degrees (rms) of the point that is
    nearest to a pixel; ``measurement`` (23, H, W) and ``sigma`` (4, H, W) the joint state and its noise levels;
    ``misindexed`` (H, W) points that are not used.
    """

    grid: PointGrid
    light: CalibratedLight | None
    level: NDArray[np.float64]
    gradient: float
    measurement: Tensor
    sigma: Tensor
    misindexed: NDArray[np.bool_]

    def joint(self, projection: bool = True) -> JointMeasurement:
        """Return what an estimate starts from; without ``projection``, or where a window has no measured point,
        orientations stay as the network has them."""
        points = ~is_unknown(self.sigma[0])
        near = find_neighbours(points) if projection and bool(points.any()) else None
        return JointMeasurement(self.measurement, self.sigma, near, self.gradient, torch.from_numpy(self.grid.other))

    def estimate(self, prior: Prior, settings: Settings) -> Samples:
        """Return what the network says, before any measurement has the last word."""
        return prior.sample(self.joint(projection=False), settings.plan)

    def restore(self, prior: Prior, settings: Settings, progress: Progress | None = None) -> Posterior:
        """Estimate the map of these inputs."""
        return infer(prior, self.joint(settings.projection), settings.plan, progress)


@dataclass(frozen=True, eq=False)
class Known:
    """What points that are scattered over the output grid do not tell themselves: their ``noise``, and the ``regular``
    map among them, at its ``scale``, on which the place of the light is found and by whose density it is calibrated."""

    noise: EbsdNoise
    regular: OrientationMap
    scale: int


def bring_together(
    ebsd: OrientationMap,
    light: LightStack | None,
    settings: Settings,
    progress: Progress | None = None,
    metal: NDArray[np.bool_] | None = None,
    known: Known | None = None,
) -> Inputs:
    """Bring a map and its light to the output grid of the settings; ``metal`` (H, W) where a mask shows some, and what
    is ``known`` of points that do not tell it themselves."""
    progress = progress or Silent()
    found = estimate_noise(ebsd, settings.noise) if known is None else known.noise
    grid = rasterise(ebsd, settings.scale, settings.fill_holes, metal)
    cut = windows(*grid.shape)
    registered, shown = None, None
    if light is not None:
        regular, scale = (ebsd, settings.scale) if known is None else (known.regular, known.scale)
        # Further points stand where the map was in doubt, on boundaries, where light is a mixture: to a calibration
        # that asked them all it would seem to lie there.
        even = grid if known is None or not light.determined else one_in_each_cell(grid, scale)
        placed = place_light(regular, light, even, found.noise, cut, replace(settings, scale=scale), progress)
        registered, shown = placed.registered, placed.calibrated
    progress.begin("reading the inputs together", 2)
    progress.advance()
    progress.advance()
    if registered is not None and shown is not None and "refused" in shown.report:
        # light that says nothing is no light
        registered, shown = registered.without(shown.report["refused"]), None
    # Of one channel: three components of the rotation share the angle's variance.
    gradient = found.gradient / settings.scale * PER_DEGREE**2 / 3
    return Inputs(grid, found, gradient, shown, cut, registered)


def prepare(ebsd: OrientationMap, light: LightStack | None, settings: Settings) -> Prepared:
    """Bring a map and its light to the output grid of the settings, all of it ready for the network."""
    inputs = bring_together(ebsd, light, settings)
    return inputs.part(whole(*inputs.grid.shape))


def joint_measurement(
    grid: PointGrid, light: CalibratedLight | None, noise: NDArray[np.float64] | float
) -> tuple[Tensor, Tensor]:
    """Measured state (23, H, W) and noise levels (4, H, W) on the output grid; ``noise`` (H, W) in degrees (rms)."""
    rows, columns = grid.shape
    mask = torch.from_numpy(grid.measured)
    e = torch.zeros(18, rows, columns)
    e[:, mask] = embed(torch.from_numpy(grid.measured_points).float(), dim=0)
    # The root-mean-square angle has three components, and each is one channel's worth of noise.
    level = torch.as_tensor(noise * PER_DEGREE / np.sqrt(3.0))
    ebsd_sigma = torch.where(mask, level, torch.inf).float()
    if light is None:
        state, light_sigma = torch.zeros(5, rows, columns), torch.full((3, rows, columns), torch.inf)
    else:
        state, light_sigma = light.state, light.sigma
    return torch.cat((e, state)), group_sigma(ebsd_sigma, light_sigma)
