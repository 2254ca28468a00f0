"""Places whose light follows the c-axes with a gain of their own: stains, films, dim tiles.

The local brightness of a calibration is found from the first harmonic, and between points of one kind it is smooth. A
film leaves another share of stray light than of polarized light, and has an edge: what is left wrong is little, but
where noise is low the points contradict it all the same.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.point_light import PointLight
from grainlight.optics.forward.illumination import Relief

_WITHIN = 0.3, 2.0  # gains of a film
_AROUND = 12  # points that a gain is found from
_ROUNDS = 6


def with_own_gain(calibration: Calibration, light: PointLight, points: Tensor, share: Tensor) -> Calibration:
    """Return a calibration whose light has, around some points, the gain that polarized light has there.

    Parameters
    ----------
    light
        Harmonics at the points.
    points
        (P,) bool: those around which it is asked.
    share
        (h, w) of a grid over the image: cells with such points are above 0.
    """
    polar = [k for k in (1, 2, 3, 4) if calibration.signal[(k + 1) // 2]]
    if not polar or not bool(points.any()):
        return calibration
    row, column = light.positions[points].T
    state = calibration.canonical(light.coefficients[:, points], calibration.illumination.at(row, column))[polar]
    expected = calibration.expected(light.c_axes[points])[polar]
    high, wide = share.shape
    y = (torch.arange(high, dtype=torch.float64) + 0.5) * (light.shape[0] / high) - 0.5
    x = (torch.arange(wide, dtype=torch.float64) + 0.5) * (light.shape[1] / wide) - 0.5
    relief = calibration.illumination.relief.at(y[:, None], x)
    where = (share > 0).nonzero()
    at = torch.stack((y[where[:, 0]], x[where[:, 1]]), 1).numpy()
    index = cKDTree(light.positions[points].numpy()).query(at, k=min(_AROUND, int(points.sum())))[1]
    gain = _gain(state[:, index.reshape(len(at), -1)], expected[:, index.reshape(len(at), -1)])
    relief[where[:, 0], where[:, 1]] *= gain
    return replace(calibration, illumination=calibration.illumination.with_relief(Relief(relief, light.shape)))


def _gain(seen: Tensor, expected: Tensor) -> Tensor:
    """The gain (n,) by which light (C, n, k) follows what is expected, robustly; 1 where it is none of a film."""
    along, size = (seen * expected).sum(0), expected.square().sum(0)
    weight = torch.ones_like(size)
    gain = torch.ones(len(size), dtype=torch.float64)
    for _ in range(_ROUNDS):
        gain = (weight * along).sum(1) / (weight * size).sum(1).clamp_min(1e-12)
        missed = (seen - gain[:, None] * expected).square().sum(0).sqrt()
        usual = missed.median(1, keepdim=True).values.clamp_min(1e-12)
        weight = 1 / (1 + (missed / (2 * usual)).square())
    return torch.where((gain > _WITHIN[0]) & (gain < _WITHIN[1]), gain, 1.0)
