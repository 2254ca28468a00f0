"""How the canonical light of a metal departs from that of a weakly anisotropic crystal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from grainlight.optics.forward.axis_powers import BENT, H2_IMAG, H2_REAL, H4_IMAG, H4_REAL, S2, TERMS, S
from grainlight.optics.forward.imaging_model import ImagingModel


@dataclass(frozen=True)
class Curves:
    """Dependence of the canonical harmonics on the inclination.

        |A2| = s (1 + k2 (1 - s)),  |A4| = s^2 (1 + k4 (1 - s)),  A0 = (1 - a0_mix) |A2| + a0_mix |A4|

    with s = sin^2(beta). |A2| is the bireflectance and |A4| the squared anisotropy |dr|^2, of which the constant part
    is a sum for any material. Without k2 and k4, and with a mix of 1, this is the limit of weak anisotropy under
    crossed polars; metals uncrossed by a few degrees stay within a mix of 0.8 to 1.2.
    """

    k2: float = 0.0
    k4: float = 0.0
    a0_mix: float = 1.0

    def amplitudes(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return A0, |A2| and |A4| at s."""
        rest = 1 - s
        g2, g4 = s * (1 + self.k2 * rest), s * s * (1 + self.k4 * rest)
        return g2 + self.a0_mix * (g4 - g2), g2, g4

    @cached_property
    def model(self) -> ImagingModel:
        """The imaging model (5 channels) of a canonical light with these curves."""
        response = torch.zeros(5, len(TERMS), dtype=torch.float64)
        for term, k, share in ((S, self.k2, 1 - self.a0_mix), (S2, self.k4, self.a0_mix)):
            response[0, term], response[0, term + BENT] = share, share * k
        bends = (self.k2, self.k2, self.k4, self.k4)
        for channel, (term, k) in enumerate(zip((H2_REAL, H2_IMAG, H4_REAL, H4_IMAG), bends, strict=True), 1):
            response[channel, term], response[channel, term + BENT] = 1.0, k
        return ImagingModel(response, torch.zeros(5, dtype=torch.float64), noise=torch.ones(5))


WEAK = Curves()
"""The limit of weak anisotropy."""
IDEAL: ImagingModel = WEAK.model
"""Canonical light in that limit."""


def tilt_sensitivity(s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean square change of one channel of A0, A2 and A4 at s, for a tilt of the axis with a variance of
    one square radian in either direction, in the limit of weak anisotropy."""
    return 16 * s**3 * (1 - s), 2 * s * (2 - s), 8 * s**3 * (2 - s)
