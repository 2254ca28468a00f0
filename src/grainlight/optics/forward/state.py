"""The canonical light state: five harmonics freed of instrument and gain, what the network sees.

Channels A0, A2c, A2s, A4c, A4s in frame S (x right, y up, azimuth phi counter-clockwise), with s = sin^2(beta):
A0 runs from 0 (c-axis out of the surface) to 1 (in the surface), A2 = s (cos 2phi, sin 2phi) and
A4 = s^2 (cos 4phi, sin 4phi) for a weakly anisotropic crystal.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.maps.strips import strips
from grainlight.optics.forward.material import Material
from grainlight.optics.forward.reflectance import amplitudes

CHANNELS = ("A0", "A2c", "A2s", "A4c", "A4s")
GROUPS = ("A0", "A2", "A4")
GROUP_OF_CHANNEL = (0, 1, 1, 2, 2)
# Pixels that are worked on at once stay in a CPU's cache.
_AT_ONCE = 1 << 17


def powers(c_axes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``(s, h2, h4)``: sin^2(beta), s exp(2 i phi) and s^2 exp(4 i phi) of c-axes (..., 3) in frame S."""
    x, y = c_axes[..., 0], c_axes[..., 1]
    h2 = torch.complex(x * x - y * y, 2 * x * y)
    return x * x + y * y, h2, h2 * h2


def ideal_state(c_axes: Tensor, a0_mix: float | Tensor = 1.0) -> Tensor:
    """Return the canonical state of a weakly anisotropic crystal.

    Parameters
    ----------
    c_axes
        Unit vectors along the c-axis in frame S, shape (..., 3); either end of the axis.
    a0_mix
        Share of s^2 in A0, the rest being s. 1 is the limit of crossed polars, and metals uncrossed by a few degrees
        stay within 0.8 to 1.2; broadcasts against the pixels.

    Returns
    -------
    Tensor
        Shape (..., 5).
    """
    s, h2, h4 = powers(c_axes)
    return torch.stack((s * (1 + a0_mix * (s - 1)), h2.real, h2.imag, h4.real, h4.imag), -1)


def canonical_state(
    c_axes: Tensor,
    a0_mix: float | Tensor = 1.0,
    material: Material | None = None,
    delta: float | Tensor = 2.5,
) -> Tensor:
    """Return the canonical state of a crystal, with the exact curves of a material where one is given.

    Parameters
    ----------
    c_axes
        Unit vectors along the c-axis in frame S, shape (..., 3).
    a0_mix
        As for `ideal_state`; used only without a material.
    material
        Dielectric constants; None is the limit of weak anisotropy. A material with equal reflectance along and
        across c in the basal direction has no scale for A2, which then grows without bound.
    delta
        Uncrossing [degrees]; with a material it shapes A0. Zero is allowed.

    Returns
    -------
    Tensor
        Shape (..., 5). Each group equals its ideal at beta = 0 and 90 degrees.
    """
    if material is None:
        return ideal_state(c_axes, a0_mix)
    s, h2, h4 = powers(c_axes)
    s = s.clamp(max=1.0)
    a0, a2, a4 = _curves(s, material, delta)
    floor = torch.finfo(s.dtype).tiny
    h2, h4 = h2 * (a2 / s.clamp_min(floor)), h4 * (a4 / (s * s).clamp_min(floor))
    return torch.stack((a0, h2.real, h2.imag, h4.real, h4.imag), -1)


def _curves(s: Tensor, material: Material, delta: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
    zero, one = s.new_zeros(()), s.new_ones(())
    low, high = amplitudes(zero, delta, material), amplitudes(one, delta, material)
    here = amplitudes(s, delta, material)
    a0 = (here.a0 - low.a0) / (high.a0 - low.a0)
    # the shape of A2 does not depend on delta, and between crossed polars its size is zero: take it at 45 degrees
    a2 = amplitudes(s, 45.0, material).a2 / amplitudes(one, 45.0, material).a2
    return a0, a2, here.a4 / high.a4


@dataclass(frozen=True)
class Curves:
    """How the canonical light of a metal departs from that of a weakly anisotropic crystal.

    ``k2`` and ``k4`` of `Calibration.curve`; ``a0_mix`` the share of the fourth-order curve in A0.
    """

    k2: float = 0.0
    k4: float = 0.0
    a0_mix: float = 1.0

    def light(self, c_axes: Tensor) -> Tensor:
        """Return the canonical harmonics (5, ...) of c-axes (..., 3) in frame S."""
        s, h2, h4 = powers(c_axes)
        bend2, bend4 = 1 + self.k2 * (1 - s), 1 + self.k4 * (1 - s)
        g2, g4 = s * bend2, s * s * bend4
        a2, a4 = h2 * bend2, h4 * bend4
        return torch.stack((g2 + self.a0_mix * (g4 - g2), a2.real, a2.imag, a4.real, a4.imag))


WEAK = Curves()
"""The limit of weak anisotropy."""


def expected_light(e: Tensor) -> Tensor:
    """Ideal harmonics (5, H, W) of embeddings (18, H, W)."""
    out = e.new_empty(5, *e.shape[1:], dtype=torch.float32)
    for rows in strips((e.shape[1], e.shape[2]), _AT_ONCE):
        axis = principal_axis((e[:5, rows] / W2).movedim(0, -1))
        out[:, rows] = ideal_state(axis).movedim(-1, 0)
    return out
