"""Inputs brought together on the output grid, and the part of them that is restored at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.diffusion.state import SIGMA_MAX, group_sigma, is_unknown
from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.large.windows import Window, whole, windows
from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.light.calibration import WindowedLight, calibrate_light
from grainlight.restore.light.recorded import recorded
from grainlight.restore.light.registration import RegisteredLight, find, registered, screened
from grainlight.restore.light.tiles import retile
from grainlight.restore.light.wrong_images import check_images
from grainlight.restore.points.grid import PointGrid, rasterise
from grainlight.restore.points.misindexed import find_misindexed
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.points.noise import EbsdNoise, estimate_noise
from grainlight.restore.posterior import Posterior, infer
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Prior, Samples
from grainlight.restore.settings import Settings

# Share of the field whose light contradicts its points, from which tiles that lie beside their place are looked for.
_UNUSED = 0.05
# Tiles were moved rightly where no more of their light than this share contradicts its points afterwards.
_LEFT = 0.7
# The light as it was stated is used in place of light that had to be bent where its misfit is below so many times that
# of the other, over the rest of so much of the field.
_BETTER, _MOST_UNUSED = 0.8, 0.6


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


def bring_together(
    ebsd: OrientationMap,
    light: LightStack | None,
    settings: Settings,
    progress: Progress | None = None,
    metal: NDArray[np.bool_] | None = None,
) -> Inputs:
    """Bring a map and its light to the output grid of the settings; ``metal`` (H, W) where a mask shows some."""
    progress = progress or Silent()
    found = estimate_noise(ebsd, settings.noise)
    grid = rasterise(ebsd, settings.scale, settings.fill_holes, metal)
    cut = windows(*grid.shape)
    seen = _Light(None, None)
    if light is not None:
        seen = _bring_light(ebsd, light, grid, found.noise, cut, settings, progress)
    registered, shown = seen.registered, seen.calibrated
    progress.begin("reading the inputs together", 2)
    progress.advance()
    progress.advance()
    if registered is not None and shown is not None and "refused" in shown.report:
        # light that says nothing is no light
        registered, shown = registered.without(shown.report["refused"]), None
    # Of one channel: three components of the rotation share the angle's variance.
    gradient = found.gradient / settings.scale * PER_DEGREE**2 / 3
    return Inputs(grid, found, gradient, shown, cut, registered)


@dataclass(frozen=True, eq=False)
class _Light:
    """A stack as it is ``registered`` and ``calibrated``, None where there is none to use."""

    registered: RegisteredLight | None
    calibrated: CalibratedLight | WindowedLight | None

    @property
    def unused(self) -> float:
        """Share of the field whose light is not used."""
        return 1.0 if self.calibrated is None else self.calibrated.unused

    @property
    def misfit(self) -> float:
        """Usual distance of the light that is used from what the points should show."""
        report = {} if self.calibrated is None else self.calibrated.report
        found = [float(report.get(f"spread_{group}", np.inf)) for group in ("a2", "a4")]
        return min(found)


def _bring_light(
    ebsd: OrientationMap,
    light: LightStack,
    grid: PointGrid,
    noise: float,
    cut: list[Window],
    settings: Settings,
    progress: Progress,
) -> _Light:
    """See what the images recorded and which of them fit, bring them to the map and calibrate them."""
    screen = screened(light)
    if screen.light is None:
        return _Light(RegisteredLight(None, None, screen.notes, screen.reason), None)
    seen = recorded(screen.light)
    if seen.light is None:
        return _Light(RegisteredLight(None, None, screen.notes, "its images show one count everywhere"), None)
    checked = check_images(seen.light)
    told = (*screen.notes, *seen.told, *checked.told)

    def brought(stack: LightStack, told: tuple[str, ...], settings: Settings = settings) -> _Light:
        placed = registered(stack, find(ebsd, stack, settings, progress), told)
        return _Light(placed, calibrate_light(placed, grid, noise, ebsd.sample_frame, cut))

    found = brought(checked.light, told)
    if settings.register != "auto" or not _is_doubtful(found):
        return found
    # Of a c-axis, which feels the noise in two directions of three.
    again = retile(checked.light, grid, noise / np.sqrt(3.0))
    if again is not None:
        better = brought(again.light, (*told, *again.told))
        if not _is_doubtful(better, bent_only=True) and better.unused < _LEFT * again.share:
            return better
    if not _is_doubtful(found, bent_only=True):
        return found
    # Bent for a tile beside its place, light fits nowhere; what lies where it was stated fits better, if only there.
    try:
        stated = brought(checked.light, told, replace(settings, register="none"))
    except InputError:  # nobody asked for the stated place: images that miss the map there are no fault of theirs
        return found
    return stated if stated.misfit < _BETTER * found.misfit and stated.unused < _MOST_UNUSED else found


def _is_doubtful(found: _Light, bent_only: bool = False) -> bool:
    """Whether light that was brought to the map may have tiles beside their place: it had to be bent, or contradicts
    the points of a region."""
    registration = None if found.registered is None else found.registered.registration
    if registration is not None and (not registration.trusted or registration.method == "deformable"):
        return True
    return not bent_only and found.calibrated is not None and found.calibrated.unused > _UNUSED


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
