"""What classical methods say in the places of held-back points: the nearest kept point, and the guided copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.evaluation.baselines.smooth_light import GROUP, SPREAD, finite_noise
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.inputs import Inputs
from grainlight.restore.points.grid import pixels

_NEAR = 24  # kept points among which the copy looks
_DISTANCE = 1.0  # cost of a point one step away, in squared standard deviations, as in `guided_copy`

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointLight:
    """The calibrated light at the points of a map: harmonics (h, w, 5) and the noise of each (h, w, 5)."""

    state: Array
    sigma: Array


def light_at_points(ebsd: OrientationMap, inputs: Inputs, scale: int) -> PointLight | None:
    """Return what the calibrated light is at every point; None where there is no light to use."""
    if inputs.light is None:
        return None
    row, column = np.moveaxis(pixels(ebsd, scale), -1, 0)
    state, sigma = np.zeros((*ebsd.shape, 5)), np.full((*ebsd.shape, 5), np.inf)
    for window in inputs.windows:
        rows, columns = window.outer
        inside = (row >= rows.start) & (row < rows.stop) & (column >= columns.start) & (column < columns.stop)
        light = inputs.light.part(window)
        at = row[inside] - rows.start, column[inside] - columns.start
        state[inside] = light.state.numpy()[:, *at].T
        sigma[inside] = light.sigma.numpy()[GROUP][:, *at].T
    return PointLight(state, finite_noise(sigma))


def nearest_kept(ebsd: OrientationMap, held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the flat index (n,) of the kept indexed point that is nearest to each point held back (h, w)."""
    kept = np.flatnonzero(ebsd.indexed & ~held)
    return kept[cKDTree(_places(ebsd)[kept]).query(_places(ebsd)[held.ravel()])[1]]


def guided_kept(ebsd: OrientationMap, held: NDArray[np.bool_], light: PointLight) -> NDArray[np.int64]:
    """Return the flat index (n,) of the kept indexed point, of the nearest 24, whose light is most like that of each
    point held back (h, w), as `evaluation.baselines.guided_copy` weighs likeness and distance."""
    kept, here = np.flatnonzero(ebsd.indexed & ~held), np.flatnonzero(held)
    places = _places(ebsd)
    distance, index = cKDTree(places[kept]).query(places[here], k=np.arange(1, min(_NEAR, len(kept)) + 1))
    there = kept[index]
    state, variance = light.state.reshape(-1, 5), light.sigma.reshape(-1, 5) ** 2 + SPREAD**2
    unlike = (state[here][:, None] - state[there]) ** 2 / (variance[here][:, None] + variance[there])
    cost = unlike.sum(-1) + _DISTANCE * (distance / max(ebsd.step)) ** 2
    return np.take_along_axis(there, cost.argmin(1)[:, None], 1)[:, 0]


def _places(ebsd: OrientationMap) -> Array:
    return np.nan_to_num(np.stack((ebsd.x.ravel(), ebsd.y.ravel()), -1))
