"""How light and orientations are compared: what pixels of a grain may differ by, and what a misfit counts at most."""

from __future__ import annotations

from torch import Tensor

# What the light of two pixels of a grain may differ by beyond noise (A0, A2, A4), and the share of its strength on top.
TOLERANCE, RELATIVE = (0.02, 0.02, 0.02), 0.10
# A squared difference beyond this says no more than "another grain"; half of it speaks at the second.
MOST, HALF = 100.0, 8.0
GROUPS = (slice(0, 1), slice(1, 3), slice(3, 5))
"""Channels of A0, A2 and A4 among the five of the light."""


def capped(squared: Tensor) -> Tensor:
    """Squared misfits, `MOST` at most."""
    return MOST * squared / (MOST + squared)


def likeness(away: Tensor, width: Tensor) -> Tensor:
    """exp(-away / width) of squared distances, 1e-26 at least: smaller numbers are slow to compute and say no more."""
    return (away / width).clamp_(0.0, 60.0).neg_().exp_()
