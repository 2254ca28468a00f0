"""Data projection: the network says which grain a pixel is in, the measurement says how that grain is oriented."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM
from grainlight.restore.points.neighbours import Neighbours

# Pixels projected at once: what their neighbours say stays in a CPU's cache.
_AT_ONCE = 1 << 12
# Logarithm of a weight that does not count; smaller ones would be subnormal numbers, which are many times slower.
_LEAST = -30.0


@dataclass(frozen=True)
class ProjectionSettings:
    """Constants of the projection, those of `grainlight.constants` unless stated.

    Parameters
    ----------
    likeness
        Width of the weight in the restored embedding, in degrees, for points without noise.
    noisy
        Times the noise of a point (root mean square of its angle) that the width grows by, in quadrature: the noise of
        the points is in the guide, too, and where it is large a grain would fall apart.
    accept
        Distance in degrees up to which a pixel is taken for a grain that was measured.
    wrong
        Distance in degrees beyond which a measured point contradicts the restored map.
    far
        Width of the weight in space, in distances to the fourth nearest point.
    certain
        Share of the embedding's squared norm above which the network is sure of an orientation that nobody measured.
    """

    likeness: float = field(default_factory=lambda: constants().projection.likeness)
    noisy: float = field(default_factory=lambda: constants().projection.noisy)
    accept: float = field(default_factory=lambda: constants().projection.accept)
    wrong: float = field(default_factory=lambda: constants().projection.wrong)
    far: float = field(default_factory=lambda: constants().projection.far)
    certain: float = field(default_factory=lambda: constants().projection.certain)


@dataclass(frozen=True)
class Projected:
    """Result of a projection.

    ``embedding`` (18, H, W); ``supported`` (H, W) whether a pixel rests on measured points; ``error`` (H, W) its
    standard error in embedding units; ``wrong`` (H, W) measured pixels that the restored map contradicts.
    """

    embedding: Tensor
    supported: Tensor
    error: Tensor
    wrong: Tensor


def project(
    restored: Tensor,
    measured: Tensor,
    sigma: Tensor,
    neighbours: Neighbours,
    gradient: float = 0.0,
    settings: ProjectionSettings | None = None,
) -> Projected:
    """Re-estimate each pixel from measured orientations near it.

    Parameters
    ----------
    restored
        Restored embedding (18, H, W), the guide.
    measured, sigma
        Measured embedding (18, H, W) and its noise per channel (H, W); only the points of ``neighbours`` count.
    gradient
        Growth of the variance of a channel inside a grain, per pixel of distance: a point far away knows less, and a
        measured pixel knows most about itself.

    Notes
    -----
    A joint bilateral filter with the restored map as guide: among the nearest measured points each is weighted by the
    likeness of the guide at the pixel and at the point, relative to the best one, and by distance. A pixel between two
    grains in the guide so takes the side that it is closer to, never a colour between the two; a pixel like none of
    them whose guide is certain is a grain that the EBSD grid missed and stays as restored.
    """
    settings = settings or ProjectionSettings()
    channels, rows, columns = restored.shape
    guide = restored.reshape(channels, -1).T.contiguous()
    flat = neighbours.flat(columns)
    y = measured.reshape(channels, -1).T[flat].contiguous()
    g = guide[flat]
    level = sigma.reshape(-1)[flat]
    wrong = _contradicted(y, g, level, settings.wrong)
    table = _table(g, level, wrong, settings)
    out = torch.empty_like(guide)
    supported = torch.empty(len(guide), dtype=torch.bool)
    error = torch.empty(len(guide))
    fourth = min(3, neighbours.index.shape[1] - 1)
    for start in range(0, len(guide), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        here, index = guide[part], neighbours.index[part]
        r = neighbours.distance[part].float()
        # Rows of a table: an embedding's look-up is three times as fast as an index.
        asked = F.embedding(index, table)
        square, width, noise = (asked[..., channels + i] for i in range(3))
        own = (here * here).sum(-1)
        inner = torch.bmm(asked[..., :channels], here[:, :, None])[..., 0]
        d2 = torch.add(square, inner, alpha=-2).add_(own[:, None])
        best = d2.amin(-1, keepdim=True).clamp_(min=0)
        far = 1 / (r[:, fourth, None].clamp(min=1.0) * settings.far)
        weight = d2.sub_(best).mul_(width).sub_((r * far).square_(), alpha=0.5)
        turned = r.mul_(gradient)
        weight = weight.sub_(weight.amax(-1, keepdim=True)).clamp_(min=_LEAST).exp_().div_(noise + turned)
        weight.div_(weight.sum(-1, keepdim=True))
        # The weighted mean of the neighbours in one call, which needs no table of the rows that it averages.
        value = F.embedding_bag(index, y, per_sample_weights=weight, mode="sum")
        new = (best[:, 0].sqrt() > settings.accept * PER_DEGREE) & (own > settings.certain * SQUARED_NORM)
        out[part] = torch.where(new[:, None], here, value)
        supported[part] = ~new
        # Averaging lowers the noise of the points, but not the gradient of the grain between them and this pixel.
        error[part] = (noise * weight).add_(turned).mul_(weight).sum(-1).sqrt_()
    contradicted = torch.zeros(rows * columns, dtype=torch.bool).index_fill_(0, flat[wrong], True)
    return Projected(
        out.T.reshape(channels, rows, columns),
        supported.reshape(rows, columns),
        error.reshape(rows, columns),
        contradicted.reshape(rows, columns),
    )


def _contradicted(y: Tensor, g: Tensor, level: Tensor, degrees: float) -> Tensor:
    """Measured points (M,) that are farther from the guide at their pixel than ``degrees`` and their noise."""
    off = (y - g).norm(dim=-1)
    # The threshold grows with the noise that the points are known to have (three tangent directions).
    wrong = off > degrees * PER_DEGREE + 3 * np.sqrt(3.0) * level
    return torch.zeros_like(wrong) if bool((~wrong).sum() < 4) else wrong


def _table(g: Tensor, level: Tensor, wrong: Tensor, settings: ProjectionSettings) -> Tensor:
    """Of each point (M, 21): its guide, the square of it, what a squared distance is divided by, and its noise."""
    noise = level**2
    width = -0.5 / ((settings.likeness * PER_DEGREE) ** 2 + 3 * settings.noisy**2 * noise)
    square = (g * g).sum(-1) + torch.where(wrong, 1e4, 0.0)
    return torch.cat((g, torch.stack((square, width, noise), 1)), 1)
