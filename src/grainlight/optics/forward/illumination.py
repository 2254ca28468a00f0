"""How bright places of an image are: the unevenness of the light, and the reflectance of places of the section."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Relief:
    """Reflectance of places (stains, polish relief, oxide) relative to a smooth light, on a coarse grid over an image.

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


@dataclass(frozen=True)
class Illumination:
    """Brightness of places of an image, mean about 1.

    Parameters
    ----------
    light
        Coefficients of the smooth light in `polynomial` over `shape`; the first is 1.
    relief
        Local brightness on top.
    shape, order
        Image size in pixels and order of the smooth light.
    """

    light: Tensor
    relief: Relief
    shape: tuple[int, int]
    order: int

    def at(self, row: Tensor, column: Tensor) -> Tensor:
        """Return the brightness at pixel positions, broadcast together; (R, 1) rows by (C,) columns are fastest."""
        even = polynomial_at(self.light, row, column, self.shape, self.order).clamp_min(0.1)
        return even * self.relief.at(row, column)

    def with_relief(self, relief: Relief) -> Illumination:
        """Return the same light on a section of another relief."""
        return replace(self, relief=relief)


def order_for(points: int) -> int:
    """Return the order of the smooth light that so many points determine."""
    return 0 if points < 40 else 1 if points < 100 else 2 if points < 400 else 3


def polynomial(row: Tensor, column: Tensor, shape: tuple[int, int], order: int) -> Tensor:
    """Return products of Legendre polynomials up to a total order, (terms, ...), over an image of `shape` (H, W).

    Parameters
    ----------
    row, column
        Positions [pixels], any shape, broadcast together.
    shape
        Rows and columns that span -1 to 1.
    order
        Total degree, 0 to 3; the first term is 1.
    """
    y = 2 * (row + 0.5) / shape[0] - 1
    x = 2 * (column + 0.5) / shape[1] - 1
    along_y, along_x = _legendre(y), _legendre(x)
    terms = [along_y[i] * along_x[j - i] for j in range(order + 1) for i in range(j + 1)]
    return torch.stack(torch.broadcast_tensors(*terms))


def polynomial_at(coefficients: Tensor, row: Tensor, column: Tensor, shape: tuple[int, int], order: int) -> Tensor:
    """Return the sum of the terms of `polynomial` times coefficients (terms,), without the terms where rows (R, 1) and
    columns (C,) span a grid."""
    if row.ndim != 2 or row.shape[1] != 1 or column.ndim != 1:
        return torch.tensordot(coefficients.to(row), polynomial(row, column, shape, order), dims=1)
    table = torch.zeros(4, 4, dtype=row.dtype, device=row.device)
    places = [(i, j - i) for j in range(order + 1) for i in range(j + 1)]
    for (i, j), value in zip(places, coefficients.tolist(), strict=True):
        table[i, j] = value
    along_y = torch.cat(_legendre(2 * (row + 0.5) / shape[0] - 1), 1)
    along_x = torch.stack(_legendre(2 * (column + 0.5) / shape[1] - 1))
    return along_y @ (table @ along_x)


def _legendre(t: Tensor) -> list[Tensor]:
    return [torch.ones_like(t), t, 1.5 * t * t - 0.5, (2.5 * t * t - 1.5) * t]
