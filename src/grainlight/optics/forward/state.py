"""The canonical light state: five harmonics freed of instrument and gain, what the network sees.

Channels A0, A2c, A2s, A4c, A4s in frame S (x right, y up, azimuth phi counter-clockwise), with s = sin^2(beta):
A0 runs from 0 (c-axis out of the surface) to 1 (in the surface), A2 = s (cos 2phi, sin 2phi) and
A4 = s^2 (cos 4phi, sin 4phi) for a weakly anisotropic crystal (`optics.forward.curves`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import axis_powers, complex_powers
from grainlight.optics.forward.material import Material
from grainlight.optics.forward.reflectance import normalised_amplitudes

CHANNELS = ("A0", "A2c", "A2s", "A4c", "A4s")
GROUPS = ("A0", "A2", "A4")
GROUP_OF_CHANNEL = (0, 1, 1, 2, 2)
CHANNELS_OF_GROUP = ((0,), (1, 2), (3, 4))


def canonical_state(c_axes: Tensor, material: Material, delta: float | Tensor = 2.5) -> Tensor:
    """Return the canonical state of a crystal with the exact curves of its material.

    Parameters
    ----------
    c_axes
        Unit vectors along the c-axis in frame S, shape (..., 3).
    material
        Dielectric constants. A material with equal reflectance along and across c in the basal direction has no scale
        for A2.
    delta
        Uncrossing [degrees], which shapes A0. Zero is allowed.

    Returns
    -------
    Tensor
        Shape (..., 5). Each group is 0 at beta = 0 and that of `IDEAL` at 90 degrees.
    """
    s, h2, h4 = complex_powers(axis_powers(c_axes))
    s = s.clamp(max=1.0)
    a0, a2, a4 = normalised_amplitudes(s, delta, material)
    floor = torch.finfo(s.dtype).tiny
    h2, h4 = h2 * (a2 / s.clamp_min(floor)), h4 * (a4 / (s * s).clamp_min(floor))
    return torch.stack((a0, h2.real, h2.imag, h4.real, h4.imag), -1)
