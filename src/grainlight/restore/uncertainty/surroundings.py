"""What the measured points around a pixel say of boundaries: how often they differ, and how far away they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import EBSD
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.restore.points.neighbours import Neighbours

_AROUND = 4
# Pixels whose points stay in a CPU's cache.
_CHUNK = 1 << 12


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Measured points around every pixel (H, W).

    ``apart``: share of the pairs of the nearest four that differ by more than 5 degrees and the noise; ``nearest`` and
    ``spacing``: distance in pixels of the nearest and of the fourth. ``rate``: boundaries per pixel of way, over the
    whole map, if crossings were at random, which leave two points a distance s apart in one grain with probability
    exp(-rate s). ``density``: the same for the chords that grains have, which are more regular: with probability
    (1 - density s / m)^m.
    """

    apart: Tensor
    nearest: Tensor
    spacing: Tensor
    rate: float
    density: float

    def missed_terms(self, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms (H, W) that the logit of `missed` weighs: of the variance, of a crossing, and of the way."""
        crossed = 1 - torch.exp(-self.rate * self.nearest)
        return (variance + 0.003).log(), (crossed + 0.01).log(), self.nearest.clamp(min=1.0).log()

    def missed(self, variance: Tensor) -> Tensor:
        """Probability (H, W) that nobody measured the grain of a pixel, which light then cannot turn about its c-axis.

        ``variance`` (H, W): of the network's estimate, as a share of the embedding's squared norm.
        """
        its = constants().missed_grain
        logit = torch.full_like(variance, its.constant)
        weights = (its.variance, its.crossing, its.way)
        for weight, term in zip(weights, self.missed_terms(variance), strict=True):
            logit += weight * term
        return torch.where(self.nearest > 0, torch.sigmoid(logit), 0.0)


def same_grain_limit(level: float) -> float:
    """Distance of embeddings below which two measured points count as one grain's: 5 degrees and their noise.

    Parameters
    ----------
    level
        Noise of a point per channel, in embedding units.
    """
    # Three tangent directions of two noisy points, three standard deviations.
    return BOUNDARY_ANGLE * PER_DEGREE + 3 * math.sqrt(6) * level


def surroundings(measurement: Tensor, sigma: Tensor, neighbours: Neighbours) -> Surroundings:
    """Look around every pixel.

    Parameters
    ----------
    measurement, sigma
        Joint state (23, H, W) and noise levels (4, H, W).
    neighbours
        Nearest measured points of every pixel.
    """
    rows, columns = sigma.shape[1:]
    flat = neighbours.flat(columns)
    y = measurement[EBSD].reshape(18, -1).T[flat].contiguous()
    level = float(sigma[0].reshape(-1)[flat].median())
    limit = same_grain_limit(level)
    k = min(_AROUND, neighbours.index.shape[1])
    pairs = [(i, j) for i in range(k) for j in range(i)]
    apart = torch.zeros(rows * columns)
    for start in range(0, rows * columns, _CHUNK):
        near = F.embedding(neighbours.index[start : start + _CHUNK, :k].T, y)
        for i, j in pairs:
            apart[start : start + _CHUNK] += (near[i] - near[j]).square_().sum(-1) > limit**2
    apart /= max(len(pairs), 1)
    nearest, spacing = (neighbours.distance[:, i].float().view(rows, columns) for i in (0, k - 1))
    return Surroundings(apart.view(rows, columns), nearest, spacing, *_rates(y, flat, neighbours, limit))


def _rates(y: Tensor, flat: Tensor, neighbours: Neighbours, limit: float) -> tuple[float, float]:
    """``rate`` and ``density``, from every point and its nearest others."""
    at = slice(1, _AROUND + 1)
    index, distance = neighbours.index[flat, at].long(), neighbours.distance[flat, at].float()
    if not index.numel():
        return 0.0, 0.0
    share = torch.stack([(y[index[:, i]] - y).norm(dim=-1) > limit for i in range(index.shape[1])]).float().mean()
    share, way = share.clamp(0.01, 0.97), distance.mean().clamp(min=1.0)
    m = constants().regular_chords.value
    return float(-torch.log1p(-share) / way), float(m * (1 - (1 - share) ** (1 / m)) / way)
