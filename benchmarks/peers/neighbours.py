"""The c-axis learned from light on the measured points of the same task: k nearest neighbours and a random forest.

The way of Wittwer & Seita, npj Comput. Mater. 8 (2022) 8, who train a regressor from optical signals to orientations on
the EBSD of a part of the sample; a network in their case, which the few points of one coarse map cannot train. Adapted:
polarized light knows the c-axis only, and up to a sign of its tilt, so a pixel takes the orientation of the nearby
measured point that agrees best with the predicted c-axis. The light is first filtered as for the guided copy.

The constants were chosen on synthetic tuning sections of all families at scales 2 and 4, corrupted light, for the mean
F1 of boundary edges, and the error near boundaries where that is alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.embedding import W2, embed
from grainlight.errors import InputError
from grainlight.evaluation.baselines.candidates import Candidates
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.baselines.smooth_light import GROUP, SPREAD, denoised, finite_noise
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method

if TYPE_CHECKING:
    from sklearn.base import RegressorMixin

Array = NDArray[np.float64]

_NEIGHBOURS = 5
_TREES = 100
_LEAF = 2  # measured points in a leaf at least
_DISTANCE = 0.2  # cost of a candidate one point spacing away, in squared units of the c-axis harmonics


def k_neighbours() -> Method:
    """Return the method with the mean of the k points whose light is most alike (scikit-learn)."""

    def method(task: Task) -> Answer:
        neighbors = _sklearn("neighbors")
        return _restored(task, neighbors.KNeighborsRegressor(_NEIGHBOURS, weights="distance"))

    return method


def random_forest() -> Method:
    """Return the method with a forest of 100 trees (Breiman 2001; scikit-learn)."""

    def method(task: Task) -> Answer:
        ensemble = _sklearn("ensemble")
        forest = ensemble.RandomForestRegressor(_TREES, min_samples_leaf=_LEAF, random_state=0, n_jobs=1)
        return _restored(task, forest)

    return method


def fill(
    quaternions: Array,
    measured: NDArray[np.bool_],
    light: Array,
    sigma: Array,
    regressor: RegressorMixin,
    distance: float = _DISTANCE,
) -> Array:
    """Fill a map with the nearby measured orientations that agree best with the c-axes that the light predicts.

    Parameters
    ----------
    quaternions
        (H, W, 4), of which only the measured ones count.
    measured
        (H, W) bool.
    light, sigma
        (5, H, W) canonical harmonics and (3, H, W) noise of one channel per group, infinite where it is unknown.
    regressor
        Of scikit-learn, not yet fitted: from five features to the five l = 2 harmonics of the c-axis.
    distance
        Cost of a candidate one point spacing away, in squared units of these harmonics (whose norm is 1).

    Returns
    -------
    (H, W, 4); measured pixels as they were.
    """
    filled = nearest(quaternions, measured)
    light, sigma = denoised(light, finite_noise(sigma))
    scale = np.sqrt(np.median(sigma, axis=(1, 2)) ** 2 + SPREAD**2)[GROUP]
    features = np.moveaxis(light / scale[:, None, None], 0, -1)
    wanted = np.argwhere(~measured)
    if not len(wanted):
        return filled
    axes = embed(torch.from_numpy(quaternions[measured]))[:, :5].numpy() / W2
    regressor.fit(features[measured], axes)  # type: ignore[attr-defined]
    predicted = regressor.predict(features[~measured])  # type: ignore[attr-defined]
    candidates = Candidates(measured)
    apart, index = candidates.near(wanted)
    cost = ((predicted[:, None] - axes[index]) ** 2).sum(-1) + distance * (apart / candidates.spacing) ** 2
    chosen = candidates.cheapest(index, cost)
    filled[tuple(wanted.T)] = quaternions[tuple(chosen.T)]
    return filled


def _restored(task: Task, regressor: RegressorMixin) -> Answer:
    if task.light is None or task.sigma is None:
        raise InputError("the c-axis is learned from light, and there is none")
    return Answer(fill(task.quaternions, task.measured, task.light, task.sigma, regressor))


def _sklearn(part: str) -> Any:
    try:
        if part == "neighbors":
            from sklearn import neighbors as found
        else:
            from sklearn import ensemble as found
    except ImportError:
        raise InputError(
            "scikit-learn is not installed", advice="install the group of the benchmarks: pip install -e .[bench]"
        ) from None
    return found
