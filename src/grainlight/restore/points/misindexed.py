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

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.state import EBSD, LIGHT, group_to_channel_light, is_unknown
from grainlight.optics.forward.curves import IDEAL


def find_misindexed(measurement: Tensor, sigma: Tensor, phase_id: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return measured pixels (H, W) that are most likely misindexed.

    Parameters
    ----------
    measurement, sigma
        Joint state (23, H, W) and its noise levels (4, H, W).
    phase_id
        Phase (H, W) of every pixel: points of another phase are no neighbours.
    """
    its = constants().misindexed
    rows, columns = sigma.shape[1:]
    out = np.zeros((rows, columns), dtype=bool)
    flat = (~is_unknown(sigma[0])).reshape(-1).nonzero()[:, 0]
    if len(flat) <= its.neighbours:
        return out
    e = measurement[EBSD].reshape(18, -1)[:, flat].T
    at = np.stack(np.divmod(flat.numpy(), columns), -1).astype(np.float64)
    distance, index = cKDTree(at).query(at, k=its.neighbours + 1, workers=-1)
    near = torch.from_numpy(index[:, 1:])
    phase = torch.from_numpy(phase_id.reshape(-1).astype(np.int64))[flat]
    counts = torch.from_numpy(distance[:, 1:] <= its.reach * np.median(distance[:, 1]))
    counts &= phase[near] == phase[:, None]
    level = sigma[0].reshape(-1)[flat]
    # The stated noise of a point counts up to twice the median: low quality must not explain its isolation.
    level = torch.minimum(level, 2 * level.median())
    # Three tangent directions, and two noisy points.
    limit = its.agree * PER_DEGREE + 3 * (3 * (level[:, None] ** 2 + level[near] ** 2)).sqrt()
    agrees = torch.stack([_apart(e, e, near[:, k]) for k in range(its.closest)], 1) < limit[:, : its.closest]
    isolated = ((~agrees | ~counts[:, : its.closest]).all(1) & (counts.sum(1) >= its.fewest)).nonzero()[:, 0]
    # The others are asked where the closest do not agree.
    for k in range(its.closest, its.neighbours):
        alone = (_apart(e[isolated], e, near[isolated, k]) >= limit[isolated, k]) | ~counts[isolated, k]
        isolated = isolated[alone]
    if not len(isolated):
        return out
    around, heard = e[near[isolated]], counts[isolated]
    alike = torch.cdist(around, around, compute_mode="use_mm_for_euclid_dist") < limit[isolated][:, None]
    alike &= heard[:, None] & heard[..., None]
    size, leader = alike.sum(-1).max(-1)
    blind = is_unknown(sigma[1:]).all(0).reshape(-1)[flat[isolated]]
    fine = float(agrees.float().mean()) > its.fine
    needed = torch.where(blind, its.consensus_fine if fine else its.consensus_coarse, its.consensus)
    # The light of the point against that of its neighbours' consensus: light that neither explains is no evidence.
    consensus = alike[torch.arange(len(isolated)), leader]
    misfit = _misfit(measurement, sigma, flat[isolated], torch.cat((e[isolated][:, None], around), 1))
    rest = misfit[:, 1:].masked_fill(~consensus, torch.inf).amin(-1)
    evidence = its.per_neighbour * (size - needed) + torch.where(blind, 0.0, 0.5 * (misfit[:, 0] - rest))
    wrong = (evidence > 0) & (size >= 2)
    if len(isolated) > its.most_lonely * len(flat):
        wrong &= ~blind
    if wrong.sum() <= its.most * len(flat):
        out.reshape(-1)[flat[isolated[wrong]].numpy()] = True
    return out


def _apart(e: Tensor, of: Tensor, index: Tensor) -> Tensor:
    """Distance (n,) of embeddings (n, 18) from those with an index (n,)."""
    return (e - of.index_select(0, index)).norm(dim=1)


def _misfit(measurement: Tensor, sigma: Tensor, flat: Tensor, choices: Tensor) -> Tensor:
    """Squared misfit (n, k) of the light of n pixels with that of k embeddings (n, k, 18), in units of its noise."""
    seen = measurement[LIGHT].reshape(5, -1)[:, flat]
    noise = group_to_channel_light(sigma[1:]).reshape(5, -1)[:, flat]
    weight = torch.where(is_unknown(noise), 0.0, 1 / (noise**2 + constants().misindexed.floor ** 2))
    expected = IDEAL.of_embedding(choices.reshape(-1, 18).T[:, None])[:, 0].reshape(5, *choices.shape[:2])
    return ((seen[..., None] - expected).square() * weight[..., None]).sum(0)
