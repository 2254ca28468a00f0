"""Applying a calibration: the canonical state of every pixel, with a noise level per group and flags."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.maps.strips import strips, with_halo
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.damage.contrast import find_low_contrast
from grainlight.optics.calibration.damage.opaque import find_opaque
from grainlight.optics.calibration.damage.regions import Regions
from grainlight.optics.calibration.harmonics import Harmonics
from grainlight.optics.calibration.light_noise import (
    LightNoise,
    add_terms,
    interpolate,
    measure_noise,
    miss,
    shot_factors,
)
from grainlight.optics.calibration.point_light import at_points
from grainlight.optics.calibration.relief import local_mean
from grainlight.optics.calibration.resample import sample_at
from grainlight.optics.calibration.robust import box_mean, soft_mean
from grainlight.optics.forward.illumination import Relief

OUTSIDE, SATURATED, MISFIT, CONTRADICTION, INCONSISTENT = 1, 2, 4, 8, 16
NOT_USED, DIM, VEILED, BLURRED = 64, 128, 256, 512
_CEILING = 30.0
_ODD = 1.5  # times the noise by which the groups of a pixel miss every c-axis, from which they contradict each other
NEIGHBOURHOOD = 1.3
"""Standard deviation of the window for contradictions, in distances between known points."""
MISFITTING = 1.6
"""Times the usual misfit, in that window, from which the light contradicts the known c-axes."""
_PIXELS = 1 << 16  # pixels handled at once
_POINTS = 1 << 18  # known points handled at once


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
        (H, W) int16, bits: 1 outside the images, 2 saturated frames, 4 the stack does not fit harmonics, 8 contradicts
        the known c-axes, 16 the three groups contradict each other (dust, stain, mixed pixels), 64 not used, because
        the light of a region contradicts the known c-axes there or is that of no crystal, 128 the same of its
        brightness alone, 256 veiled and 512 out of focus: a region of less contrast than the rest.
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
    corner: tuple[int, int] = (0, 0),
    noise: LightNoise | None = None,
    regions: Regions | None = None,
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
        Standard deviation of the known c-axes [degrees], where the noise is to be measured; what they add to the
        residual is taken off again.
    straighten
        Undo the material's own dependence on inclination, so that A0, A2, A4 follow the ideal powers of sin(beta);
        this is not linear in the measurement, and without it the state follows the curves of the calibration.
    corner
        Row and column of the calibration's image where a part of it begins; positions are counted inside the part.
    noise
        Of the whole image; None measures it here.
    regions
        Of the whole image, whose light is not used.
    """
    rows, columns = harmonics.shape
    state = torch.empty_like(harmonics.coefficients)
    sigma = torch.empty(3, rows, columns, dtype=state.dtype, device=state.device)
    outside = torch.empty(rows, columns, dtype=torch.bool, device=state.device)
    if noise is None:
        noise = measure_noise(calibration, at_points(harmonics, c_axes, positions), axis_noise)
    factors = shot_factors(calibration, harmonics.group_noise)
    # strips of rows, so that of a large image nothing is held beyond what is returned and one map
    parts = strips((rows, columns), _PIXELS)
    for part in parts:
        a0 = harmonics.coefficients[0, part]
        light = calibration.illumination.at(*_rows_and_columns(part, state, corner))
        state[:, part] = calibration.canonical(harmonics.coefficients[:, part], light)
        outside[part] = ~torch.isfinite(state[:, part]).all(0)
        state[:, part].masked_fill_(outside[part], 0.0)
        rms = interpolate(a0, *noise.frames)
        for group, factor in enumerate(factors):
            # the rest is added below
            sigma[group, part] = rms * factor / light
        if harmonics.excess is not None:
            sigma[:, part] *= torch.nan_to_num(harmonics.excess[:, part], nan=1.0)

    low = find_low_contrast(calibration, state, harmonics.coefficients[0], c_axes, positions, corner)
    if low is not None and not low.blurred:
        for part in parts:
            more = low.unveiled(*_rows_and_columns(part, state))
            state[1:, part] *= more
            sigma[1:, part] *= more
    residual, at = _point_residuals(calibration, state, outside, c_axes, positions)
    if regions is not None:
        heard = ~regions.at(at[:, 0] + corner[0], at[:, 1] + corner[1]).any(0)
        residual, at = residual[:, heard], at[heard]
    chi, inclination = torch.empty_like(state[0]), torch.empty_like(state[0]) if straighten else None
    for part in parts:
        seen, variance = state[:, part], sigma[:, part].square_()
        relief = calibration.illumination.relief.at(*_rows_and_columns(part, state, corner))
        add_terms(variance, seen, calibration, noise.terms, relief)
        variance.sqrt_()
        chi[part], likeliest = _least_chi(calibration, seen, sigma[:, part])
        if inclination is not None:
            inclination[part] = likeliest

    contradicted = _contradiction(calibration, sigma, residual, at, noise.usual)
    freedom = sum(count for count, known in zip((1, 2, 2), calibration.signal, strict=True) if known) - 2
    flags = torch.empty(rows, columns, dtype=torch.int16, device=state.device)
    odd = torch.cat([_inconsistency(chi, freedom, part) > _ODD for part in parts])
    opaque = find_opaque(state, sigma, odd, calibration.signal)
    for part in parts:
        expected = interpolate(harmonics.coefficients[0, part], *noise.frames)
        misfit = _misfit(harmonics, expected, part)
        strange = _inconsistency(chi, freedom, part)
        wrong = contradicted(part)
        here = outside[part].to(torch.int16) * OUTSIDE
        for bit, excess, threshold in (
            (MISFIT, misfit, 1.5),
            (CONTRADICTION, wrong.amax(0), 1.3),
            (INCONSISTENT, strange, _ODD),
        ):
            here |= (excess > threshold).to(torch.int16) * bit
        clipped = harmonics.saturated[part] > 0
        flags[part] = here | (clipped & ~outside[part]).to(torch.int16) * SATURATED
        excess = torch.maximum(torch.maximum(misfit, strange), wrong).clamp_(1.0, _CEILING)
        # what is left of a saturated stack rests on fewer frames and on a clipped neighbourhood
        sigma[:, part] *= torch.where(clipped, 2 * excess, excess)
        unused = [outside[part] | opaque[part]] * 3
        flags[part] |= (opaque[part] & ~outside[part]).to(torch.int16) * NOT_USED
        if regions is not None:
            dim, lies = regions.at(*_rows_and_columns(part, state, corner))
            for bit, where in ((NOT_USED, lies), (DIM, dim & ~lies)):
                flags[part] |= (where & ~outside[part]).to(torch.int16) * bit
            unused = [unused[0] | dim | lies, *[unused[1] | lies] * 2]
        if low is not None:
            faint = low.at(*_rows_and_columns(part, state))
            flags[part] |= (faint & ~unused[1]).to(torch.int16) * (BLURRED if low.blurred else VEILED)
            # A veil has a brightness of its own.
            unused[0] = unused[0] if low.blurred else unused[0] | faint
        for group, known in enumerate(calibration.signal):
            sigma[group, part] = sigma[group, part].masked_fill(unused[group], torch.inf) if known else torch.inf
    if inclination is not None:
        state = _straightened(calibration, state, inclination)
    report = calibration_report(calibration, noise.terms) | level_report(sigma, flags)
    report["share_opaque"] = float(opaque.double().mean())
    return CanonicalLight(state, sigma, flags, calibration.warnings, report)


def _rows_and_columns(part: slice, like: Tensor, corner: tuple[int, int] = (0, 0)) -> tuple[Tensor, Tensor]:
    """Return rows (R, 1) and columns (C,) of a strip of an image (..., H, C) that begins at a corner, in its type."""
    row = torch.arange(part.start, part.stop, dtype=like.dtype, device=like.device) + corner[0]
    return row[:, None], torch.arange(like.shape[-1], dtype=like.dtype, device=like.device) + corner[1]


def _point_residuals(
    calibration: Calibration, state: Tensor, outside: Tensor, c_axes: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Return residuals (5, P) and positions (P, 2) of the points that are on the image."""
    pieces = []
    lost = outside[None].to(torch.float32) if bool(outside.any()) else None
    for start in range(0, len(positions), _POINTS):
        piece = slice(start, start + _POINTS)
        at, axes = positions[piece].to("cpu", torch.float64), c_axes[piece].to("cpu", torch.float64)
        values = sample_at(state, at).to("cpu", torch.float64)
        good = torch.isfinite(values).all(0) & torch.isfinite(axes).all(1)
        if lost is not None:
            good &= (sample_at(lost, at)[0] == 0).cpu()
        values, axes, at = values[:, good], axes[good], at[good]
        pieces.append((values - calibration.expected(axes), at))
    if not pieces:
        nothing = torch.zeros(5, 0, dtype=torch.float64)
        return nothing, nothing.new_zeros(0, 2)
    return torch.cat([piece[0] for piece in pieces], 1), torch.cat([piece[1] for piece in pieces])


def _misfit(harmonics: Harmonics, expected: Tensor, part: slice) -> Tensor:
    """Return the factor by which the stack of a strip's pixels misses the harmonics more than noise does."""
    if harmonics.freedom == 0:
        return torch.ones_like(expected)
    around, inner = with_halo(part, 1, harmonics.shape[0])
    ratio = box_mean(harmonics.residual_rms[around].square())[inner] / expected.square().clamp_min(1e-30)
    # the mean of nine pixels still has noise; only an excess beyond it counts
    allowed = 1 + 4 * math.sqrt(2 / (9 * harmonics.freedom))
    return torch.where(ratio > allowed, ratio.sqrt(), torch.ones_like(ratio))


def _inconsistency(chi: Tensor, freedom: int, part: slice) -> Tensor:
    """Return by how much more than noise the groups of a strip's pixels miss every c-axis."""
    if freedom < 1:
        return torch.ones_like(chi[part])
    around, inner = with_halo(part, 1, len(chi))
    ratio = soft_mean(chi[around])[inner] / freedom
    return torch.where(ratio > 2.2, ratio.sqrt(), torch.ones_like(ratio))


def _least_chi(calibration: Calibration, state: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the chi-square of the best c-axis of each pixel and its sin^2(beta)."""
    use = [1.0 if known else 0.0 for known in calibration.signal]
    w0, w2, w4 = (u / s.square() for u, s in zip(use, sigma, strict=True))
    size2, size4 = torch.hypot(state[1], state[2]), torch.hypot(state[3], state[4])
    # angle between A4 and A2 squared, of which the best common azimuth removes what the weights allow
    cross = torch.atan2(state[4], state[3]) - 2 * torch.atan2(state[2], state[1])
    cross = torch.remainder(cross + math.pi, 2 * math.pi) - math.pi

    def cost(s: Tensor) -> Tensor:
        g0, g2, g4 = calibration.curves.amplitudes(s)
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
    scale2, scale4 = (1 / (1 + k * (1 - s)) for k in (calibration.curves.k2, calibration.curves.k4))
    bent = calibration.curves.amplitudes(s)[0] - s * s if calibration.signal[0] else torch.zeros_like(s)
    return torch.stack((state[0] - bent, state[1] * scale2, state[2] * scale2, state[3] * scale4, state[4] * scale4))


def _contradiction(
    calibration: Calibration,
    sigma: Tensor,
    residual: Tensor,
    at: Tensor,
    usual_of: tuple[float, float, float],
) -> Callable[[slice], Tensor]:
    """Return a function from a strip to the factors (3, R, W) by which a neighbourhood's light misses its known
    c-axes, group by group; ``usual_of`` each group it misses by so much."""
    rows, columns = sigma.shape[1:]
    level = sample_at(sigma, at).to("cpu", torch.float64)
    fields: list[tuple[int, float, Relief]] = []
    for group, known in enumerate(calibration.signal):
        if not known or len(at) < 50:
            continue
        missed = miss(residual, level, group)
        usual = usual_of[group]
        fields.append((group, usual, local_mean(missed, at, (rows, columns), NEIGHBOURHOOD, usual)))

    def factor(strip: slice) -> Tensor:
        found = torch.ones_like(sigma[:, strip])
        for group, usual, field in fields:
            local = field.at(*_rows_and_columns(strip, sigma))
            # beyond what chance gives in a window of some twenty points, where normal residuals have 0.8 or 0.9
            found[group] = torch.where(local > MISFITTING * usual, local / 0.85, found[group])
        return found

    return factor


def calibration_report(calibration: Calibration, terms: list[tuple[float, float]]) -> dict[str, float]:
    """Return the numbers of a calibration and its noise for the record."""
    report: dict[str, float] = {
        "points": calibration.points,
        "sense": calibration.sense,
        "sense_ratio": calibration.sense_ratio,
        "polarizer_zero_deg": calibration.zero,
        "phase_disagreement_deg": calibration.phase_disagreement,
        "a0_mix": calibration.curves.a0_mix,
        "k2": calibration.curves.k2,
        "k4": calibration.curves.k4,
    }
    for group, name in enumerate(("a0", "a2", "a4")):
        report[f"spread_{name}"] = calibration.spread[group] if calibration.signal[group] else math.inf
        report[f"relative_{name}"] = math.sqrt(terms[group][1])
    return report


def level_report(sigma: Tensor, flags: Tensor) -> dict[str, float]:
    """Return the usual noise of a channel per group of (3, H, W), and the share of pixels with each flag (H, W)."""
    report = {f"sigma_{name}": float(sigma[group].median()) for group, name in enumerate(("a0", "a2", "a4"))}
    for name, bit in (
        ("outside", OUTSIDE),
        ("saturated", SATURATED),
        ("misfit", MISFIT),
        ("contradiction", CONTRADICTION),
        ("inconsistent", INCONSISTENT),
        ("not_used", NOT_USED),
        ("brightness_not_used", DIM),
        ("veiled", VEILED),
        ("out_of_focus", BLURRED),
    ):
        report[f"share_{name}"] = int((flags & bit).count_nonzero()) / flags.numel()
    return report
