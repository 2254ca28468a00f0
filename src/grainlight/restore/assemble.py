"""From what the network found to a `Result`: the map, its sources and its uncertainty, in the frames of the input."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.embedding import decode
from grainlight.crystal.euler import IDENTITY
from grainlight.crystal.frames import CrystalFrame, SampleFrame, change_crystal_frame
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.state import EBSD, is_unknown
from grainlight.grains.edges import edge_starts
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.grid import PointGrid
from grainlight.restore.points.phases import follow_orientations
from grainlight.restore.posterior import Posterior
from grainlight.restore.result import CORRECTED, INFERRED, MEASURED, NOT_RESTORED, Result
from grainlight.restore.uncertainty.bound import LARGEST, bound_90
from grainlight.restore.uncertainty.hole_light import shows_metal
from grainlight.restore.uncertainty.misassignment import misassignment_probability
from grainlight.restore.uncertainty.residual import all_flags, normalised_residual

if TYPE_CHECKING:
    from grainlight.restore.inputs import Prepared


def assemble(
    ebsd: OrientationMap,
    ready: Prepared,
    posterior: Posterior,
    record: dict[str, Any],
    unfitted: Collection[str] = (),
    widened: float = 1.0,
) -> Result:
    """Return the result of a restoration; ``record`` is what it carries of the run, ``unfitted`` are the tables of
    constants that were fitted for other weights (`Constants.unfitted`): what they would say is not given. Bounds are
    ``widened`` by a factor."""
    grid = ready.grid
    q = decode(posterior.embedding, dim=0)
    restored, correction = _restored(ready), _correction(q, grid)
    missed = _residual(q, ready, restored)
    if ready.light is not None and missed is not None and grid.in_hole is not None:
        restored &= ~grid.in_hole | shows_metal(grid, ready.light, missed, max(ebsd.step))
        missed = _where(restored, missed)
    source = _source(correction, ready, restored)
    found = posterior.uncertainty
    raw, lit = found.raw.numpy(), found.lit.numpy()
    bound = np.minimum(widened * bound_90(raw, found.orientation.numpy(), lit, unfitted), np.float32(LARGEST))
    uncertainty = _where(restored, bound)
    phase_id = _phase_id(ready, posterior, restored)
    boundary = np.where(restored, found.boundary.numpy(), 0.0)
    boundary = np.where(_phase_edges(phase_id), 1.0, boundary).astype(np.float32)
    return Result(
        _map(ebsd, grid, q, restored, phase_id, _fields(ebsd, grid, source, phase_id, uncertainty)),
        uncertainty,
        boundary,
        source,
        posterior.light.numpy().astype(np.float32),
        grid.measured,
        measured_points(ebsd, grid),
        correction,
        record,
        _samples(posterior, ebsd),
        other_grain=_where(restored, misassignment_probability(raw, lit, unfitted)),
        contradiction=missed,
        light_flags=None if ready.light is None or missed is None else all_flags(ready.light, missed, posterior.unused),
    )


def _restored(ready: Prepared) -> NDArray[np.bool_]:
    """Pixels (H, W) near an EBSD point and in no wide hole, or with light unless a limit was asked for, that are of no
    other phase and not masked."""
    seen = ready.grid.reached | ready.grid.measured
    if ready.light is not None and not ready.grid.reach_stated:
        # Light tells grains apart where no EBSD point is near.
        seen |= (ready.light.sigma[1:].amin(0) < 0.5).numpy()
    seen &= ~ready.grid.other
    return seen if ready.grid.metal is None else seen & ready.grid.metal


def _correction(q: Tensor, grid: PointGrid) -> NDArray[np.float32]:
    """Degrees (H, W) between measurement and output; NaN where nothing was measured."""
    found = np.full(grid.shape, np.nan, dtype=np.float32)
    restored = q[torch.from_numpy(grid.measured)].double()
    angle = disorientation_angle(restored, torch.from_numpy(grid.measured_points))
    found[grid.measured] = torch.rad2deg(angle).numpy()
    return found


def _source(correction: NDArray[np.float32], ready: Prepared, restored: NDArray[np.bool_]) -> NDArray[np.uint8]:
    changed = (correction > np.maximum(2.0, 4.0 * ready.level)) | ready.misindexed
    source = np.where(ready.grid.measured, np.where(changed, CORRECTED, MEASURED), INFERRED)
    return np.where(restored, source, NOT_RESTORED).astype(np.uint8)


def _phase_id(ready: Prepared, posterior: Posterior, restored: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Phase (H, W): as measured, and between the points that of the orientation; 0 where there is none."""
    grid, points = ready.grid, ~is_unknown(ready.sigma[0])
    phase_id = follow_orientations(posterior.embedding, ready.measurement[EBSD], points, grid.phase_id)
    phase_id = np.where(grid.other | grid.measured, grid.phase_id, phase_id)
    return np.where(restored | grid.other, phase_id, 0).astype(np.int16)


def _map(
    ebsd: OrientationMap,
    grid: PointGrid,
    q: Tensor,
    restored: NDArray[np.bool_],
    phase_id: NDArray[np.int16],
    fields: dict[str, NDArray[Any]],
) -> OrientationMap:
    """The restored map in the frames of the input; what is not restored keeps the nearest scan point."""
    q_all = q.double().numpy()
    q_all[~restored] = _nearest(ebsd, grid.nearest[~restored])
    full = OrientationMap.from_quaternions(
        np.where(phase_id[..., None] > 0, q_all, IDENTITY),
        (grid.step, grid.step),
        ebsd.phases,
        phase_id=phase_id,
        fields=fields,
        source="grainlight",
    )
    origin = ebsd.origin[0] + grid.left, ebsd.origin[1]
    about = {"path": ebsd.path, "scan": ebsd.scan, "sample": ebsd.sample}
    return _in_frames_of(full, ebsd).replace(origin=origin, **about)


def _nearest(ebsd: OrientationMap, points: NDArray[np.signedinteger[Any]]) -> NDArray[np.float64]:
    """Orientations (n, 4) of points (n,) of the map in frame S with X along a."""
    picked = {name: getattr(ebsd, name).reshape(-1)[points][None] for name in ("phase_id", "x", "y")}
    picked["quaternions"] = ebsd.quaternions.reshape(-1, 4)[points][None]
    canonical = ebsd.replace(**picked, fields={}).in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    return canonical.quaternions[0]


def measured_points(ebsd: OrientationMap, grid: PointGrid) -> NDArray[np.float64]:
    """Measured orientations (n, 4) in the frames of the input, as `Result` holds them."""
    return ebsd.quaternions.reshape(-1, 4)[grid.nearest[grid.measured]]


def _where(restored: NDArray[np.bool_], values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(restored, values, np.nan).astype(np.float32)


def _residual(q: Tensor, ready: Prepared, restored: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    if ready.light is None:
        return None
    seen = ready.light
    return _where(restored, normalised_residual(q.double().numpy(), seen.state, seen.sigma, seen.curves))


def _samples(posterior: Posterior, ebsd: OrientationMap) -> NDArray[np.float16]:
    """Orientations (K, H, W, 4) of the ensemble's members in the frames of the input."""
    if posterior.samples is None:
        return np.zeros((0, *posterior.uncertainty.raw.shape, 4), np.float16)
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
    grid: PointGrid,
    source: NDArray[np.uint8],
    phase_id: NDArray[np.int16],
    uncertainty: NDArray[np.float32],
) -> dict[str, NDArray[Any]]:
    """The vendors' columns: their own values from the nearest scan point, our bound where a column is in degrees.

    Both vendors' names are filled, because the output may be of the other format than the input.
    """
    # Single precision: no vendor's column has more digits, and a large map has many pixels.
    fields = {name: _single(values.reshape(-1)[grid.nearest]) for name, values in ebsd.fields.items()}
    lost = source == NOT_RESTORED
    # A column of a vendor has no room for "not known": a bound that is not given is the largest angle that there is.
    bound = np.nan_to_num(uncertainty, nan=LARGEST)
    for name in ("mad", "fit"):
        fields[name] = _single(np.where(lost, fields.get(name, 0.0), bound))
    # Other programs drop points of low confidence index: ours falls from 1 to 0 as the bound rises to 30 degrees.
    fields["ci"] = _single(np.where(lost, fields.get("ci", 1.0), np.clip(1.0 - bound / 30.0, 0.0, 1.0)))
    if "error" in fields:
        fields["error"] = np.where(phase_id > 0, np.where(lost, fields["error"], 0), 3)
    return fields


def _single(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32) if values.dtype == np.float64 else values


def _phase_edges(phase_id: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Pixels (H, W) with another phase to the right or below."""
    right, down = (
        (here > 0) & (there > 0) & (here != there)
        for here, there in ((phase_id[:, :-1], phase_id[:, 1:]), (phase_id[:-1], phase_id[1:]))
    )
    return edge_starts(right, down)
