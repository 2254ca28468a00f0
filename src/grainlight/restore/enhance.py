"""The restoration from end to end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, decode, embed
from grainlight.crystal.euler import IDENTITY
from grainlight.crystal.frames import CrystalFrame, SampleFrame, change_crystal_frame
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.checkpoint import load_weights, weights_hash
from grainlight.diffusion.sampler import group_sigma
from grainlight.diffusion.state import EBSD, SIGMA_MAX, is_unknown
from grainlight.grains.edges import edge_starts
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.contradiction import contradiction
from grainlight.restore.device import choose_device
from grainlight.restore.doubt import bound_90
from grainlight.restore.ensemble import Posterior, restore_ensemble
from grainlight.restore.estimate import check_memory
from grainlight.restore.light import PlacedLight, all_flags, place_light
from grainlight.restore.misindexed import find_misindexed
from grainlight.restore.noise import estimate_noise
from grainlight.restore.other_grain import other_grain
from grainlight.restore.phases import follow_orientations, phase_report
from grainlight.restore.place import Placed, place
from grainlight.restore.projection import find_neighbours
from grainlight.restore.record import input_record
from grainlight.restore.result import CORRECTED, INFERRED, MEASURED, NOT_RESTORED, Result
from grainlight.restore.rounds import Laid, again, draft, is_moved, lay_light
from grainlight.restore.settings import Settings
from grainlight.restore.tiles import TiledDenoiser, count_tiles


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
    steps, samples = settings.calls
    rows, columns = placed.shape
    denoise = TiledDenoiser(model, device, on_tile=progress.advance)
    for _ in range(settings.rounds):
        if light is None or ready.laid is None or not is_moved(ready.laid):
            break
        first = draft(settings)
        progress.begin("registering again", first.calls[0] * first.calls[1] * count_tiles(rows, columns))
        better = again(ebsd, light, ready.laid, placed, ready.restore(denoise, first, progress), settings)
        ready = prepare(ebsd, light, settings, progress, better)
    progress.begin("restoring", steps * samples * count_tiles(rows, columns))
    posterior = ready.restore(denoise, settings, progress)
    record = _record(ebsd, light, ready, settings, device)
    result = _result(ebsd, ready, posterior, record)
    if posterior.blur is not None:
        result.record["light"]["blur_px"] = posterior.blur
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


def _result(ebsd: OrientationMap, ready: Prepared, posterior: Posterior, record: dict[str, Any]) -> Result:
    placed, noise = ready.placed, ready.level
    canonical = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    kept = canonical.quaternions.reshape(-1, 4)[placed.nearest]
    q = decode(posterior.embedding, dim=0)
    measured_q = torch.from_numpy(placed.quaternions)
    angle = torch.rad2deg(disorientation_angle(q.double(), measured_q)).numpy()
    correction = np.where(placed.measured, angle, np.nan).astype(np.float32)
    seen = placed.reached | placed.measured
    if ready.light is not None:
        # Light tells grains apart where no EBSD point is near.
        seen |= (ready.light.sigma[1:].amin(0) < 0.5).numpy()
        record["light"] = ready.light.report
    restored = seen & ~placed.other
    q_all = np.where(restored[..., None], q.double().numpy(), kept)
    changed = (correction > np.maximum(2.0, 4.0 * noise)) | ready.misindexed
    source = np.where(placed.measured, np.where(changed, CORRECTED, MEASURED), INFERRED)
    source = np.where(restored, source, NOT_RESTORED).astype(np.uint8)
    bound = bound_90(posterior.doubt.numpy(), posterior.scatter.numpy())
    uncertainty = np.where(restored, bound, np.nan).astype(np.float32)
    points = ~is_unknown(ready.sigma[0])
    phase_id = follow_orientations(posterior.embedding, ready.measurement[EBSD], points, placed.phase_id)
    phase_id = np.where(placed.other | placed.measured, placed.phase_id, phase_id)
    phase_id = np.where(restored | placed.other, phase_id, 0).astype(np.int16)
    fields = _fields(ebsd, placed, source, phase_id, uncertainty)
    full = OrientationMap.from_quaternions(
        np.where(phase_id[..., None] > 0, q_all, IDENTITY),
        (placed.step, placed.step),
        ebsd.phases,
        phase_id=phase_id,
        sample_frame=SampleFrame.S,
        crystal_frame=CrystalFrame.X_ALONG_A,
        fields=fields,
        source="grainlight",
    )
    full = _in_frames_of(full, ebsd).replace(origin=(ebsd.origin[0] + placed.left, ebsd.origin[1]))
    measured_map = OrientationMap.from_quaternions(
        placed.quaternions,
        (placed.step, placed.step),
        ebsd.phases,
        phase_id=np.where(placed.measured, placed.phase_id, 0),
    )
    measured_map = _in_frames_of(measured_map, ebsd)
    boundary = np.where(restored, posterior.boundary.numpy(), 0.0)
    boundary = np.where(_phase_edges(phase_id), 1.0, boundary).astype(np.float32)
    missed = _contradiction(q, ready, restored)
    return Result(
        full,
        uncertainty,
        boundary,
        source,
        posterior.light.numpy().astype(np.float32),
        placed.measured,
        measured_map.quaternions,
        correction,
        record,
        _samples(posterior, ebsd),
        other_grain=_where(restored, other_grain(posterior.doubt.numpy())),
        contradiction=missed,
        light_flags=None if ready.light is None or missed is None else all_flags(ready.light, missed),
    )


def _where(restored: NDArray[np.bool_], values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(restored, values, np.nan).astype(np.float32)


def _contradiction(q: Tensor, ready: Prepared, restored: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    if ready.light is None:
        return None
    seen = ready.light
    return _where(restored, contradiction(q.double().numpy(), seen.state, seen.sigma, seen.report))


def _samples(posterior: Posterior, ebsd: OrientationMap) -> NDArray[np.float16]:
    """Orientations (K, H, W, 4) of the ensemble's members in the frames of the input."""
    if posterior.samples is None:
        return np.zeros((0, *posterior.doubt.shape, 4), np.float16)
    frame, crystal = ebsd.sample_frame, ebsd.crystal_frame
    turned = np.empty(tuple(posterior.samples.shape), np.float16)
    for number, q in enumerate(posterior.samples):
        q_s = change_crystal_frame(q.double().numpy(), CrystalFrame.X_ALONG_A, crystal)
        turned[number] = frame.from_frame_s(q_s)
    return turned


def _in_frames_of(of: OrientationMap, ebsd: OrientationMap) -> OrientationMap:
    return of.in_frame(ebsd.sample_frame).in_crystal_frame(ebsd.crystal_frame)


def _fields(
    ebsd: OrientationMap,
    placed: Placed,
    source: NDArray[np.uint8],
    phase_id: NDArray[np.int16],
    uncertainty: NDArray[np.float32],
) -> dict[str, NDArray[Any]]:
    """The vendors' columns: their own values from the nearest scan point, our bound where a column is in degrees.

    Both vendors' names are filled, because the output may be of the other format than the input.
    """
    fields = {name: values.reshape(-1)[placed.nearest] for name, values in ebsd.fields.items()}
    lost = source == NOT_RESTORED
    bound = np.nan_to_num(uncertainty, nan=0.0)
    for name in ("mad", "fit"):
        fields[name] = np.where(lost, fields.get(name, 0.0), bound)
    # Other programs drop points of low confidence index: ours falls from 1 to 0 as the bound rises to 30 degrees.
    fields["ci"] = np.where(lost, fields.get("ci", 1.0), np.clip(1.0 - bound / 30.0, 0.0, 1.0))
    if "error" in fields:
        fields["error"] = np.where(phase_id > 0, np.where(lost, fields["error"], 0), 3)
    return fields


def _phase_edges(phase_id: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Pixels (H, W) with another phase to the right or below."""
    right, down = (
        (here > 0) & (there > 0) & (here != there)
        for here, there in ((phase_id[:, :-1], phase_id[:, 1:]), (phase_id[:-1], phase_id[1:]))
    )
    return edge_starts(right, down)


def _record(
    ebsd: OrientationMap,
    light: LightStack | None,
    ready: Prepared,
    settings: Settings,
    device: torch.device,
) -> dict[str, Any]:
    import grainlight

    phases, kept = phase_report(ebsd)
    return {
        "version": grainlight.__version__,
        "weights": weights_hash(settings.weights),
        "settings": settings.as_record(),
        "device": str(device),
        "noise_deg": round(ready.noise, 3),
        "misindexed_points": int(ready.misindexed.sum()),
        "quality_fields": ready.quality,
        "phases": phases,
        "ebsd": {
            "source": ebsd.source,
            "grid": ebsd.grid,
            "step_um": list(ebsd.step),
            "origin_um": list(ebsd.origin),
            "phases": {str(phase.id): phase.name for phase in ebsd.phases},
        },
        "light_input": None
        if light is None
        else {
            "angles_deg": light.angles.tolist(),
            "step_um": light.step,
            "origin_um": list(light.origin),
            "rotates": light.rotates,
            "mirror": light.mirror,
            "saturation": light.saturation,
        },
        "frames": {"sample": ebsd.sample_frame.value, "crystal": ebsd.crystal_frame.value},
        "inputs": input_record((ebsd.path, *(() if light is None else light.paths))),
        "registration": None if ready.laid is None else ready.laid.as_record(),
        "warnings": [
            *ebsd.notes,
            *kept,
            *(() if ready.laid is None else ready.laid.warnings),
            *(() if ready.light is None else ready.light.warnings),
        ],
    }
