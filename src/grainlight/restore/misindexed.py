"""Misindexed points: alone among their neighbours, and not what the light shows.

A wrong orientation is as likely as any other and never repeats, so a wrong point agrees with none of its neighbours. So
does a grain or a twin that the EBSD grid met only once. What tells the two apart is the light, which knows the c-axis
of every pixel, and how much the neighbours agree among themselves. Points found wrong are not used: the restoration
predicts them as if nothing had been measured there.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import EBSD, GROUP_SIZES, LIGHT, is_unknown
from grainlight.restore.grain_light import expected_light

_NEIGHBOURS = 8
# Agreement within this many degrees and three standard deviations of the noise is agreement.
_AGREE = 5.0
# Noise of the light beyond its stated level: blur into the neighbours, the grain's own offset (canonical units).
_FLOOR = 0.15
# Evidence (natural logarithm) per neighbour of a consensus beyond this many.
_PER_NEIGHBOUR, _CONSENSUS = 0.7, 4.0
# Without light there is only the grid: where it is fine (this share of neighbours agree) a smaller consensus is enough,
# where it is coarse many a grain was met once; more lonely points than the last share are grains, not errors.
_FINE, _CONSENSUS_FINE, _CONSENSUS_COARSE, _MOST = 0.75, 2.5, 5.5, 0.06


def find_misindexed(measurement: Tensor, sigma: Tensor) -> NDArray[np.bool_]:
    """Return measured pixels (H, W) that are most likely misindexed.

    Parameters
    ----------
    measurement, sigma
        Joint state (23, H, W) and its noise levels (4, H, W).
    """
    rows, columns = sigma.shape[1:]
    out = np.zeros((rows, columns), dtype=bool)
    flat = (~is_unknown(sigma[0])).reshape(-1).nonzero()[:, 0]
    if len(flat) <= _NEIGHBOURS:
        return out
    e = measurement[EBSD].reshape(18, -1)[:, flat].T
    at = np.stack(np.divmod(flat.numpy(), columns), -1).astype(np.float64)
    near = torch.from_numpy(cKDTree(at).query(at, k=_NEIGHBOURS + 1, workers=-1)[1][:, 1:])
    level = sigma[0].reshape(-1)[flat]
    # Three tangent directions, and two noisy points.
    limit = _AGREE * PER_DEGREE + 3 * (3 * (level[:, None] ** 2 + level[near] ** 2)).sqrt()
    apart = torch.stack([(e - e[near[:, k]]).norm(dim=1) for k in range(_NEIGHBOURS)], 1)
    lonely = (apart > limit).all(1).nonzero()[:, 0]
    if not len(lonely):
        return out
    around = e[near[lonely]]
    agree = torch.cdist(around, around, compute_mode="use_mm_for_euclid_dist") < limit[lonely][:, None]
    consensus = agree.sum(-1).amax(-1)
    blind = bool(is_unknown(sigma[1:]).all())
    fine = float((apart < limit)[:, :4].float().mean()) > _FINE
    needed = (_CONSENSUS_FINE if fine else _CONSENSUS_COARSE) if blind else _CONSENSUS
    evidence = _PER_NEIGHBOUR * (consensus - needed)
    if blind:
        if len(lonely) > _MOST * len(flat):
            return out
    else:
        seen = measurement[LIGHT].reshape(5, -1)[:, flat[lonely]]
        noise = sigma[1:].repeat_interleave(torch.tensor(GROUP_SIZES[1:]), 0).reshape(5, -1)[:, flat[lonely]]
        weight = torch.where(is_unknown(noise), 0.0, 1 / (noise**2 + _FLOOR**2))
        choices = torch.cat((e[lonely][:, None], around), 1)
        expected = expected_light(choices.reshape(-1, 18).T[:, None])[:, 0].reshape(5, *choices.shape[:2])
        misfit = ((seen[..., None] - expected).square() * weight[..., None]).sum(0)
        evidence = evidence + 0.5 * (misfit[:, 0] - misfit[:, 1:].amin(-1))
    out.reshape(-1)[flat[lonely[evidence > 0]].numpy()] = True
    return out
