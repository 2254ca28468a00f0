"""The clean polarized-light state of a section, for a random material and setting of the polarizers.

The canonical harmonics (see `grainlight.optics`) are functions of s = sin^2(inclination): A0 = f0(s), A2 = f2(s) times
(cos 2phi, sin 2phi), A4 = f4(s) times (cos 4phi, sin 4phi), each f 1 at s = 1. For a weak anisotropy f2 = s and
f4 = s^2; a strong complex one bends them. Here the exact curves of random materials are sampled at a few s and drawn
through by cubics.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import axis_powers
from grainlight.optics.forward.material import uniaxial
from grainlight.optics.forward.reflectance import normalised_amplitudes
from grainlight.synth.draw import Draw

_NODES = 12


def draw_curves(draw: Draw, batch: int) -> Tensor:
    """Cubics (B, 3, 4) in s for A0, A2, A4 (powers 0 to 3), each 0 at s = 0 and 1 at s = 1.

    Optical constants: isotropic means as of common hexagonal metals in the visible, complex anisotropy of modulus 0.1
    to 1 and any argument. A curve that is not monotonic is replaced by its weak limit: calibration cannot bring it to a
    canonical state either.
    """
    nodes = torch.linspace(0.0, 1.0, _NODES)
    s = draw.sent(nodes)[None]
    n = torch.complex(draw.uniform(0.8, 3.2, batch, 1), draw.uniform(3.0, 5.5, batch, 1))
    modulus, argument = draw.log_uniform(0.1, 1.0, batch, 1), draw.uniform(0.0, 2 * math.pi, batch, 1)
    kappa = torch.polar(modulus, argument)
    delta = draw.uniform(0.0, 6.0, batch, 1)
    curves = torch.stack(normalised_amplitudes(s, delta, uniaxial("drawn", n * n, kappa)), 1)
    weak = torch.stack(
        (torch.where(draw.chance(0.5, batch, 1), s, s * s), s.expand(batch, -1), (s * s).expand(batch, -1)), 1
    )
    steady = (curves.diff(dim=-1) > -0.02).all(-1, keepdim=True)
    curves = torch.where(steady & draw.chance(0.7, batch, 1, 1), curves, weak)
    # Cubic c1 s + c2 s^2 + (1 - c1 - c2) s^3 through the nodes by least squares: it keeps 0 at 0 and 1 at 1.
    # The fit is the same for every material, so it is made on the host: no device need wait for a decomposition.
    basis = torch.stack((nodes - nodes**3, nodes**2 - nodes**3), -1)
    c = (curves - s**3) @ draw.sent(torch.linalg.pinv(basis).T.contiguous())
    return torch.cat((torch.zeros_like(c[..., :1]), c, 1 - c.sum(-1, keepdim=True)), -1)


def light_state(c: Tensor, curves: Tensor) -> Tensor:
    """Clean PL state (B, 5, row, column) of c-axes (B, row, column, 3) in frame S under curves (B, 3, 4)."""
    s, u, v = axis_powers(c)
    k = curves[:, :, :, None, None]
    f0, f2, f4 = ((k[:, i, 1] + (k[:, i, 2] + k[:, i, 3] * s) * s) for i in range(3))
    # f2 and f4 lack one factor s that f0 gets here: (u, v) already is s (cos 2phi, sin 2phi).
    # f4 starts with s^2 in the weak limit; the linear term of the fit is what the curve leaves, so divide by s safely.
    ratio = f4 / s.clamp(min=1e-3)
    return torch.stack((f0 * s, f2 * u, f2 * v, ratio * (u * u - v * v), ratio * 2 * u * v), 1)
