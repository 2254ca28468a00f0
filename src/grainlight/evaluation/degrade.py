"""From a full map to a task: EBSD at every n-th point with noise, and a light stack of the full map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.euler import c_axis
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.crystal.quaternion import from_rotation_vector, multiply, random
from grainlight.errors import InputError
from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.optics.calibration import canonical
from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.calibration.point_fit import calibrate
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.state import GROUP_OF_CHANNEL
from grainlight.synth import camera

Level = Literal["clean", "mild", "corrupted", "severe"]
LEVELS: tuple[Level, ...] = ("clean", "mild", "corrupted", "severe")
_HOLE_RADIUS = (1.5, 5.0)  # coarse points


@dataclass(frozen=True, eq=False)
class Task:
    """A full map, what is left of it, and the light of it; everything in frame S with X along a.

    Parameters
    ----------
    truth
        (H, W, 4) orientations of the full map; H = scale (h - 1) + 1 for h coarse rows, so that every pixel lies
        between measured ones.
    valid
        (H, W) whether the truth is a hexagonal phase.
    quaternions
        (H, W, 4) measured, noisy orientations; the identity where nothing was measured.
    measured
        (H, W) where there is one.
    wrong
        (H, W) where the measured one was replaced by any orientation (misindexing).
    coarse
        The same measurement as the map that a user would have.
    stack
        The light as recorded; its first pixel is the first EBSD point. None for a task without light.
    light, sigma
        (5, H, W) and (3, H, W): canonical harmonics and noise of a channel per group, calibrated on `coarse` only.
    clean_light
        (5, H, W): harmonics of the truth under the same calibration, the ideal ones in groups without signal.
    scale, level, noise
        Points left out, level of the light, rms misorientation of the EBSD noise in degrees.
    damaged
        (H, W) region whose light is lost or lies; None for a stack that was not damaged. With damage, ``light``,
        ``sigma`` and ``clean_light`` are not made.
    """

    truth: NDArray[np.float64]
    valid: NDArray[np.bool_]
    quaternions: NDArray[np.float64]
    measured: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    coarse: OrientationMap
    stack: LightStack | None
    light: NDArray[np.float64] | None
    sigma: NDArray[np.float64] | None
    clean_light: NDArray[np.float64] | None
    scale: int
    level: Level | None
    noise: float
    damaged: NDArray[np.bool_] | None = None


def degrade(
    full: OrientationMap,
    *,
    scale: int,
    level: Level | None = "corrupted",
    seed: int = 0,
    noise_deg: float = 0.5,
    holes: float = 0.0,
    misindexed: float = 0.0,
    scattered: float | None = None,
    metal: str = "Ti",
    damage: Damage | None = None,
) -> Task:
    """Make a task from a full map.

    Parameters
    ----------
    full
        Square grid, with points of a phase of Laue group 6/mmm.
    scale
        EBSD keeps every scale-th point of every scale-th row, beginning with the first.
    level
        "clean", "mild", "corrupted" or "severe" light (`synth.camera`), or None for EBSD alone.
    seed
        Same seed, same task.
    noise_deg
        Root-mean-square misorientation angle of the noise in degrees: each component of the rotation vector has a
        standard deviation of noise_deg / sqrt(3).
    holes
        Share of the coarse points, 0 to 1, lost in round holes.
    misindexed
        Share of the coarse points, 0 to 1, replaced by orientations drawn uniformly.
    scattered
        Share of the coarse points, above 0 to 1, that are kept, scattered at random; all of them if None.
    metal
        For the optical constants.
    damage
        What happens to the images afterwards.

    Raises
    ------
    InputError
        If the map is hexagonal in its grid, has no 6/mmm phase or is too small for the scale.
    """
    if full.grid != "square" or not np.isclose(*full.step, rtol=1e-3):
        found = f"a {full.grid} grid of {full.step[0]:g} x {full.step[1]:g} um"
        raise InputError("the evaluation needs a grid of squares", file=full.path, found=found)
    if not full.is_6mmm.any():
        raise InputError(
            "no point of the map belongs to a phase of Laue group 6/mmm",
            file=full.path,
            found=", ".join(phase.name for phase in full.phases) or "no phase",
            expected="a hexagonal metal such as alpha titanium",
        )
    if scale < 1 or min(full.shape) <= 2 * scale:
        raise InputError(
            "the map cannot be taken at this scale", found=f"scale {scale}, {full.shape[0]} x {full.shape[1]} points"
        )
    full = full.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    coarse = full.every(scale)
    rows, cols = ((n - 1) * scale + 1 for n in coarse.shape)
    truth, valid = full.quaternions[:rows, :cols], full.is_6mmm[:rows, :cols]
    generator = torch.Generator().manual_seed(seed)
    points, wrong = _noisy(coarse.quaternions, noise_deg, misindexed, generator)
    lost = _holes(coarse.shape, holes, generator)
    if scattered is not None:
        lost |= torch.rand(coarse.shape, generator=generator, dtype=torch.float64).numpy() >= scattered
    known = coarse.is_6mmm & ~lost
    points = np.where(known[..., None], points, np.array([1.0, 0.0, 0.0, 0.0]))
    phase_id = np.where(known | ~coarse.present, coarse.phase_id, 0).astype(np.int16)
    coarse = coarse.replace(quaternions=points, phase_id=phase_id)

    quaternions = np.zeros_like(truth)
    quaternions[..., 0] = 1.0
    measured, spoiled = np.zeros((2, rows, cols), dtype=bool)
    pick = (slice(None, None, scale), slice(None, None, scale))
    quaternions[pick], measured[pick], spoiled[pick] = points, known, wrong & known

    stack = light = sigma = clean = damaged = None
    if level is not None:
        stack = photograph(truth, valid, level, seed, full.step[0], metal)
        if damage is None:
            light, sigma, clean = _calibrated(stack, quaternions, measured, truth, noise_deg)
        else:
            spoilt = damage_stack(stack.images, stack.angles, damage)
            stack, damaged = replace(stack, images=spoilt.images), spoilt.region
    return Task(
        truth,
        valid,
        quaternions,
        measured,
        spoiled,
        coarse,
        stack,
        light,
        sigma,
        clean,
        scale,
        level,
        noise_deg,
        damaged,
    )


def _noisy(
    points: NDArray[np.float64], noise_deg: float, misindexed: float, generator: torch.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return orientations (h, w, 4) with noise, and which of them are random (h, w)."""
    q = torch.from_numpy(np.ascontiguousarray(points))
    vector = torch.randn(*q.shape[:-1], 3, generator=generator, dtype=torch.float64)
    q = multiply(from_rotation_vector(vector * (np.radians(noise_deg) / np.sqrt(3.0))), q)
    wrong = torch.rand(q.shape[:-1], generator=generator, dtype=torch.float64) < misindexed
    drawn = random(tuple(q.shape[:-1]), generator, dtype=torch.float64)
    q = torch.where(wrong[..., None], drawn, q)
    return torch.where(q[..., :1] < 0, -q, q).numpy(), wrong.numpy()


def _holes(shape: tuple[int, int], share: float, generator: torch.Generator) -> NDArray[np.bool_]:
    """Return (h, w) points in round holes that cover at least the share of the map, overlapping as they fall."""
    lost = np.zeros(shape, dtype=bool)
    row, col = np.indices(shape)
    while share > 0 and lost.mean() < share:
        u = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        radius = _HOLE_RADIUS[0] + u[2] * (_HOLE_RADIUS[1] - _HOLE_RADIUS[0])
        lost |= np.hypot(row - u[0] * shape[0], col - u[1] * shape[1]) <= radius
    return lost


def photograph(
    truth: NDArray[np.float64], valid: NDArray[np.bool_], level: Level, seed: int, step: float, metal: str
) -> LightStack:
    """Photograph a section: orientations (H, W, 4) in frame S, ``valid`` (H, W) of the metal, ``step`` in um."""
    settings = camera.PRESETS[level](seed, metal=metal)
    axes = torch.from_numpy(c_axis(truth))
    # a stream of its own: the light is the same whatever was drawn for the EBSD map
    generator = torch.Generator().manual_seed(seed + 1_000_003)
    shot = camera.simulate_stack(axes, settings, generator, valid=torch.from_numpy(valid))
    return LightStack(
        images=shot.images.numpy().astype(np.float32),
        angles=np.array(settings.angles),
        step=step,
        saturation=float(2**settings.bits - 1),
    )


def _calibrated(
    stack: LightStack,
    quaternions: NDArray[np.float64],
    measured: NDArray[np.bool_],
    truth: NDArray[np.float64],
    noise_deg: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return state (5, H, W), sigma (3, H, W) and clean state (5, H, W), calibrated on the measured pixels."""
    harmonics = fit_harmonics(torch.from_numpy(stack.images), stack.angles.tolist(), saturation=stack.saturation)
    at = torch.from_numpy(np.argwhere(measured).astype(np.float64))
    axes = torch.from_numpy(c_axis(quaternions[measured]))
    full_axes = torch.from_numpy(c_axis(truth))
    try:
        found = calibrate(harmonics, axes, at, rotates=stack.rotates, mirror=stack.mirror)
    except InputError:  # light that does not follow the c-axes is left out
        ideal = IDEAL.of_axes(full_axes).numpy()
        return np.zeros_like(ideal), np.full_like(ideal[:3], np.inf), ideal
    # the c-axis feels two of the three components of the noise, one direction at a time
    level = canonical.apply(found, harmonics, axes, at, axis_noise=noise_deg / np.sqrt(3.0))
    # a group without signal has no curve of its own worth following
    known = torch.tensor(found.signal)[list(GROUP_OF_CHANNEL), None, None]
    clean = torch.where(known, found.expected(full_axes), IDEAL.of_axes(full_axes))
    return tuple(x.double().numpy() for x in (level.state, level.sigma, clean))  # type: ignore[return-value]
