"""Statistics of a microstructure as a network sees it, in pixels: sizes, shapes, boundaries, spread inside grains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM, embed
from grainlight.evaluation.metrics import BOUNDARY_ANGLE, disorientation
from grainlight.maps.orientation_map import OrientationMap

BINS = np.arange(BOUNDARY_ANGLE, 95.1, 5.0)
"""Edges of the classes of boundary disorientation [degrees]."""
LOW_ANGLE = 15.0
_SMALLEST = 5  # pixels: below, a grain is likelier a wrong point
_INSIDE = 20  # pixels that a grain must have for a spread of its own

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Microstructure:
    """Statistics of one map; grains are regions within boundaries of 5 degrees, of 5 pixels and more.

    Parameters
    ----------
    grain_size
        Equivalent diameter in pixels of the grain that a pixel is in, on average.
    size_spread
        Standard deviation of the diameters over their mean.
    aspect
        Long over short axis of the grain that a pixel is in, median.
    boundary
        Share of the pairs of neighbours that have a boundary between them: boundary length per area.
    low_angle
        Share of the boundary length with less than 15 degrees.
    neighbour_spread
        Median disorientation in degrees of neighbours without a boundary between them; noise counts.
    neighbour_tail
        The same, 90 % quantile.
    grain_spread
        Root-mean-square deviation in degrees from the mean orientation of the grain that a pixel is in, median.
    disorientations
        Share of the boundary length per class of `BINS`.
    """

    grain_size: float
    size_spread: float
    aspect: float
    boundary: float
    low_angle: float
    neighbour_spread: float
    neighbour_tail: float
    grain_spread: float
    disorientations: tuple[float, ...]


TITLES = {
    "grain_size": "grain diameter, px",
    "size_spread": "spread of diameters / mean",
    "aspect": "aspect ratio of grains",
    "boundary": "neighbour pairs over 5 deg",
    "low_angle": "of these, under 15 deg",
    "neighbour_spread": "neighbours in grain, median deg",
    "neighbour_tail": "neighbours in grain, 90 %, deg",
    "grain_spread": "rms from grain mean, deg",
}
"""The statistics that are one number, and what to call them."""


def describe(full: OrientationMap) -> Microstructure:
    """Return the statistics of the 6/mmm points of a map on a square grid."""
    q, valid = full.quaternions, full.is_6mmm
    index = np.arange(valid.size).reshape(valid.shape)
    pairs = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = valid[a] & valid[b]
        angle = disorientation(q[a][both], q[b][both])
        pairs.append(np.stack((index[a][both], index[b][both], angle)))
    left, right, angle = np.concatenate(pairs, axis=1)
    across = angle > BOUNDARY_ANGLE
    within, edges = angle[~across], angle[across]
    grain = _label(valid, left[~across].astype(int), right[~across].astype(int))
    size = np.bincount(grain[grain >= 0])
    whole = size >= _SMALLEST
    diameter = np.sqrt(4 / np.pi * size)
    of_pixel = grain[grain >= 0]
    kept = of_pixel[whole[of_pixel]]
    fine = of_pixel[size[of_pixel] >= _INSIDE]
    counts = np.histogram(edges, BINS)[0]
    return Microstructure(
        grain_size=_over(np.mean, diameter[kept]),
        size_spread=_over(lambda d: d.std() / d.mean(), diameter[whole]),
        aspect=_over(np.median, _aspects(grain, valid.shape, len(size))[fine]),
        boundary=_over(np.mean, across),
        low_angle=_over(np.mean, edges < LOW_ANGLE),
        neighbour_spread=_over(np.median, within),
        neighbour_tail=_over(lambda a: np.quantile(a, 0.9), within),
        grain_spread=_over(np.median, _spreads(grain, q.reshape(-1, 4), len(size))[fine]),
        disorientations=tuple((counts / max(1, counts.sum())).tolist()),
    )


def _label(valid: NDArray[np.bool_], left: NDArray[np.int_], right: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the number (H W) of the region that each pixel is in, joined by the given pairs; -1 where invalid."""
    graph = coo_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(valid.size, valid.size))
    label = connected_components(graph, directed=False)[1]
    label[~valid.ravel()] = -1
    known, renumbered = np.unique(label, return_inverse=True)
    return renumbered.reshape(-1) - int(known[0] == -1)


def _per_grain(grain: NDArray[np.int_], values: Array, count: int) -> Array:
    """Return the mean of values (H W) over each grain."""
    inside = grain >= 0
    total = np.bincount(grain[inside], values[inside], count)
    return total / np.maximum(np.bincount(grain[inside], minlength=count), 1)


def _aspects(grain: NDArray[np.int_], shape: tuple[int, int], count: int) -> Array:
    """Return the ratio of the axes of the ellipse with each grain's moments (a pixel is a square, not a point)."""
    row, col = (x.ravel().astype(float) for x in np.indices(shape))
    r, c = (_per_grain(grain, x, count) for x in (row, col))
    rr, cc, rc = (_per_grain(grain, x, count) for x in (row * row, col * col, row * col))
    a, b, d = rr - r * r + 1 / 12, cc - c * c + 1 / 12, rc - r * c
    middle, apart = (a + b) / 2, np.hypot((a - b) / 2, d)
    return np.sqrt((middle + apart) / np.maximum(middle - apart, 1e-9))


def _spreads(grain: NDArray[np.int_], q: Array, count: int) -> Array:
    """Return each grain's rms angle from its mean orientation, by the variance in the embedding."""
    e = embed(torch.from_numpy(np.ascontiguousarray(q)), dim=-1).numpy()
    mean = np.stack([_per_grain(grain, channel, count) for channel in e.T])
    return np.sqrt(np.maximum(SQUARED_NORM - (mean**2).sum(axis=0), 0.0)) / PER_DEGREE


def _over(function, values) -> float:
    return float(function(values)) if len(values) else float("nan")
