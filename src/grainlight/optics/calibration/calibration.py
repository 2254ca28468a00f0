"""From the harmonics of a real stack to the canonical state, by a robust fit on c-axes known at some points.

Nothing is known of gain, offset, polarizer zero, uncrossing, anisotropy and the light's unevenness. With
s = sin^2(beta), h2 = s exp(2 i phi), h4 = h2^2 and V(x, y) a smooth polynomial:

    g2 = s (1 + k2 (1 - s)),  g4 = s^2 (1 + k4 (1 - s))
    a0            = V (a + b g2 + c g4) + stray
    a2c - i a2s   = V G2 h2 g2 / s + e2 a0 + O2
    a4c - i a4s   = V G4 h4 g4 / s^2 + e4 a0 + O4

g2 is the bireflectance and g4 the squared anisotropy |dr|^2, of which the constant part is a sum for any material.
e2 and e4 take up lamp drift that looks like a harmonic. A sense of rotation opposite to the one stated shows as h2 and
h4 conjugate. Everything is linear in the measurement, so noise stays what it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.harmonics import Harmonics
from grainlight.optics.calibration.point_light import PointLight, at_points, usable
from grainlight.optics.calibration.relief import Relief, fit_relief
from grainlight.optics.calibration.robust import (
    cauchy_weight,
    grain_count,
    grouping,
    polynomial,
    polynomial_at,
    solve,
    spread,
    weighted_fit,
)
from grainlight.optics.forward.state import powers

_ROUNDS = 12
_CURVE_LIMIT = 0.9
_SIGNIFICANCE = 8.0
_SIGNIFICANCE_OF_GRAINS = 4.5  # the same where residuals of one grain go together, as those of a wrong place do
_NOISIEST = 2.5  # canonical standard deviation beyond which a group says nothing (its own spread is about 0.5)


class NoSignalError(InputError):
    """The light says nothing of the c-axes."""


@dataclass(frozen=True)
class Calibration:
    """Numbers that turn harmonics into the canonical state.

    Parameters
    ----------
    gain
        (3,) complex128: G0 (real), G2, G4 at the mean light, in the images' unit.
    floor, stray
        Background of a0: the part that follows the light and the part that does not.
    leak, offset
        (2,) complex128 each: e2, e4 and O2, O4.
    curve
        k2, k4: departure of A2 and A4 from sin^2 and sin^4 of beta.
    a0_mix
        Share of g4 in A0, the rest being g2; for weak anisotropy as in `ideal_state`.
    light
        Coefficients of V in `polynomial` over `shape`; the first is 1.
    relief
        Local brightness on top of V.
    shape, order
        Image size in pixels and order of V.
    sense
        +1 if azimuths and rotation run the way the frames say, -1 if the other way.
    signal
        For A0, A2, A4: does the group carry anything.
    spread
        Robust standard deviation of one channel of each group at the points [canonical units].
    sense_ratio
        Residual of the sense not chosen over that of the chosen.
    zero
        Polarizer zero plus half the uncrossing [degrees, modulo 90]; NaN without A2 and A4.
    phase_disagreement
        Angle between the zeros of A2 and A4 [degrees, 0 to 45]; NaN if either has no signal.
    points
        How many points were used.
    warnings
        Sentences for the user.
    """

    gain: Tensor
    floor: float
    stray: float
    leak: Tensor
    offset: Tensor
    curve: tuple[float, float]
    a0_mix: float
    light: Tensor
    relief: Relief
    shape: tuple[int, int]
    order: int
    sense: int
    signal: tuple[bool, bool, bool]
    spread: tuple[float, float, float]
    sense_ratio: float
    zero: float
    phase_disagreement: float
    points: int
    warnings: tuple[str, ...]

    def light_at(self, row: Tensor, column: Tensor) -> Tensor:
        """Return V times the local brightness at pixel positions (broadcast together), mean about 1."""
        even = polynomial_at(self.light, row, column, self.shape, self.order).clamp_min(0.1)
        return even * self.relief.at(row, column)

    def canonical(self, coefficients: Tensor, light: Tensor) -> Tensor:
        """Return the state (5, ...) of coefficients (5, ...) under the light V (...); zero in groups without signal."""
        a0 = coefficients[0]
        state = torch.zeros_like(coefficients)
        if self.signal[0]:
            state[0] = (a0 - self.stray - self.floor * light) / (float(self.gain[0].real) * light)
        for group in (1, 2):
            if not self.signal[group]:
                continue
            inverse = 1 / complex(self.gain[group])
            leak, offset = complex(self.leak[group - 1]), complex(self.offset[group - 1])
            # z = c - i s; written in real parts, which halves the memory of a large image
            real = coefficients[2 * group - 1] - leak.real * a0 - offset.real
            imag = -coefficients[2 * group] - leak.imag * a0 - offset.imag
            state[2 * group - 1] = (real * inverse.real - imag * inverse.imag) / light
            state[2 * group] = self.sense * (real * inverse.imag + imag * inverse.real) / light
        return state

    def expected(self, c_axes: Tensor) -> Tensor:
        """Return the state (5, ...) that c-axes (..., 3) in frame S have with this calibration's curves."""
        s, h2, h4 = powers(c_axes)
        k2, k4 = self.curve
        a2, a4 = h2 * (1 + k2 * (1 - s)), h4 * (1 + k4 * (1 - s))
        a0, _, _ = self.curves(s)
        return torch.stack((a0, a2.real, a2.imag, a4.real, a4.imag))

    def curves(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return A0, |A2|, |A4| at s = sin^2(beta)."""
        g2, g4 = _curves(s, self.curve)
        return g2 + self.a0_mix * (g4 - g2), g2, g4


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
    order = 0 if len(at) < 40 else 1 if len(at) < 100 else 2 if len(at) < 400 else 3
    basis = polynomial(at[:, 0], at[:, 1], light.shape, order)
    fits = {sense: _fit(values, axes, basis, sense) for sense in (stated, -stated)}
    cost = {sense: float(fit.spread[1:].log().sum()) / 2 for sense, fit in fits.items()}
    better = cost[stated] - cost[-stated]
    # one grain is one witness, however many points it has
    sense = -stated if better > max(0.03, 1 / math.sqrt(grain_count(axes))) else stated
    fit = fits[sense]

    s = powers(axes)[0]
    even = (fit.light @ basis).clamp_min(0.1)
    curve = (float(fit.curve[0]), float(fit.curve[1]))
    g2, g4 = _curves(s, curve)
    model = even * (fit.background[0] + fit.background[1] * g2 + fit.background[2] * g4)
    relief = fit_relief(values[0] - fit.background[3], model, float(fit.spread[0]), at, light.shape)
    gain, a0_mix = fit.gain, float(fit.background[2] / fit.gain[0].real)
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
    return Calibration(
        gain,
        float(fit.background[0]),
        float(fit.background[3]),
        fit.leak,
        fit.offset,
        curve,
        a0_mix,
        fit.light,
        relief,
        light.shape,
        order,
        sense,
        (signal[0], signal[1], signal[2]),
        (float(canonical[0]), float(canonical[1]), float(canonical[2])),
        math.exp(better if sense != stated else -better),
        zero,
        disagreement,
        len(at),
        warnings,
    )


def _fit(values: Tensor, axes: Tensor, basis: Tensor, sense: int) -> _Fit:
    """Alternate between groups (given the light) and light (given the groups), outliers losing weight."""
    s, h2, h4 = powers(axes)
    a0 = values[0]
    unit = a0.abs().median().clamp_min(1e-300)
    z = torch.complex(values[1::2], -values[2::2]) / unit
    a0 = a0 / unit
    h = torch.stack((h2, h4))
    h = h if sense > 0 else h.conj()
    one = torch.ones_like(s)
    light, order = torch.zeros(len(basis), dtype=torch.float64), len(basis)
    light[0] = 1.0
    weight = [one.clone() for _ in range(3)]
    gain, error = torch.zeros(3, dtype=torch.complex128), torch.ones(3, dtype=torch.float64)
    sigma = torch.ones(3, dtype=torch.float64)
    leak, offset = torch.zeros(2, dtype=torch.complex128), torch.zeros(2, dtype=torch.complex128)
    curve, background = torch.zeros(2, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    prior = torch.full((order,), 1 / 0.3**2, dtype=torch.float64)
    residuals: list[Tensor] = [a0, a0, a0]
    for _ in range(_ROUNDS):
        v = (light @ basis).clamp_min(0.1)
        # a0: only a flat field cannot tell floor from stray light, so stray light is drawn weakly to zero
        g2, g4 = _curves(s, (float(curve[0]), float(curve[1])))
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
            rows = torch.stack((v * h[k], v * h[k] * (1 - s), a0 + 0j, one + 0j))
            weighted = rows.conj() * weight[k + 1]
            normal, right = weighted @ rows.T, weighted @ z[k]
            curve[k] = _curve(normal, right, len(s), float(sigma[k + 1]))
            ridge = torch.tensor([0.0, 1e-2 * len(s), 1e-2 * len(s)], dtype=torch.float64)
            bent = torch.eye(4, dtype=torch.complex128)[:, [0, 2, 3]]
            bent[1, 0] = curve[k]
            solution, inverse = solve(bent.T @ normal @ bent, bent.T @ right, ridge)
            part, target = solution[0] * h[k] * (1 + curve[k] * (1 - s)), z[k] - (solution[1] * a0 + solution[2])
            residual = target - v * part
            sigma[k + 1] = max(spread(residual), 1e-12)
            weight[k + 1] = cauchy_weight(residual, float(sigma[k + 1]))
            gain[k + 1], leak[k], offset[k] = solution[0], solution[1], solution[2]
            error[k + 1] = sigma[k + 1] * inverse[0, 0].real.sqrt()
            parts.append(part)
            targets.append(target)
            residuals[k + 1] = residual
        light = _light(parts, targets, weight, sigma, basis, prior)
    gain, background, offset = gain * unit, background * unit, offset * unit
    together = torch.tensor([grouping(r, axes, float(n)) for r, n in zip(residuals, sigma, strict=True)])
    return _Fit(gain, error * unit, sigma * unit, background, leak, offset, curve, light, together)


def _curves(s: Tensor, k: tuple[float, float]) -> tuple[Tensor, Tensor]:
    return s * (1 + k[0] * (1 - s)), s * s * (1 + k[1] * (1 - s))


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


def _light(
    parts: list[Tensor], targets: list[Tensor], weight: list[Tensor], sigma: Tensor, basis: Tensor, prior: Tensor
) -> Tensor:
    """Return the coefficients of V, the first 1, that bring the model of all groups closest to the measurement."""
    normal, right = torch.diag(prior), torch.zeros(len(prior), dtype=torch.float64)
    right[0] = prior[0]
    for part, target, w, noise in zip(parts, targets, weight, sigma.tolist(), strict=True):
        scaled = w / noise**2
        normal = normal + (basis * (scaled * part.abs() ** 2)) @ basis.T
        right = right + basis @ (scaled * (part.conj() * target).real)
    solution = torch.linalg.solve(normal, right)
    return solution / solution[0].clamp_min(1e-3)


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
