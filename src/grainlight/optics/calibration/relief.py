"""Local brightness of a section (stains, polish relief, oxide) from points of known c-axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from grainlight.optics.calibration.robust import cauchy_weight, spread

_REACH = 1.0  # kernel, in cells; a cell holds about one point
_PRIOR = 0.15  # what brightness deviates by where nothing is known
_ROUNDS = 8


@dataclass(frozen=True)
class Relief:
    """Brightness relative to a smooth light, on a coarse grid over an image of `shape`.

    Parameters
    ----------
    factor
        (h, w): the brightness, about 1.
    shape
        Rows and columns of the image that the grid covers, in pixels.
    """

    factor: Tensor
    shape: tuple[int, int]

    def at(self, row: Tensor, column: Tensor) -> Tensor:
        """Return the brightness at pixel positions, (R, 1) rows by (C,) columns or equal shapes; linear in between."""
        if row.ndim == 2 and row.shape[1] == 1 and column.ndim == 1:
            return self._on_lattice(row[:, 0], column)
        row, column = torch.broadcast_tensors(row, column)
        high, wide = self.factor.shape
        y = ((row + 0.5) * (high / self.shape[0]) - 0.5).clamp(0, high - 1)
        x = ((column + 0.5) * (wide / self.shape[1]) - 0.5).clamp(0, wide - 1)
        y0, x0 = y.floor().long().clamp(max=max(high - 2, 0)), x.floor().long().clamp(max=max(wide - 2, 0))
        y1, x1 = (y0 + 1).clamp(max=high - 1), (x0 + 1).clamp(max=wide - 1)
        fy, fx = y - y0, x - x0
        table = self.factor.to(row.device, row.dtype if row.is_floating_point() else torch.float32)
        top = table[y0, x0] * (1 - fx) + table[y0, x1] * fx
        low = table[y1, x0] * (1 - fx) + table[y1, x1] * fx
        return top * (1 - fy) + low * fy

    def _on_lattice(self, row: Tensor, column: Tensor) -> Tensor:
        """Return the brightness (R, C) at rows (R,) by columns (C,)."""
        found = self.factor.to(row.device, row.dtype)
        for axis, (at, size) in enumerate(zip((row, column), self.shape, strict=True)):
            count = found.shape[axis]
            place = ((at + 0.5) * (count / size) - 0.5).clamp(0, count - 1)
            low = place.floor().long().clamp(max=max(count - 2, 0))
            share = (place - low)[:, None] if axis == 0 else place - low
            high = (low + 1).clamp(max=count - 1)
            found = torch.lerp(found.index_select(axis, low), found.index_select(axis, high), share)
        return found


def flat_relief(shape: tuple[int, int]) -> Relief:
    """Return the relief of an even section."""
    return Relief(torch.ones(1, 1, dtype=torch.float64), shape)


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
    # points scatter by more than their noise: brightness also changes from grain to grain, which no kernel resolves
    scatter = max(noise, spread(measured - model))
    relief = flat_relief(shape)
    for _ in range(_ROUNDS):
        scaled = weight / scatter**2
        smooth = cells.smooth(torch.stack((scaled * model * measured, scaled * model * model)), _REACH)
        relief = Relief((smooth[0] + 1 / _PRIOR**2) / (smooth[1] + 1 / _PRIOR**2), shape)
        residual = measured - model * relief.at(positions[:, 0], positions[:, 1])
        scatter = max(0.3 * noise, spread(residual), 1e-300)
        weight = cauchy_weight(residual, scatter)
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
