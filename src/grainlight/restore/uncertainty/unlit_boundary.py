"""The probability of a boundary where there is no light: what the network leaves open, spread over where it may run.

Between two measured points of different grains a boundary crosses somewhere, but the restored map shows it in one place
only. The network's estimate, a posterior mean, turns gradually where it does not know the place, so its step across an
edge is how much of the crossing lies there. Logistic regression makes a probability of the step and of what the
measured points around say, and a shift of all logits gives the map as many boundaries as those points have between
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.restore.uncertainty.surroundings import Surroundings

_MOST_SHIFT = 4.0
_EDGES = (
    ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
)


def unlit_boundary(
    e: Tensor, guide: Tensor, noise: Tensor, measured: Tensor, around: Surroundings, unlit: Tensor
) -> Tensor:
    """Probability (H, W) that a boundary of 5 degrees runs to the right of or below a pixel.

    Parameters
    ----------
    e, guide
        Embedding (18, H, W) of the restored map and of the network's estimate, which is a mean over what is possible.
    noise
        Noise level (H, W) of measured points, in embedding units per channel.
    measured
        Pixels (H, W) that EBSD measured.
    around
        Of the measured points.
    unlit
        Pixels (H, W) that the answer is for: their mean is what the measured points say.
    """
    found = list(edge_terms(e, guide, noise, measured, around))
    its = constants().unlit_boundary
    logits = [
        torch.where(t.dense, _weighted(its.measured, t.measured), _weighted(its.inferred, t.inferred)) for t in found
    ]
    # Only edges beside inferred pixels are shifted: between measured points the map shows every boundary.
    free = [unlit[here] & ~t.dense for (here, _), t in zip(_EDGES, found, strict=True)]
    shift = _shift(torch.cat([x[f] for x, f in zip(logits, free, strict=True)]), around.density)
    edges = torch.zeros(2, *measured.shape)
    for out, (here, _), logit, some in zip(edges, _EDGES, logits, free, strict=True):
        out[here] = torch.sigmoid(logit + shift * some)
    return either(*edges)


def either(right: Tensor, down: Tensor) -> Tensor:
    """Probability that at least one of two edges of a pixel is a boundary, from those of each."""
    independent = 1 - (1 - right) * (1 - down)
    together = constants().edges_together.value
    return (1 - together) * independent + together * torch.maximum(right, down)


@dataclass(frozen=True, eq=False)
class EdgeTerms:
    """Edges to the right or downwards: whether both pixels were measured, and the terms (n, H, W) of the two logits."""

    dense: Tensor
    inferred: Tensor
    measured: Tensor


def edge_terms(e: Tensor, guide: Tensor, noise: Tensor, measured: Tensor, around: Surroundings) -> Iterator[EdgeTerms]:
    """Terms of the edges to the right, then of those downwards; arguments as for `unlit_boundary`."""
    # A posterior mean is shorter than an orientation by the variance that it averages over.
    variance = (1 - guide.square().sum(0) / SQUARED_NORM).clamp(1e-3, 1.0)
    degrees = noise * (3**0.5 / PER_DEGREE)
    for here, there in _EDGES:
        step, shown = (_step(x, here, there) for x in (guide, e))
        apart, nearest, spacing, open_, level = (
            0.5 * (x[here] + x[there]) for x in (around.apart, around.nearest, around.spacing, variance, degrees)
        )
        spacing, open_ = spacing.clamp(min=1.0), open_.log()
        off, size = nearest / spacing, spacing.log()
        soft = (step + 0.3).log()
        crossings = (-torch.log1p(-apart.clamp(0.06, 0.95)) / spacing).log()
        boundary = (shown > BOUNDARY_ANGLE).float()
        one = torch.ones_like(step)
        inferred = (one, soft, soft**2, crossings, open_, size, size * soft, boundary, off, off * soft)
        width = 0.5 + 0.3 * level
        by_map, by_mean = (((x - BOUNDARY_ANGLE) / width).clamp(-6.0, 6.0) for x in (shown, step))
        rate = math.log(max(around.rate, 1e-3)) * one
        both = (one, by_map, by_mean, by_map.abs(), level.clamp(min=0.1).log(), open_, rate)
        yield EdgeTerms(measured[here] & measured[there], torch.stack(inferred), torch.stack(both))


def _step(x: Tensor, here: tuple[slice, slice], there: tuple[slice, slice]) -> Tensor:
    return (x[:, *here] - x[:, *there]).norm(dim=0) / PER_DEGREE


def _weighted(weights: tuple[float, ...], terms: Tensor) -> Tensor:
    return torch.tensordot(torch.tensor(weights), terms, 1)


def _shift(logits: Tensor, rate: float) -> float:
    """What has to be added to logits (n,) for their probabilities to have the mean ``rate``."""
    if not len(logits) or rate <= 0:
        return 0.0
    low, high = -_MOST_SHIFT, _MOST_SHIFT
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if float(torch.sigmoid(logits + middle).mean()) > rate else (middle, high)
    return 0.5 * (low + high)
