"""Opaque specks: patches that no crystal looks like, however small, whatever was measured there by EBSD.

What lies on a section does not change with the angle. A crystal that does not either has its c-axis along the beam, and
one brightness: a patch without any modulation and of another brightness shows no metal.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import binary_dilation, binary_opening
from torch import Tensor

# What is tried beside these values: `python -m benchmarks.regions opaque`.
# Polarized light of a channel up to which there is none, on average: in standard deviations, and in canonical units, of
# which an axis in the surface has one.
_STILL, _LITTLE = 2.0, 0.02
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
    for group in (1, 2):
        if signal[group]:
            limit = (_STILL * sigma[group]).clamp_min(_LITTLE)
            still &= state[2 * group - 1 : 2 * group + 1].square().mean(0) < limit.square()
    found = binary_opening(still.cpu().numpy(), _BLOCK)
    if not found.any():
        return none
    return torch.from_numpy(binary_dilation(found, _BLOCK)).to(strange.device)
