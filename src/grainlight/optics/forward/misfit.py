"""The robust misfit of light: a logarithm instead of a square where a pixel is far off."""

from __future__ import annotations

from torch import Tensor

FREEDOM = 6.0
"""Degrees of freedom of Student's distribution: dust that nobody flagged must not rule."""


def robust_weight(residual: Tensor, precision: Tensor) -> Tensor:
    """Return the precision that residuals count with, from the reciprocal of their variance; same shapes."""
    return precision / (residual.square().mul_(precision).div_(FREEDOM).add_(1))
