"""The calibration of a stack by a robust fit on c-axes known at some points.

The numbers of `calibration.Calibration` for each sense of rotation; that with the smaller residual is taken. Groups of
harmonics and illumination are fitted in turn, and outliers lose their weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.harmonics import Harmonics
from grainlight.optics.calibration.point_light import PointLight, at_points, usable
from grainlight.optics.calibration.relief import fit_relief, fit_smooth_light
from grainlight.optics.calibration.robust import cauchy_weight, grain_count, grouping, solve, spread, weighted_fit
from grainlight.optics.forward.axis_powers import BENT, H2_IMAG, H2_REAL, H4_IMAG, H4_REAL, S, axis_powers
from grainlight.optics.forward.axis_powers import basis as basis_of
from grainlight.optics.forward.curves import Curves
from grainlight.optics.forward.illumination import Illumination, flat_relief, order_for, polynomial

_ROUNDS = 12
_CURVE_LIMIT = 0.9
_SIGNIFICANCE = 8.0
_SIGNIFICANCE_OF_GRAINS = 4.5  # the same where residuals of one grain go together, as those of a wrong place do
_MOST_BETTER = math.log(1000.0)
_NOISIEST = 2.5  # canonical standard deviation beyond which a group says nothing (its own spread is about 0.5)


class NoSignalError(InputError):
    """The light says nothing of the c-axes."""


@dataclass
class _Fit:
    """One robust fit for one sense of rotation."""

    gain: Tensor
    error: Tensor
    spread: Tensor
    background: Tensor
    leak: Tensor
    offset: Tensor
    curve: Tensor
    light: Tensor
    grouping: Tensor


def calibrate(
    harmonics: Harmonics,
    c_axes: Tensor,
    positions: Tensor,
    *,
    rotates: str = "sample",
    mirror: bool = False,
) -> Calibration:
    """Find gain, offset, zero, curves, uneven light and sense of rotation from known c-axes.

    Parameters
    ----------
    harmonics
        Of the stack, in its own pixels or resampled.
    c_axes
        (P, 3) unit vectors in frame S at the known points; wrong ones are tolerated up to about a third.
    positions
        (P, 2) row and column of the points in pixels of `harmonics`; points outside the image are ignored.
    rotates
        ``"sample"`` or ``"optics"``: what the stated angles turn counter-clockwise.
    mirror
        The light path mirrors (the caller has flipped the columns back).

    Raises
    ------
    InputError
        If too few points lie on the image or no group of harmonics follows the c-axes.
    """
    return calibrate_points(at_points(harmonics, c_axes, positions), rotates=rotates, mirror=mirror)


def calibrate_points(light: PointLight, *, rotates: str = "sample", mirror: bool = False) -> Calibration:
    """Do what `calibrate` does, on harmonics that are known at the points only."""
    if rotates not in ("sample", "optics"):
        raise InputError("Unknown rotating part.", found=repr(rotates), expected="'sample' or 'optics'")
    stated = (1 if rotates == "sample" else -1) * (-1 if mirror else 1)
    values, axes, at = usable(light)
    order = order_for(len(at))
    basis = polynomial(at[:, 0], at[:, 1], light.shape, order)
    fits = {sense: _fit(values, axes, basis, sense) for sense in (stated, -stated)}
    cost = {sense: float(fit.spread[1:].log().sum()) / 2 for sense, fit in fits.items()}
    # a fit without any residual is no more certain than a very good one
    better = max(-_MOST_BETTER, min(_MOST_BETTER, cost[stated] - cost[-stated]))
    # the points of a grain are not independent: the number of grains counts, not that of points
    sense = -stated if better > max(0.03, 1 / math.sqrt(grain_count(axes))) else stated
    fit = fits[sense]

    gain = fit.gain
    # no contrast at all has no mix
    a0_mix = float(fit.background[2] / gain[0].real) if gain[0].real else 1.0
    canonical = fit.spread / fit.gain.abs()
    signal = tuple(
        bool(g.abs() > e * max(_SIGNIFICANCE, _SIGNIFICANCE_OF_GRAINS * float(k))) and float(c) < _NOISIEST
        for g, e, k, c in zip(gain, fit.error, fit.grouping, canonical, strict=True)
    )
    zero, disagreement = _zeros(gain, signal, sense)
    warnings = _warnings(signal, sense == stated, math.exp(abs(better)), disagreement, fit.curve)
    if not any(signal):
        raise NoSignalError(
            "The polarized light does not follow the c-axes of the EBSD map.",
            found=f"no harmonic rises above its noise at the {len(at)} points of the map that lie on the images",
            expected="brightness that changes with the angle in grains whose c-axis is in the surface",
            advice="check --pl-step, --pl-origin, --frame and --angles; images and map must show the same place",
        )
    found = Calibration(
        gain,
        float(fit.background[0]),
        float(fit.background[3]),
        fit.leak,
        fit.offset,
        Curves(float(fit.curve[0]), float(fit.curve[1]), a0_mix),
        Illumination(fit.light, flat_relief(light.shape), light.shape, order),
        sense,
        (signal[0], signal[1], signal[2]),
        (float(canonical[0]), float(canonical[1]), float(canonical[2])),
        math.exp(better if sense != stated else -better),
        zero,
        disagreement,
        len(at),
        warnings,
    )
    model = found.imaging.at(axis_powers(axes), at[:, 0], at[:, 1])[0]
    relief = fit_relief(values[0] - found.stray, model, float(fit.spread[0]), at, light.shape)
    return replace(found, illumination=found.illumination.with_relief(relief))


def _fit(values: Tensor, axes: Tensor, basis: Tensor, sense: int) -> _Fit:
    """Alternate between groups (given the light) and light (given the groups), outliers losing weight."""
    s, h, bent = _complex_terms(axes, sense)
    a0 = values[0]
    # of light that is black in most places the median would be next to nothing
    unit = torch.maximum(a0.abs().median(), 1e-3 * a0.abs().max()).clamp_min(1e-30)
    z = torch.complex(values[1::2], -values[2::2]) / unit
    a0 = a0 / unit
    one = torch.ones_like(s)
    light = torch.zeros(len(basis), dtype=torch.float64)
    light[0] = 1.0
    weight = [one.clone() for _ in range(3)]
    gain, error = torch.zeros(3, dtype=torch.complex128), torch.ones(3, dtype=torch.float64)
    sigma = torch.ones(3, dtype=torch.float64)
    leak, offset = torch.zeros(2, dtype=torch.complex128), torch.zeros(2, dtype=torch.complex128)
    curve, background = torch.zeros(2, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    residuals: list[Tensor] = [a0, a0, a0]
    for _ in range(_ROUNDS):
        v = (light @ basis).clamp_min(0.1)
        # a0: only a flat field cannot tell floor from stray light, so stray light is drawn weakly to zero
        _, g2, g4 = Curves(*curve.tolist()).amplitudes(s)
        columns = torch.stack((v, v * g2, v * g4, one), 1)
        ridge = torch.tensor([0.0, 0.0, 0.0, 1e-3 * len(s)], dtype=torch.float64)
        background, inverse = weighted_fit(columns, a0, weight[0], ridge)
        residual0 = a0 - columns @ background
        residuals[0] = residual0
        sigma[0] = max(spread(residual0), 1e-12)
        weight[0] = cauchy_weight(residual0, float(sigma[0]))
        gain[0] = background[1] + background[2]
        error[0] = sigma[0] * inverse[1:3, 1:3].sum().clamp_min(0).sqrt()
        parts, targets = [background[0] + background[1] * g2 + background[2] * g4], [a0 - background[3]]
        for k in range(2):
            # the curve's own column beside the others: every fit of this round has the same normal equations
            rows = torch.stack((v * h[k], v * bent[k], a0 + 0j, one + 0j))
            weighted = rows.conj() * weight[k + 1]
            normal, right = weighted @ rows.T, weighted @ z[k]
            curve[k] = _curve(normal, right, len(s), float(sigma[k + 1]))
            ridge = torch.tensor([0.0, 1e-2 * len(s), 1e-2 * len(s)], dtype=torch.float64)
            joined = torch.eye(4, dtype=torch.complex128)[:, [0, 2, 3]]
            joined[1, 0] = curve[k]
            solution, inverse = solve(joined.T @ normal @ joined, joined.T @ right, ridge)
            part, target = solution[0] * (h[k] + curve[k] * bent[k]), z[k] - (solution[1] * a0 + solution[2])
            residual = target - v * part
            sigma[k + 1] = max(spread(residual), 1e-12)
            weight[k + 1] = cauchy_weight(residual, float(sigma[k + 1]))
            gain[k + 1], leak[k], offset[k] = solution[0], solution[1], solution[2]
            error[k + 1] = sigma[k + 1] * inverse[0, 0].real.sqrt()
            parts.append(part)
            targets.append(target)
            residuals[k + 1] = residual
        light = fit_smooth_light(parts, targets, weight, sigma.tolist(), basis)
    gain, background, offset = gain * unit, background * unit, offset * unit
    together = torch.tensor([grouping(r, axes, float(n)) for r, n in zip(residuals, sigma, strict=True)])
    return _Fit(gain, error * unit, sigma * unit, background, leak, offset, curve, light, together)


def _complex_terms(axes: Tensor, sense: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return s (P,), and h2 and h4 (2, P) of c-axes (P, 3), plain and times 1 - s, as seen with a sense of rotation."""
    terms = basis_of(axis_powers(axes))
    plain, bent = (
        torch.complex(terms[[H2_REAL + at, H4_REAL + at]], sense * terms[[H2_IMAG + at, H4_IMAG + at]])
        for at in (0, BENT)
    )
    return terms[S], plain, bent


def _curve(normal: Tensor, right: Tensor, count: int, sigma: float) -> float:
    """Return the real k of G h (1 + k (1 - s)), drawn to zero as if it were known to 0.5 beforehand.

    ``normal`` (4, 4), ``right`` (4,): equations of V h, V h (1 - s), a0 and 1 at ``count`` points.
    """
    free, keep = torch.zeros(4, dtype=torch.float64), [0, 2, 3]
    plain, _ = solve(normal[keep][:, keep], right[keep], free[:3])
    if float(plain[0].abs()) < 1e-12:  # no contrast at all (a0 is about 1 here)
        return 0.0
    free[1] = (sigma / (0.5 * float(plain[0].abs()))) ** 2
    free[2:] = 1e-2 * count
    solution, _ = solve(normal, right, free)
    size = float(solution[0].abs()) ** 2
    if size == 0:
        return 0.0
    k = float((solution[1] * solution[0].conj()).real) / size
    return min(max(k, -_CURVE_LIMIT), _CURVE_LIMIT)


def _zeros(gain: Tensor, signal: tuple[bool, ...], sense: int) -> tuple[float, float]:
    """Return polarizer zero + delta/2 (modulo 90) and how far the zeros of A2 and A4 are apart [degrees]."""
    # G4 is proportional to -exp(-2 i eta) and G2^2 to -exp(-2 i eta) too, eta = 2 P + delta
    angle4, angle2 = float(gain[2].angle()), 2 * float(gain[1].angle())
    if not (signal[1] or signal[2]):
        return math.nan, math.nan
    use = angle2 if signal[1] else angle4
    zero = math.degrees(-sense * (use + math.pi)) / 4 % 90
    if not (signal[1] and signal[2]):
        return zero, math.nan
    apart = (math.degrees(angle4 - angle2) + 180) % 360 - 180
    return zero, abs(apart) / 4


def _warnings(
    signal: tuple[bool, ...], as_stated: bool, ratio: float, disagreement: float, curve: Tensor
) -> tuple[str, ...]:
    found = []
    if not as_stated:
        found.append(
            "The light fits the EBSD map better with azimuths running the other way round "
            f"(residual smaller by a factor {ratio:.2f}): the stated frame, --mirror or --rotates is probably wrong; "
            "the sense that fits was used."
        )
    if not signal[1] and signal[2]:
        found.append("The second harmonic carries no signal (crossed polars): azimuths are open by 90 degrees.")
    if signal[1] and not signal[2]:
        found.append("The fourth harmonic carries no signal above its noise.")
    if disagreement > 8:
        found.append(
            f"The second and fourth harmonic give polarizer zeros {disagreement:.0f} degrees apart: "
            "the angles may be wrong, or the optics retard the light."
        )
    for name, k in zip(("second", "fourth"), curve.tolist(), strict=True):
        if abs(k) >= _CURVE_LIMIT:
            found.append(f"The {name} harmonic depends on the inclination unusually; its noise may be misjudged.")
    return tuple(found)
