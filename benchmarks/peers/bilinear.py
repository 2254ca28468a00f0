"""Bilinear interpolation of quaternions between the points of the coarse grid, aware of crystal symmetry.

The interpolation that super-resolution papers of EBSD compare with (Jangid et al., npj Comput. Mater. 8 (2022) 255):
a weighted mean of the four corners' quaternions. Adapted: the corners are first replaced by their equivalents under
622 that are closest to the nearest corner's, without which the mean of two readings of one grain is any orientation.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import rotations
from grainlight.crystal.quaternion import multiply
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method

_LEAST = 1e-12  # weight under which a corner does not count


def bilinear() -> Method:
    """Return the method; it uses EBSD alone and has no constants."""

    def method(task: Task) -> Answer:
        return Answer(interpolate(task.quaternions, task.measured, task.scale))

    return method


def interpolate(quaternions: NDArray[np.float64], measured: NDArray[np.bool_], scale: int) -> NDArray[np.float64]:
    """Fill a map by bilinear interpolation; where a corner of the cell is missing, with the nearest measured point.

    Parameters
    ----------
    quaternions
        (H, W, 4), of which only the measured ones count.
    measured
        (H, W) bool.
    scale
        Distance of the coarse points in pixels; the first is at the first pixel.

    Returns
    -------
    (H, W, 4); measured pixels as they were.
    """
    filled = nearest(quaternions, measured)
    wanted = np.argwhere(~measured)
    low = wanted // scale * scale
    high = np.minimum(low + scale, np.array(measured.shape) - 1)
    share = (wanted - low) / scale
    corners, weights = [], []
    for row, down in ((low[:, 0], 1 - share[:, 0]), (high[:, 0], share[:, 0])):
        for col, right in ((low[:, 1], 1 - share[:, 1]), (high[:, 1], share[:, 1])):
            corners.append((row, col))
            weights.append(down * right)
    weight = np.stack(weights, axis=-1)
    whole = np.all([measured[at] | (w < _LEAST) for at, w in zip(corners, weights, strict=True)], axis=0)
    points = np.stack([quaternions[at] for at in corners], axis=-2)[whole]
    filled[tuple(wanted[whole].T)] = weighted_mean(points, weight[whole])
    return filled


def weighted_mean(points: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean (P, 4) of orientations (P, K, 4) with weights (P, K), all seen from the heaviest one."""
    q = torch.from_numpy(points)
    first = torch.from_numpy(weight.argmax(axis=-1))[:, None, None].expand(-1, 1, 4)
    heaviest = q.gather(1, first)
    same = multiply(rotations()[:, None, None], q)  # (12, P, K, 4): the crystal's symmetry acts on the left
    likeness = (same * heaviest).sum(-1)
    best = likeness.abs().argmax(0)[None]
    q = same.gather(0, best[..., None].expand(1, *q.shape))[0] * likeness.gather(0, best)[0].sign()[..., None]
    mean = (q * torch.from_numpy(weight)[..., None]).sum(1)
    return torch.nn.functional.normalize(mean, dim=-1).numpy()
