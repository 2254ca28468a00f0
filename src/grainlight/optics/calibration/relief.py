"""Brightness of places from points of known c-axis: smooth light, and reflectance (stains, polish relief, oxide)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from grainlight.optics.calibration.robust import cauchy_weight, spread
from grainlight.optics.forward.illumination import Relief, flat_relief

_REACH = 1.0  # kernel, in cells; a cell holds about one point
_PRIOR = 0.15  # what brightness deviates by where nothing is known
_ROUNDS = 8
_UNEVEN = 0.3  # a priori standard deviation of the coefficients of the smooth light


def fit_smooth_light(
    parts: Sequence[Tensor], targets: Sequence[Tensor], weight: Sequence[Tensor], noise: Sequence[float], basis: Tensor
) -> Tensor:
    """Return the coefficients of a smooth light that brings models closest to measurements.

    Parameters
    ----------
    parts, targets
        Per group (P,), real or complex: what even light would show at the points, and what was measured.
    weight, noise
        Per group: weight (P,) of the points, and standard deviation.
    basis
        (terms, P) of `polynomial` at the points.

    Returns
    -------
    (terms,), the first 1.
    """
    prior = torch.full((len(basis),), 1 / _UNEVEN**2, dtype=torch.float64)
    normal, right = torch.diag(prior), torch.zeros_like(prior)
    right[0] = prior[0]
    for part, target, w, sigma in zip(parts, targets, weight, noise, strict=True):
        scaled = w / sigma**2
        normal = normal + (basis * (scaled * part.abs() ** 2)) @ basis.T
        right = right + basis @ (scaled * (part.conj() * target).real)
    solution = torch.linalg.solve(normal, right)
    return solution / solution[0].clamp_min(1e-3)


def fit_relief(measured: Tensor, model: Tensor, noise: float, positions: Tensor, shape: tuple[int, int]) -> Relief:
    """Estimate the brightness of each neighbourhood.

    Parameters
    ----------
    measured, model
        (P,) what was seen at the points without stray light, and what an even section would have shown.
    noise
        Standard deviation of `measured`.
    positions
        (P, 2) row and column [pixels].
    shape
        Rows and columns of the image.
    """
    if len(positions) < 100:
        return flat_relief(shape)
    cells = _Cells(positions, shape)
    weight = torch.ones_like(measured)
    # points deviate by more than their noise: brightness also changes from grain to grain, which no kernel resolves
    deviation = max(noise, spread(measured - model))
    relief = flat_relief(shape)
    for _ in range(_ROUNDS):
        scaled = weight / deviation**2
        smooth = cells.smooth(torch.stack((scaled * model * measured, scaled * model * model)), _REACH)
        relief = Relief((smooth[0] + 1 / _PRIOR**2) / (smooth[1] + 1 / _PRIOR**2), shape)
        residual = measured - model * relief.at(positions[:, 0], positions[:, 1])
        deviation = max(0.3 * noise, spread(residual), 1e-300)
        weight = cauchy_weight(residual, deviation)
    return Relief(relief.factor.clamp(0.1, 3.0), shape)


def local_mean(values: Tensor, positions: Tensor, shape: tuple[int, int], reach: float, prior: float) -> Relief:
    """Return the mean of values (P,) in the neighbourhood of every place, one point's worth of `prior` mixed in.

    `reach` is the standard deviation of the neighbourhood in distances between points.
    """
    smooth = _Cells(positions, shape).smooth(torch.stack((values, torch.ones_like(values))), reach)
    return Relief((smooth[0] + prior) / (smooth[1] + 1), shape)


class _Cells:
    """A grid over an image with about one point a cell."""

    def __init__(self, positions: Tensor, shape: tuple[int, int]) -> None:
        side = math.sqrt(shape[0] * shape[1] / len(positions))
        self.high, self.wide = max(1, round(shape[0] / side)), max(1, round(shape[1] / side))
        row = ((positions[:, 0] + 0.5) * (self.high / shape[0])).long().clamp(0, self.high - 1)
        column = ((positions[:, 1] + 0.5) * (self.wide / shape[1])).long().clamp(0, self.wide - 1)
        self.index = row * self.wide + column

    def smooth(self, values: Tensor, reach: float) -> Tensor:
        """Return Gaussian-weighted sums (n, h, w) of values (n, P); the nearest cell counts one."""
        sums = torch.zeros(len(values), self.high * self.wide, dtype=torch.float64)
        sums.index_add_(1, self.index, values)
        radius = math.ceil(3 * reach)
        x = torch.arange(-radius, radius + 1, dtype=sums.dtype)
        kernel = torch.exp(-0.5 * (x / reach) ** 2)
        found = functional.pad(sums.view(-1, self.high, self.wide), (radius, radius, radius, radius))
        for axis, count in ((1, self.high), (2, self.wide)):
            total = found.narrow(axis, radius, count) * kernel[radius]
            for k in range(radius):
                total += (found.narrow(axis, k, count) + found.narrow(axis, 2 * radius - k, count)).mul_(kernel[k])
            found = total
        return found
