"""The restoration from end to end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.sampler import group_sigma
from grainlight.diffusion.state import SIGMA_MAX, is_unknown
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.allocation import memory_reused
from grainlight.restore.assemble import assemble
from grainlight.restore.device import choose_device
from grainlight.restore.ensemble import Posterior, restore_ensemble
from grainlight.restore.estimate import check_memory
from grainlight.restore.light import PlacedLight, place_light
from grainlight.restore.misindexed import find_misindexed
from grainlight.restore.noise import estimate_noise
from grainlight.restore.place import Placed, place
from grainlight.restore.projection import find_neighbours
from grainlight.restore.record import run_record
from grainlight.restore.result import Result
from grainlight.restore.rounds import Laid, again, draft, is_moved, lay_light
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import TiledDenoiser, count_tiles


@memory_reused()
def enhance(
    ebsd: OrientationMap,
    light: LightStack | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Result:
    """Restore the full-resolution map of a coarse, noisy or incomplete EBSD map.

    Parameters
    ----------
    ebsd
        The coarse map, in any frame.
    light
        Polarized-light images of the same section; without them EBSD alone is restored.

    Raises
    ------
    InputError
        If nothing is indexed, no phase is of Laue group 6/mmm, or the light does not fit the map.
    """
    settings, progress = settings or Settings(), progress or Silent()
    check_memory(ebsd, light, settings)
    began = time.perf_counter()
    device = choose_device(settings.device)
    model = load_weights(settings.weights, device)
    ready = prepare(ebsd, light, settings, progress)
    placed = ready.placed
    rows, columns = placed.shape
    denoise = TiledDenoiser(model, device, on_tile=progress.advance)
    for _ in range(settings.rounds):
        if light is None or ready.laid is None or not is_moved(ready.laid):
            break
        first = draft(settings)
        progress.begin("registering again", first.network_calls * count_tiles(rows, columns))
        better = again(ebsd, light, ready.laid, placed, ready.restore(denoise, first, progress), settings)
        ready = prepare(ebsd, light, settings, progress, better)
    progress.begin("restoring", settings.network_calls * count_tiles(rows, columns))
    posterior = ready.restore(denoise, settings, progress)
    progress.begin("putting the result together", 1)
    record = run_record(ebsd, light, ready, settings, device)
    if ready.light is not None:
        record["light"] = ready.light.report
    if posterior.blur is not None:
        record["light"]["blur_px"] = posterior.blur
    result = assemble(ebsd, ready, posterior, record)
    result.record["seconds"] = round(time.perf_counter() - began, 2)
    return result


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs on the output grid, ready for the network.

    ``placed`` EBSD points; ``light`` calibrated harmonics or None, of the stack as it is ``laid`` on the map; ``noise``
    of the EBSD in degrees (rms); ``level`` (H, W) the same for the point that is nearest to a pixel, ``quality`` where
    that comes from; ``drift`` growth of a channel's variance inside grains per pixel; ``measurement`` (23, H, W) and
    ``sigma`` (4, H, W) the joint state and its noise levels; ``misindexed`` (H, W) points that are not used.
    """

    placed: Placed
    light: PlacedLight | None
    noise: float
    level: NDArray[np.float64]
    quality: dict[str, Any]
    drift: float
    measurement: Tensor
    sigma: Tensor
    misindexed: NDArray[np.bool_]
    laid: Laid | None = None

    def restore(self, denoise: TiledDenoiser, settings: Settings, progress: Progress | None = None) -> Posterior:
        """Run the ensemble and its projection."""
        progress = progress or Silent()
        neighbours = find_neighbours(~is_unknown(self.sigma[0])) if settings.projection else None
        steps, samples = settings.calls
        return restore_ensemble(
            denoise,
            self.measurement,
            self.sigma,
            neighbours,
            steps=steps,
            samples=samples,
            seed=settings.seed,
            visits=settings.chain_visits,
            drift=self.drift,
            barred=torch.from_numpy(self.placed.other),
            progress=progress,
        )


def prepare(
    ebsd: OrientationMap,
    light: LightStack | None,
    settings: Settings,
    progress: Progress | None = None,
    laid: Laid | None = None,
) -> Prepared:
    """Bring a map and its light to the output grid of the settings; registered as ``laid`` where that is known."""
    progress = progress or Silent()
    found = estimate_noise(ebsd, settings.noise)
    placed = place(ebsd, settings.scale)
    if light is not None and laid is None:
        laid = lay_light(ebsd, light, placed, settings, progress)
    progress.begin("reading the inputs together", 2)
    progress.advance()
    stack = None if laid is None else laid.stack
    shown = None if stack is None else place_light(stack, placed, found.noise, ebsd.sample_frame)
    progress.advance()
    level = found.level.reshape(-1)[placed.nearest]
    measurement, sigma = joint_measurement(placed, shown, level)
    # The light of other phases says nothing of the metal's.
    sigma[1:, torch.from_numpy(placed.other)] = SIGMA_MAX
    misindexed = find_misindexed(measurement, sigma, placed.phase_id)
    sigma[0][torch.from_numpy(misindexed)] = SIGMA_MAX
    # Of one channel: three components of the rotation share the angle's variance.
    drift = found.drift / settings.scale * PER_DEGREE**2 / 3
    return Prepared(placed, shown, found.noise, level, found.report, drift, measurement, sigma, misindexed, laid)


def joint_measurement(
    placed: Placed, light: PlacedLight | None, noise: NDArray[np.float64] | float
) -> tuple[Tensor, Tensor]:
    """Measured state (23, H, W) and noise levels (4, H, W) on the output grid; ``noise`` (H, W) in degrees (rms)."""
    rows, columns = placed.shape
    mask = torch.from_numpy(placed.measured)
    e = embed(torch.from_numpy(placed.quaternions).float(), dim=-3) * mask
    # The root-mean-square angle has three components, and each is one channel's worth of noise.
    level = torch.as_tensor(noise * PER_DEGREE / np.sqrt(3.0))
    ebsd_sigma = torch.where(mask, level, torch.inf).float()
    if light is None:
        state, light_sigma = torch.zeros(5, rows, columns), torch.full((3, rows, columns), torch.inf)
    else:
        state, light_sigma = light.state, light.sigma
    return torch.cat((e, state)), group_sigma(ebsd_sigma, light_sigma)
