"""Applying a calibration: the canonical state of every pixel, with a noise level per group and flags."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.optics.calibration import Calibration
from grainlight.optics.harmonics import Harmonics
from grainlight.optics.relief import local_mean
from grainlight.optics.resample import sample_at
from grainlight.optics.robust import binned_mean, binned_variance, bins_of, box_mean, nonnegative_line, soft_mean

OUTSIDE, SATURATED, MISFIT, CONTRADICTION, INCONSISTENT = 1, 2, 4, 8, 16
_CEILING = 30.0
_NEIGHBOURHOOD = 1.3  # standard deviation of the window for contradictions, in distances between known points
_CONTRADICTED = 1.6
_CAP = 5.0
_DOUBT = 0.2  # share of a local brightness correction that is not trusted
_ROWS = 1 << 18  # pixels handled at once


@dataclass(frozen=True)
class CanonicalLight:
    """The canonical state of an image and how far to trust it.

    Parameters
    ----------
    state
        (5, H, W): A0, A2c, A2s, A4c, A4s in frame S; 0 where unknown.
    sigma
        (3, H, W): standard deviation of one channel of the groups A0, A2, A4 [canonical units]; infinite where
        unknown.
    flags
        (H, W) uint8, bits: 1 outside the images, 2 saturated frames, 4 the stack does not fit harmonics, 8 contradicts
        the known c-axes, 16 the three groups contradict each other (dust, stain, mixed pixels).
    warnings
        Sentences for the user.
    report
        Numbers for the record: spread of each group, sense ratio, polarizer zero, and so on.
    """

    state: Tensor
    sigma: Tensor
    flags: Tensor
    warnings: tuple[str, ...]
    report: dict[str, float]


def apply(
    calibration: Calibration,
    harmonics: Harmonics,
    c_axes: Tensor,
    positions: Tensor,
    *,
    axis_noise: float = 0.5,
    straighten: bool = False,
) -> CanonicalLight:
    """Turn harmonics into the canonical state with noise levels.

    Parameters
    ----------
    calibration
        From `calibrate` on the same harmonics.
    harmonics
        Of the stack.
    c_axes, positions
        The points of the calibration: (P, 3) in frame S and (P, 2) as row and column.
    axis_noise
        Standard deviation of the known c-axes [degrees]; what they add to the residual is taken off again.
    straighten
        Undo the material's own dependence on inclination, so that A0, A2, A4 follow the ideal powers of sin(beta);
        this is not linear in the measurement, and without it the state follows the curves of the calibration.
    """
    rows, columns = harmonics.shape
    field = harmonics.coefficients
    device, dtype = field.device, field.dtype
    state = torch.empty_like(field)
    shot = torch.empty(3, rows, columns, dtype=dtype, device=device)
    doubt = torch.empty(rows, columns, dtype=dtype, device=device)
    levels = _frame_noise(harmonics)
    expected_rms = torch.empty(rows, columns, dtype=dtype, device=device)
    column = torch.arange(columns, dtype=dtype, device=device)
    step = max(1, _ROWS // columns)
    for start in range(0, rows, step):
        part = slice(start, min(start + step, rows))
        row = torch.arange(part.start, part.stop, dtype=dtype, device=device)[:, None]
        light = calibration.light_at(row, column)
        state[:, part] = calibration.canonical(field[:, part], light)
        doubt[part] = (_DOUBT * (1 - calibration.relief.at(row, column))) ** 2
        rms = _interpolate(field[0, part], *levels)
        expected_rms[part] = rms
        for group, factor in enumerate(harmonics.group_noise):
            gain = float(calibration.gain[group].abs())
            shot[group, part] = rms * (factor / max(gain, 1e-300)) / light

    outside = ~torch.isfinite(state).all(0)
    state = torch.where(outside, torch.zeros((), dtype=dtype, device=device), state)
    terms, residual, at = _point_residuals(calibration, state, shot, outside, c_axes, positions, axis_noise)
    size = torch.stack((state[0].square(), state[1] ** 2 + state[2] ** 2, state[3] ** 2 + state[4] ** 2))
    variance = shot.square()
    size[0] = (state[0] + _ground(calibration)).square()
    for group, (constant, share) in enumerate(terms):
        variance[group] += constant + share * size[group] + doubt * size[group]
    sigma = variance.clamp_min(1e-8).sqrt()

    flags = outside.to(torch.uint8) * OUTSIDE
    misfit = _misfit(harmonics, expected_rms)
    strange, inclination = _inconsistency(calibration, state, sigma)
    wrong = _contradiction(calibration, sigma, residual, at)
    for bit, excess, threshold in (
        (MISFIT, misfit, 1.5),
        (CONTRADICTION, wrong.amax(0), 1.3),
        (INCONSISTENT, strange, 1.5),
    ):
        flags |= (excess > threshold).to(torch.uint8) * bit
    sigma = sigma * torch.maximum(torch.maximum(misfit, wrong), strange).clamp(1.0, _CEILING)
    clipped = harmonics.clipped > 0
    flags |= (clipped & ~outside).to(torch.uint8) * SATURATED
    # what is left of a saturated stack rests on fewer frames and on a clipped neighbourhood
    sigma = torch.where(clipped, sigma * 2, sigma)
    for group, known in enumerate(calibration.signal):
        lost = outside if known else torch.ones_like(outside)
        sigma[group] = sigma[group].masked_fill(lost, torch.inf)
    if straighten:
        state = _straightened(calibration, state, inclination)
    return CanonicalLight(state, sigma, flags, calibration.warnings, _report(calibration, sigma, flags, terms))


def _frame_noise(harmonics: Harmonics) -> tuple[Tensor, Tensor]:
    """Return the usual residual of a frame as a table over a0: centres and standard deviations."""
    a0, rms = harmonics.coefficients[0].flatten(), harmonics.residual_rms.flatten()
    stride = max(1, len(a0) // 50_000)
    a0, rms = a0[::stride].double().cpu(), rms[::stride].double().cpu()
    good = torch.isfinite(a0) & torch.isfinite(rms)
    a0, rms = a0[good], rms[good]
    if len(a0) == 0 or harmonics.freedom == 0:
        return torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    # median of a chi-square over its degrees of freedom (Wilson and Hilferty)
    median = (1 - 2 / (9 * harmonics.freedom)) ** 3
    groups = torch.tensor_split(a0.argsort(), max(1, min(16, len(a0) // 50)))
    centre = torch.stack([a0[g].mean() for g in groups])
    return centre, torch.stack([rms[g].median() for g in groups]) / math.sqrt(median)


def _interpolate(x: Tensor, centre: Tensor, value: Tensor) -> Tensor:
    """Return the table's value at x, flat beyond its ends."""
    centre, value = centre.to(x.device, x.dtype), value.to(x.device, x.dtype)
    if len(centre) == 1:
        return torch.full_like(x, float(value[0]))
    right = torch.bucketize(torch.nan_to_num(x, nan=0.0), centre).clamp(1, len(centre) - 1)
    low, high = centre[right - 1], centre[right]
    share = ((x - low) / (high - low).clamp_min(1e-30)).clamp(0, 1)
    return value[right - 1] + share * (value[right] - value[right - 1])


def _point_residuals(
    calibration: Calibration,
    state: Tensor,
    shot: Tensor,
    outside: Tensor,
    c_axes: Tensor,
    positions: Tensor,
    axis_noise: float,
) -> tuple[list[tuple[float, float]], Tensor, Tensor]:
    """Return per group (constant, share) of the variance beyond shot noise, residuals (5, P) and positions (P, 2)."""
    at, axes = positions.to("cpu", torch.float64), c_axes.to("cpu", torch.float64)
    values = sample_at(state, at).to("cpu", torch.float64)
    lost = sample_at(outside[None].to(torch.float32), at)[0].to("cpu")
    good = torch.isfinite(values).all(0) & torch.isfinite(axes).all(1) & (lost == 0)
    values, axes, at = values[:, good], axes[good], at[good]
    noise = sample_at(shot, at).to("cpu", torch.float64)
    expected = calibration.expected(axes)
    residual = values - expected
    s = axes[:, 0] ** 2 + axes[:, 1] ** 2
    turn = math.radians(axis_noise) ** 2
    # mean square change of one channel when the axis tilts by `turn` in both directions
    jitter = (4 * s**3 * (1 - s), 2 * s * (2 - s), 8 * s**3 * (2 - s))
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
    return terms, residual, at


def _ground(calibration: Calibration) -> float:
    """Return the background of A0 that follows the light [canonical units]."""
    return calibration.floor / float(calibration.gain[0].real) if calibration.signal[0] else 0.0


def _misfit(harmonics: Harmonics, expected: Tensor) -> Tensor:
    """Return the factor by which a pixel's stack misses the harmonics more than noise does."""
    if harmonics.freedom == 0:
        return torch.ones_like(expected)
    ratio = box_mean(harmonics.residual_rms.square()) / expected.square().clamp_min(1e-30)
    # the mean of nine pixels still scatters; only what noise cannot do counts
    allowed = 1 + 4 * math.sqrt(2 / (9 * harmonics.freedom))
    return torch.where(ratio > allowed, ratio.sqrt(), torch.ones_like(ratio))


def _inconsistency(calibration: Calibration, state: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return by how much more than noise the groups of a pixel miss every c-axis, and the likeliest sin^2(beta)."""
    known = calibration.signal
    channels = (1 if known[0] else 0) + (2 if known[1] else 0) + (2 if known[2] else 0)
    freedom = channels - 2
    rows, columns = sigma.shape[1:]
    chi = torch.empty(rows, columns, dtype=sigma.dtype, device=sigma.device)
    inclination = torch.empty_like(chi)
    step = max(1, _ROWS // columns)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        chi[part], inclination[part] = _least_chi(calibration, state[:, part], sigma[:, part])
    if freedom < 1:
        return torch.ones_like(chi), inclination
    ratio = soft_mean(chi) / freedom
    return torch.where(ratio > 2.2, ratio.sqrt(), torch.ones_like(ratio)), inclination


def _least_chi(calibration: Calibration, state: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the chi-square of the best c-axis of each pixel and its sin^2(beta)."""
    use = [1.0 if known else 0.0 for known in calibration.signal]
    w0, w2, w4 = (u / s.square() for u, s in zip(use, sigma, strict=True))
    size2, size4 = torch.hypot(state[1], state[2]), torch.hypot(state[3], state[4])
    # angle between A4 and A2 squared, of which the best common azimuth removes what the weights allow
    cross = torch.atan2(state[4], state[3]) - 2 * torch.atan2(state[2], state[1])
    cross = torch.remainder(cross + math.pi, 2 * math.pi) - math.pi

    def cost(s: Tensor) -> Tensor:
        g0, g2, g4 = calibration.curves(s)
        pull2, pull4 = w2 * (g2 * size2), w4 * (g4 * size4)
        turn = 2 * pull4 * cross / (pull2 + 4 * pull4).clamp_min(1e-12)
        bend = 2 * pull2 * (1 - torch.cos(turn)) + 2 * pull4 * (1 - torch.cos(cross - 2 * turn))
        return w0 * (state[0] - g0) ** 2 + w2 * (size2 - g2) ** 2 + w4 * (size4 - g4) ** 2 + bend

    best, s = torch.full_like(size2, torch.inf), torch.zeros_like(size2)
    for k in range(9):
        value = cost(torch.tensor(k / 8, dtype=s.dtype, device=s.device))
        s.masked_fill_(value < best, k / 8)
        best = torch.minimum(best, value)
    # parabolas through three neighbours find the valley between grid points
    for width in (1 / 16, 1 / 64):
        left, right = cost(s - width), cost(s + width)
        bowl = (left + right - 2 * best).clamp_min(1e-6)
        s = (s + (0.5 * width * (left - right) / bowl).clamp(-width, width)).clamp(0, 1)
        best = torch.minimum(best, cost(s))
    return best, s


def _straightened(calibration: Calibration, state: Tensor, s: Tensor) -> Tensor:
    """Return the state with the material's curves replaced by the powers of sin(beta), at the likeliest inclination."""
    scale2, scale4 = (1 / (1 + k * (1 - s)) for k in calibration.curve)
    bent = calibration.curves(s)[0] - s * s if calibration.signal[0] else torch.zeros_like(s)
    return torch.stack((state[0] - bent, state[1] * scale2, state[2] * scale2, state[3] * scale4, state[4] * scale4))


def _contradiction(calibration: Calibration, sigma: Tensor, residual: Tensor, at: Tensor) -> Tensor:
    """Return the factors (3, H, W) by which a neighbourhood's light misses its known c-axes, group by group."""
    rows, columns = sigma.shape[1:]
    factor = torch.ones_like(sigma)
    if len(at) < 50:
        return factor
    level = sample_at(sigma, at).to("cpu", torch.float64)
    row = torch.arange(rows, dtype=sigma.dtype, device=sigma.device)[:, None]
    column = torch.arange(columns, dtype=sigma.dtype, device=sigma.device)
    for group, known in enumerate(calibration.signal):
        if not known:
            continue
        part = slice(2 * group - 1, 2 * group + 1) if group else slice(0, 1)
        miss = (residual[part] / level[group]).square().mean(0).sqrt()
        # one boundary point or one misindexed point says nothing about its neighbours: cap each
        miss = miss.clamp(max=_CAP)
        usual = float(miss.mean())
        local = local_mean(miss, at, (rows, columns), _NEIGHBOURHOOD, usual).at(row, column)
        # what chance does not do in a window of some twenty points; normal residuals have 0.8 or 0.9
        factor[group] = torch.where(local > _CONTRADICTED * usual, local / 0.85, factor[group])
    return factor


def _report(
    calibration: Calibration, sigma: Tensor, flags: Tensor, terms: list[tuple[float, float]]
) -> dict[str, float]:
    report: dict[str, float] = {
        "points": calibration.points,
        "sense": calibration.sense,
        "sense_ratio": calibration.sense_ratio,
        "polarizer_zero_deg": calibration.zero,
        "phase_disagreement_deg": calibration.phase_disagreement,
        "a0_mix": calibration.a0_mix,
        "k2": calibration.curve[0],
        "k4": calibration.curve[1],
    }
    for group, name in enumerate(("a0", "a2", "a4")):
        report[f"spread_{name}"] = calibration.spread[group] if calibration.signal[group] else math.inf
        report[f"sigma_{name}"] = float(sigma[group].median())
        report[f"relative_{name}"] = math.sqrt(terms[group][1])
    for name, bit in (
        ("outside", OUTSIDE),
        ("saturated", SATURATED),
        ("misfit", MISFIT),
        ("contradiction", CONTRADICTION),
        ("inconsistent", INCONSISTENT),
    ):
        report[f"share_{name}"] = float((flags & bit).bool().to(torch.float32).mean())
    return report
