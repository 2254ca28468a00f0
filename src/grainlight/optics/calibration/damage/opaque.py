"""Opaque specks: patches that no crystal looks like, however small, whatever was measured there by EBSD.

What lies on a section does not change with the angle. A crystal that does not either has its c-axis along the beam, and
one brightness: a patch without any modulation and of another brightness shows no metal. A lamp that changes from image
to image modulates all that it shines on, and what is brighter more.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import binary_dilation, binary_opening
from torch import Tensor

# What is tried beside these values: `python -m benchmarks.regions opaque`.
# Polarized light of a channel up to which there is none, on average: in standard deviations; in canonical units, of
# which an axis in the surface has one; and of what brightness is away from that of a usual crystal, in the same units.
_STILL, _LITTLE, _LAMP = 1.5, 0.03, 0.05
_USUAL = 0.5
_BLOCK = np.ones((3, 3), dtype=bool)  # the least patch


def find_opaque(state: Tensor, sigma: Tensor, strange: Tensor, signal: tuple[bool, bool, bool]) -> Tensor:
    """Return the pixels (H, W) of opaque patches from 3 x 3 pixels on, and those around, which are mixed with them.

    Parameters
    ----------
    state, sigma
        Canonical light (5, H, W) and its noise (3, H, W).
    strange
        Pixels (H, W) whose groups contradict each other.
    signal
        Whether A0, A2 and A4 carry anything.
    """
    none = torch.zeros_like(strange)
    if not signal[0] or not (signal[1] or signal[2]):
        return none
    still = strange.clone()
    lamp = _LAMP * (state[0] - _USUAL).abs()
    for group in (1, 2):
        if signal[group]:
            limit = torch.maximum(_STILL * sigma[group], lamp).clamp_min(_LITTLE)
            still &= state[2 * group - 1 : 2 * group + 1].square().mean(0) < limit.square()
    found = binary_opening(still.cpu().numpy(), _BLOCK)
    if not found.any():
        return none
    return torch.from_numpy(binary_dilation(found, _BLOCK)).to(strange.device)
