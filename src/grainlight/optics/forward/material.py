"""Dielectric constants of uniaxial metals, measured, guessed and made up around an isotropic mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Constant = complex | torch.Tensor


@dataclass(frozen=True)
class Material:
    """Principal dielectric constants of a uniaxial absorbing crystal at one wavelength.

    The time factor is exp(-i w t), so an absorbing medium has a positive imaginary part.

    Parameters
    ----------
    name
        What a report calls it.
    eps_o, eps_e
        Dielectric constant for the field perpendicular and parallel to the c-axis: complex numbers, or complex
        tensors that broadcast against the pixels (a batch of materials at once).
    """

    name: str
    eps_o: Constant
    eps_e: Constant


TI750 = Material("TI750", 6.676 + 34.954j, -20.377 + 30.405j)
"""Alpha titanium at 750 nm, as in the EMsoftOO template; the default."""

TIWEAK = Material("TIWEAK", -4.6644 + 17.5760j, -6.6976 + 17.2530j)
"""Titanium at 550 nm with a guessed, weak anisotropy; a lower bound for tests."""

OS633 = Material("OS633", 21.9350 + 19.4140j, 1.0732 + 17.7565j)
"""Osmium at 633 nm (Nemoshkalenko 1986): strongly anisotropic, yet with almost no bireflectance."""

MEAN_INDEX: dict[tuple[str, int], complex] = {
    ("Ti", 550): 2.542 + 3.435j,
    ("Ti", 633): 2.704 + 3.766j,
    ("Ti", 750): 2.984 + 4.004j,
    ("Zr", 550): 2.532 + 3.360j,
    ("Zr", 633): 3.039 + 3.556j,
    ("Mg", 550): 0.806 + 4.933j,
    ("Mg", 633): 0.977 + 5.646j,
    ("Co", 550): 2.052 + 3.824j,
    ("Co", 633): 2.213 + 4.171j,
    ("Zn", 550): 0.929 + 4.975j,
    ("Zn", 633): 1.178 + 5.725j,
}
"""Refractive index n + ik of polycrystals and films, by metal and wavelength in nm (refractiveindex.info)."""


def uniaxial(name: str, eps_mean: Constant, kappa: Constant) -> Material:
    """Make a uniaxial material around an isotropic mean.

    Parameters
    ----------
    name
        What a report calls it.
    eps_mean
        Isotropic dielectric constant, the square of a complex index such as those of `MEAN_INDEX`.
    kappa
        Complex relative anisotropy (eps_e - eps_o) / eps_mean; |kappa| of real metals is about 0.1 to 1 and
        |dr| in the basal direction is then close to 0.18 |kappa|.
    """
    return Material(name, eps_mean * (1 - kappa / 3), eps_mean * (1 + 2 * kappa / 3))
