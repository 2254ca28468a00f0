"""The probability of a boundary where light decides, corrected by how far away the points are.

How often the chain puts a boundary somewhere is too seldom sure: of those that the map shows more are right than it
says, of those that it does not show fewer. The less so the farther a point lies, in units of the grains: light tells
neither a grain that no point met nor what it does not see of an orientation. Logistic regression on both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.constants import constants
from grainlight.restore.uncertainty.surroundings import Surroundings

_LEAST, _CROSSED = 1e-3, 0.02
TERMS = 8


def boundary_terms(probability: Tensor, around: Surroundings) -> Tensor:
    """Terms (8, H, W) of the logit: of the stated probability (H, W), whether it is a half or more, of a crossing on
    the way to the nearest point, and products of them."""
    stated = torch.logit(probability, _LEAST)
    shown = (probability >= 0.5).to(stated)
    crossed = (1 - torch.exp(-around.rate * around.nearest) + _CROSSED).log()
    one = torch.ones_like(stated)
    near = (one, stated, shown, shown * stated)
    return torch.stack((*near, *(crossed * term for term in near)))


def lit_boundary(probability: Tensor, around: Surroundings) -> Tensor:
    """Corrected probability (H, W) of a boundary to the right of or below a pixel.

    Parameters
    ----------
    probability
        (H, W) as `second_label.boundary_probability` gives it.
    around
        Of the measured points.
    """
    return torch.sigmoid(
        torch.tensordot(torch.tensor(constants().lit_boundary.weights), boundary_terms(probability, around), 1)
    )
