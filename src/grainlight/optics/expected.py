"""The light that physics expects of orientations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.maps.strips import strips
from grainlight.optics.state import ideal_state, powers

# Pixels that are worked on at once stay in a CPU's cache.
_AT_ONCE = 1 << 17


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
