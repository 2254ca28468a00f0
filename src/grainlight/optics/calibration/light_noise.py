"""How noisy the canonical light is, from pixels and from the points of known c-axis all over an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.point_light import PointLight
from grainlight.optics.calibration.robust import binned_mean, binned_variance, bins_of, nonnegative_line
from grainlight.optics.forward.curves import tilt_sensitivity

RELIEF_UNCERTAINTY = 0.2
"""Share of a local brightness correction that is not trusted."""
CAP = 5.0
"""Standard deviations that the residual of one point counts for at most: one at a boundary is large by itself."""


@dataclass(frozen=True)
class LightNoise:
    """What holds for all of an image.

    Parameters
    ----------
    frames
        Table of the usual residual of a frame over a0: centres and standard deviations, in the images' unit.
    terms
        Per group (constant, share): variance beyond that of the frames, and what grows with the squared brightness.
    usual
        Per group: by how many standard deviations the light usually misses known c-axes.
    """

    frames: tuple[Tensor, Tensor]
    terms: list[tuple[float, float]]
    usual: tuple[float, float, float]


def measure_noise(calibration: Calibration, light: PointLight, axis_noise: float) -> LightNoise:
    """Measure the noise of an image at its points; ``axis_noise`` of the c-axes in degrees (standard deviation)."""
    coefficients, at, axes = light.coefficients, light.positions, light.c_axes
    row, column = at[:, 0], at[:, 1]
    frames = frame_noise(light.pixels[0], light.pixels[1], light.freedom)
    bright = calibration.illumination.at(row, column)
    state = calibration.canonical(coefficients, bright)
    good = torch.isfinite(state).all(0) & torch.isfinite(axes).all(1)
    state, axes, bright, row, column = state[:, good], axes[good], bright[good], row[good], column[good]
    rms = interpolate(coefficients[0, good], *frames)
    shot = torch.stack([rms * f / bright for f in shot_factors(calibration, light.group_noise)])
    residual = state - calibration.expected(axes)
    terms = noise_terms(calibration, residual, shot, axes, axis_noise)
    variance = shot.square()
    add_terms(variance, state, calibration, terms, calibration.illumination.relief.at(row, column))
    level = variance.sqrt()
    usual = [float(miss(residual, level, group).mean()) for group in range(3)]
    return LightNoise(frames, terms, (usual[0], usual[1], usual[2]))


def shot_factors(calibration: Calibration, group_noise: tuple[float, float, float]) -> list[float]:
    """Return what a frame's noise makes of a channel of each group under even light [canonical units]."""
    return [factor / max(float(gain.abs()), 1e-300) for factor, gain in zip(group_noise, calibration.gain, strict=True)]


def frame_noise(a0: Tensor, rms: Tensor, freedom: int) -> tuple[Tensor, Tensor]:
    """Return the usual residual of a frame as a table over a0: centres and standard deviations.

    Parameters
    ----------
    a0, rms
        (n,) float64: brightness and residual of pixels; not finite where nothing was measured.
    freedom
        Degrees of freedom of the residual.
    """
    good = torch.isfinite(a0) & torch.isfinite(rms)
    a0, rms = a0[good], rms[good]
    if len(a0) == 0 or freedom == 0:
        return torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    # median of a chi-square over its degrees of freedom (Wilson and Hilferty)
    median = (1 - 2 / (9 * freedom)) ** 3
    groups = torch.tensor_split(a0.argsort(), max(1, min(16, len(a0) // 50)))
    centre = torch.stack([a0[g].mean() for g in groups])
    return centre, torch.stack([rms[g].median() for g in groups]) / math.sqrt(median)


def interpolate(x: Tensor, centre: Tensor, value: Tensor) -> Tensor:
    """Return the table's value at x, flat beyond its ends."""
    centre, value = centre.to(x.device, x.dtype), value.to(x.device, x.dtype)
    if len(centre) == 1:
        return torch.full_like(x, float(value[0]))
    right = torch.bucketize(torch.nan_to_num(x, nan=0.0), centre).clamp(1, len(centre) - 1)
    low, high = centre[right - 1], centre[right]
    share = ((x - low) / (high - low).clamp_min(1e-30)).clamp(0, 1)
    return value[right - 1] + share * (value[right] - value[right - 1])


def noise_terms(
    calibration: Calibration, residual: Tensor, noise: Tensor, axes: Tensor, axis_noise: float
) -> list[tuple[float, float]]:
    """Return per group (constant, share) of the variance beyond shot noise ``noise`` (3, P), from residuals (5, P)."""
    expected = calibration.expected(axes)
    s = axes[:, 0] ** 2 + axes[:, 1] ** 2
    turn = math.radians(axis_noise) ** 2
    jitter = tilt_sensitivity(s)
    ground = _ground(calibration)
    terms = []
    for group in range(3):
        part = slice(2 * group - 1, 2 * group + 1) if group else slice(0, 1)
        r = torch.complex(residual[part][0], residual[part][1]) if group else residual[0]
        # what scales with brightness scales with the background of A0 too
        length = expected[part].square().sum(0) if group else (expected[0] + ground).square()
        bins = bins_of(length)
        centre, variance = binned_mean(length, bins), binned_variance(r, bins)
        photons, tilts = binned_mean(noise[group].square(), bins), binned_mean(jitter[group] * turn, bins)
        # the axes may be better than stated: do not take off more than about half of what is seen
        left = torch.maximum(variance - photons - tilts, 0.4 * variance - photons).clamp_min(0.0)
        terms.append(nonnegative_line(centre, left))
    return terms


def add_terms(
    variance: Tensor, state: Tensor, calibration: Calibration, terms: list[tuple[float, float]], relief: Tensor
) -> None:
    """Add what is beyond shot noise to a variance (3, ...), in place, where the light shows ``state`` (5, ...) and the
    local brightness is ``relief`` (...)."""
    uncertain = (RELIEF_UNCERTAINTY * (1 - relief)) ** 2
    size = torch.stack(((state[0] + _ground(calibration)) ** 2, state[1:3].square().sum(0), state[3:].square().sum(0)))
    for group, (constant, share) in enumerate(terms):
        variance[group] += constant + (share + uncertain) * size[group]
    variance.clamp_min_(1e-8)


def miss(residual: Tensor, level: Tensor, group: int) -> Tensor:
    """Return by how many standard deviations (3, P) residuals (5, P) of one group miss, (P,), capped."""
    part = slice(2 * group - 1, 2 * group + 1) if group else slice(0, 1)
    return (residual[part] / level[group]).square().mean(0).sqrt().clamp(max=CAP)


def _ground(calibration: Calibration) -> float:
    """Return the background of A0 that follows the light [canonical units]."""
    return calibration.floor / float(calibration.gain[0].real) if calibration.signal[0] else 0.0
