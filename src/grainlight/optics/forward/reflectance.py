"""Normal-incidence reflection of a uniaxial absorbing crystal between polarizer and analyzer, in closed form.

Frame S: x right, y up, z out of the surface; azimuths counter-clockwise; all angles in degrees. The analyzer stands
at polarizer + 90 + delta. Formulas: Lekner, J. Phys.: Condens. Matter 4 (1992) 1387, with the intensity written as
A0 + A2 sin(2u - delta) + A4 cos(4u - 2 delta), u = phi + theta - polarizer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import axis_powers
from grainlight.optics.forward.material import TI750, Constant, Material


@dataclass(frozen=True)
class Film:
    """A thin isotropic film (native oxide, tint etch): complex index, thickness [nm], wavelength in air [nm]."""

    index: complex
    thickness: float
    wavelength: float


class Amplitudes(NamedTuple):
    """Signed amplitudes of the constant, second and fourth harmonic, relative to the light after the polarizer."""

    a0: Tensor
    a2: Tensor
    a4: Tensor


def reflection(
    s: Tensor, material: Material = TI750, *, ambient: float = 1.0, film: Film | None = None
) -> tuple[Tensor, Tensor]:
    """Return the complex amplitude reflectances of the two eigenpolarizations, ``(r_o, r_b)``.

    Parameters
    ----------
    s
        sin^2(beta), beta the angle between c-axis and surface normal; any shape, range 0 to 1.
    material
        Dielectric constants; tensors broadcast against `s`.
    ambient
        Refractive index above the surface: 1 air, 1.515 oil.
    film
        Thin film on the surface, if any.

    Returns
    -------
    r_o, r_b
        Field across and along the projection of the c-axis; r_o does not depend on beta and has the shape of the
        material's constants.
    """
    eps_o, eps_e = _constant(material.eps_o, s), _constant(material.eps_e, s)
    n_o = _upper_root(eps_o)
    n_b = _upper_root(eps_o * eps_e / (eps_o * s + eps_e * (1 - s)))
    return _surface(n_o, ambient, film), _surface(n_b, ambient, film)


def amplitudes(
    s: Tensor,
    delta: float | Tensor,
    material: Material = TI750,
    *,
    ambient: float = 1.0,
    film: Film | None = None,
) -> Amplitudes:
    """Return the three signed amplitudes of the intensity as a function of inclination.

    Parameters
    ----------
    s
        sin^2(beta), any shape, range 0 to 1.
    delta
        Uncrossing of the analyzer [degrees], broadcasts against `s`.
    material, ambient, film
        As for `reflection`.
    """
    r_o, r_b = reflection(s, material, ambient=ambient, film=film)
    sine = _sine(delta, s)
    mean, difference = (r_o + r_b) / 2, r_b - r_o
    dr2 = _abs2(difference)
    # |r_b|^2 - |r_o|^2 written as a product, which keeps its relative precision where it is small
    bireflectance = 2 * (mean.real * difference.real + mean.imag * difference.imag)
    return Amplitudes(_abs2(mean) * sine**2 + dr2 / 8, -0.5 * bireflectance * sine, -dr2 / 8)


def normalised_amplitudes(s: Tensor, delta: float | Tensor, material: Material) -> Amplitudes:
    """Return the three amplitudes as curves that are 0 at s = 0 and 1 at s = 1.

    Parameters are those of `amplitudes`; of an amplitude that is 0 at s = 1 nothing finite is left.
    """
    zero, one = s.new_zeros(()), s.new_ones(())
    low, high = amplitudes(zero, delta, material).a0, amplitudes(one, delta, material)
    here = amplitudes(s, delta, material)
    # the shape of A2 does not depend on delta, and between crossed polars its size is zero: take it at 45 degrees
    a2, high2 = amplitudes(s, 45.0, material).a2, amplitudes(one, 45.0, material).a2
    return Amplitudes((here.a0 - low) / (high.a0 - low), a2 / high2, here.a4 / high.a4)


def harmonics(
    c_axes: Tensor,
    delta: float | Tensor,
    polarizer: float | Tensor = 0.0,
    material: Material = TI750,
    *,
    ambient: float = 1.0,
    film: Film | None = None,
) -> Tensor:
    """Return the coefficients of 1, cos 2theta, sin 2theta, cos 4theta, sin 4theta for a sample turned by theta.

    Parameters
    ----------
    c_axes
        Unit vectors along the c-axis in frame S, shape (..., 3); either end of the axis.
    delta, polarizer
        Uncrossing and polarizer azimuth [degrees], broadcast against the pixels (...).
    material, ambient, film
        As for `reflection`.

    Returns
    -------
    Tensor
        Shape (5, ...): a0, a2c, a2s, a4c, a4s.
    """
    s, real, imag = axis_powers(c_axes)
    s = s.clamp(max=1.0)
    a0, a2, a4 = amplitudes(s, delta, material, ambient=ambient, film=film)
    # exp(2 i phi) without an angle; at the pole both amplitudes vanish, so what stands there does not matter
    scale = s.clamp_min(torch.finfo(s.dtype).tiny)
    cos2, sin2 = real / scale, imag / scale
    turn = torch.deg2rad(torch.as_tensor(-2 * polarizer - delta, dtype=s.dtype, device=s.device))
    cos_turn, sin_turn = torch.cos(turn), torch.sin(turn)
    cos2, sin2 = cos2 * cos_turn - sin2 * sin_turn, sin2 * cos_turn + cos2 * sin_turn
    cos4, sin4 = cos2 * cos2 - sin2 * sin2, 2 * cos2 * sin2
    return torch.stack(torch.broadcast_tensors(a0, a2 * sin2, a2 * cos2, a4 * cos4, -a4 * sin4))


def intensity(
    c_axes: Tensor,
    theta: float | Tensor = 0.0,
    polarizer: float | Tensor = 0.0,
    delta: float | Tensor = 0.0,
    material: Material = TI750,
    *,
    ambient: float = 1.0,
    film: Film | None = None,
) -> Tensor:
    """Return the intensity behind the analyzer relative to that behind the polarizer.

    Parameters
    ----------
    c_axes
        Unit vectors along the c-axis in frame S, shape (..., 3).
    theta
        Counter-clockwise turn of the sample [degrees]; polarizer and analyzer turned together by rho are theta = -rho.
        Broadcasts against the pixels (...).
    polarizer, delta
        Polarizer azimuth and uncrossing of the analyzer [degrees].
    material, ambient, film
        As for `reflection`.
    """
    a0, a2c, a2s, a4c, a4s = harmonics(c_axes, delta, polarizer, material, ambient=ambient, film=film)
    double = torch.deg2rad(torch.as_tensor(2 * theta, dtype=a0.dtype, device=a0.device))
    return (
        a0
        + a2c * torch.cos(double)
        + a2s * torch.sin(double)
        + a4c * torch.cos(2 * double)
        + a4s * torch.sin(2 * double)
    )


def axis(beta: float | Tensor, phi: float | Tensor) -> Tensor:
    """Return the c-axis in frame S, shape (..., 3), float64, of inclination `beta` and azimuth `phi` [degrees]."""
    tilt = torch.deg2rad(torch.as_tensor(beta, dtype=torch.float64))
    turn = torch.deg2rad(torch.as_tensor(phi, dtype=torch.float64))
    tilt, turn = torch.broadcast_tensors(tilt, turn)
    return torch.stack((torch.sin(tilt) * torch.cos(turn), torch.sin(tilt) * torch.sin(turn), torch.cos(tilt)), -1)


def _surface(n: Tensor, ambient: float, film: Film | None) -> Tensor:
    if film is None:
        return (ambient - n) / (ambient + n)
    index = complex(film.index)
    front = (ambient - index) / (ambient + index)
    back = (index - n) / (index + n)
    phase = torch.exp(torch.as_tensor(4j * math.pi * index * film.thickness / film.wavelength, dtype=n.dtype)).to(
        n.device
    )
    return (front + back * phase) / (1 + front * back * phase)


def _upper_root(eps: Tensor) -> Tensor:
    root = torch.sqrt(eps)
    return torch.where(root.imag < 0, -root, root)


def _constant(value: Constant, like: Tensor) -> Tensor:
    dtype = torch.complex128 if like.dtype == torch.float64 else torch.complex64
    return torch.as_tensor(value, dtype=dtype, device=like.device)


def _sine(delta: float | Tensor, like: Tensor) -> Tensor:
    return torch.sin(torch.deg2rad(torch.as_tensor(delta, dtype=like.dtype, device=like.device)))


def _abs2(z: Tensor) -> Tensor:
    return z.real * z.real + z.imag * z.imag
