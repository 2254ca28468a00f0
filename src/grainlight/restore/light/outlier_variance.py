"""Outlier variance inflation: where the light contradicts measured pixels, its noise around them is taken for larger.

Dust and stains that nobody flagged look like another grain, dark ones like a c-axis out of the surface. EBSD does not
see them: the light of a measured pixel that does not fit its orientation says that the light there is wrong, not only
at this pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.optics.forward.point_spread import gaussian, spread_back

# Pixels: standard deviation of the window, about the size of dust.
_WIDTH = 1.5
# Prior: every pixel is taken to have so many points near it that agree with their light.
_AGREEING = 0.5
# The misfit of one point counts up to this, in variances: a displaced boundary beside it causes larger ones.
_CAP = 25.0
# How much faster the variance in use grows than the one that the points show: pixels between them may take the
# orientation that fits dust best, points may not.
_STEEPNESS = 3.0


def variance_inflation(residual: Tensor, precision: Tensor, measured: Tensor) -> Tensor:
    """Return the factor (5, H, W), 1 or more, that the light's variance has to be multiplied by.

    Parameters
    ----------
    residual
        Measured light (5, H, W) less the blurred light that the map gives.
    precision
        Reciprocal of the light's variance (5, H, W), 0 where unknown.
    measured
        Pixels (H, W) whose orientation was measured.

    Notes
    -----
    Each channel has its own factor: the mean square of the measured pixels' misfit in a window, where it is above one.
    Constants were found on synthetic sections with dust and without: light that agrees keeps its noise but for the
    chance of a mean over few points.
    """
    window = gaussian(_WIDTH)
    window = window / window.max()
    factor = torch.empty_like(residual)
    for channel, (miss, weight) in enumerate(zip(residual, precision, strict=True)):
        asked = measured & (weight > 0)
        square = (miss.square() * weight).clamp_(max=_CAP).masked_fill_(~asked, 0.0)
        total, count = spread_back(torch.stack((square, asked.float())), window)
        factor[channel] = total / (count + _AGREEING)
    return factor.sub_(1.0).clamp_(min=0.0).mul_(_STEEPNESS).add_(1.0)
