"""How fast orientations turn inside the grains of a map, from its measured points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import EBSD
from grainlight.restore.points.neighbours import Neighbours
from grainlight.restore.uncertainty.surroundings import same_grain_limit

# Where few pairs of points share a grain they are joined by this many pixels of way in a grain of a synthetic section.
_USUAL, _WAY = 0.05, 1000.0
# An upper limit: a larger gradient is noise that was estimated too low.
_MOST = 2.0
# A pixel has points on several sides: its error is less than the gradient times the distance to the nearest.
_BETWEEN = 0.5
_POINTS = 60_000


def intragranular_gradient(e: Tensor, measurement: Tensor, sigma: Tensor, neighbours: Neighbours) -> float:
    """Growth of the mean square angle inside grains in degrees^2 per pixel of distance, 0 to 2.

    Parameters
    ----------
    e
        Embedding (18, H, W) of the restored map.
    measurement, sigma
        Joint state (23, H, W) and noise levels (4, H, W).
    neighbours
        Nearest measured points of every pixel.

    Notes
    -----
    Two points count as one grain's where they, and the restored pixel half way between them, agree within 5 degrees and
    the noise. What they differ by beyond their noise is the turn.
    """
    columns = e.shape[2]
    points, flat = neighbours.points, neighbours.flat(columns)
    y = measurement[EBSD].reshape(18, -1).T[flat].contiguous()
    level = sigma[0].reshape(-1)[flat]
    limit = same_grain_limit(float(level.median()))
    shown = e.reshape(18, -1).T
    turned = way = 0.0
    # Of a large map a sample of the points is enough.
    few = torch.arange(0, len(flat), 1 + len(flat) // _POINTS)
    own, its = y[few], level[few]
    for k in range(1, neighbours.index.shape[1]):
        other, distance = neighbours.index[flat[few], k].long(), neighbours.distance[flat[few], k].float()
        middle = (points[few] + points[other]) // 2
        between = shown[middle[:, 0] * columns + middle[:, 1]]
        theirs = y[other]
        apart = (theirs - own).norm(dim=-1)
        inside = (apart < limit) & ((between - own).norm(dim=-1) < limit) & ((between - theirs).norm(dim=-1) < limit)
        excess = apart**2 - 3 * (level[other] ** 2 + its**2)
        turned += float(excess[inside].sum()) / PER_DEGREE**2
        way += float(distance[inside].sum())
    return min(max((turned + _USUAL * _WAY) / (way + _WAY), 0.0), _MOST)


@dataclass(frozen=True, eq=False)
class OrientationSpread:
    """Root mean square error (H, W) in degrees of the orientation of the grain at a pixel: by the ``noise`` of the
    points that it is made of, and by the ``turn`` of the grain between them and the pixel."""

    noise: Tensor
    turn: Tensor

    @property
    def both(self) -> Tensor:
        return torch.hypot(self.noise, self.turn)

    def bound(self, spacing: Tensor) -> Tensor:
        """Angle (H, W) in degrees that the error stays under in nine of ten pixels; ``spacing`` (H, W): distance of the
        fourth point in pixels.

        The turn is one mean over all grains, and most turn less; where points stand far apart both are too small.
        """
        its = constants().spread_quantile
        noise, turn = (
            torch.from_numpy(np.interp(spacing.numpy(), its.spacing, values)).to(self.noise)
            for values in (its.noise, its.turn)
        )
        return torch.hypot(noise * self.noise, turn * self.turn)


def orientation_spread(error: Tensor, counted: float, gradient: float, nearest: Tensor) -> OrientationSpread:
    """How far the orientation of the grain at a pixel is off.

    Parameters
    ----------
    error
        Standard error (H, W) of the projection per channel, in embedding units.
    counted
        Growth of the variance of a channel per pixel that is in it already.
    gradient
        What `intragranular_gradient` found.
    nearest
        Distance (H, W) in pixels to the nearest measured point.
    """
    # Three tangent directions.
    missing = max(gradient - 3 * counted / PER_DEGREE**2, 0.0)
    return OrientationSpread(3**0.5 * error / PER_DEGREE, (_BETWEEN * missing * nearest).sqrt())
