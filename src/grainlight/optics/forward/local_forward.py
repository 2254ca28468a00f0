"""The blurred light of a map whose pixels change a subgrid at a time, and how it fits, for the chain.

Of pixels that are some way apart a blur's sum is needed only there, and their change reaches only so far: both cost a
fraction of blurring whole images.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from grainlight.maps.strips import with_halo
from grainlight.optics.forward.misfit import robust_weight
from grainlight.optics.forward.point_spread import blur_strips, blurred


@dataclass(frozen=True)
class Subgrid:
    """Every ``stride``-th row and column of an image, from the ``first`` ones; ``shape`` of the subgrid."""

    first: tuple[int, int]
    stride: int
    shape: tuple[int, int]

    def index(self, row: Tensor, column: Tensor) -> Tensor:
        """Flat index (n,) in the subgrid of some of its pixels."""
        return row // self.stride * self.shape[1] + column // self.stride


def subgrids(shape: tuple[int, int], stride: int) -> list[Subgrid]:
    """All subgrids of a stride that hold a pixel: together the image."""
    sides = [[(first, -(-(side - first) // stride)) for first in range(min(stride, side))] for side in shape]
    return [Subgrid((r, c), stride, (rows, columns)) for r, rows in sides[0] for c, columns in sides[1]]


@dataclass(frozen=True, eq=False)
class Field:
    """Measured light (5, H, W), its precision, and the kernel of the blur."""

    light: Tensor
    precision: Tensor
    kernel: Tensor


class LocalForwardModel:
    """How far measured light is from the blurred light of a map, kept up to date.

    ``residual`` and ``precision`` (5, H, stride, W / stride), columns that are a stride apart side by side.
    """

    def __init__(self, expected: Tensor, field: Field, stride: int) -> None:
        """Begin with light (5, H, W) before the blur; subgrids of a ``stride`` will be asked and changed."""
        self.kernel, self.stride = field.kernel, stride
        self.rows, self.columns = expected.shape[1], expected.shape[2]
        shape = (len(expected), self.rows, stride, -(-self.columns // stride))
        # Beyond the last column nothing was measured: precision zero.
        self.residual, self.precision = field.light.new_zeros(2, *shape)
        for strip in blur_strips(self.rows, self.columns):
            wide, inner = with_halo(strip, len(self.kernel) // 2, self.rows)
            seen = blurred(expected[:, wide], self.kernel)[:, inner]
            for first in range(min(stride, self.columns)):
                count = -(-(self.columns - first) // stride)
                part = (slice(None), strip, slice(first, None, stride))
                self.residual[:, strip, first, :count] = field.light[part] - seen[..., first::stride]
                self.precision[:, strip, first, :count] = field.precision[part]

    def add(self, subgrid: Subgrid, at: Tensor, change: Tensor) -> None:
        """Change the light of pixels of a subgrid, flat indices (n,) in it, by so much (5, n)."""
        kernel = self.kernel.tolist()
        dense = change.new_zeros(len(change), subgrid.shape[0] * subgrid.shape[1])
        dense.index_copy_(1, at, change)
        half, columns, first = len(kernel) // 2, subgrid.shape[1], subgrid.first[1]
        wide = change.new_zeros(len(change), subgrid.shape[0], *self.residual.shape[2:])
        dense = dense.view(-1, *subgrid.shape)
        for shift, weight in enumerate(kernel, -half):
            low, high = _reach(first + shift, self.stride, columns, self.columns)
            if high > low:
                self._columns(wide, first + shift + low * self.stride, high - low).add_(
                    dense[..., low:high], alpha=weight
                )
        # The first and the last column stand for all beyond.
        for away in range(min(half, self.columns)):
            tail = sum(kernel[half + away + 1 :])
            if first == 0:
                self._columns(wide, away, 1).add_(dense[..., :1], alpha=tail)
            if first + (columns - 1) * self.stride == self.columns - 1:
                self._columns(wide, self.columns - 1 - away, 1).add_(dense[..., -1:], alpha=tail)
        first, rows = subgrid.first[0], subgrid.shape[0]
        for shift, weight in enumerate(kernel, -half):
            low, high = _reach(first + shift, self.stride, rows, self.rows)
            if high > low:
                start = first + shift + low * self.stride
                part = self.residual[:, start : start + (high - low - 1) * self.stride + 1 : self.stride]
                part.sub_(wide[:, low:high], alpha=weight)
        for away in range(min(half, self.rows)):
            tail = sum(kernel[half + away + 1 :])
            if first == 0:
                self.residual[:, away].sub_(wide[:, 0], alpha=tail)
            if first + (rows - 1) * self.stride == self.rows - 1:
                self.residual[:, self.rows - 1 - away].sub_(wide[:, -1], alpha=tail)

    def terms(self, subgrid: Subgrid, at: Tensor) -> tuple[Tensor, Tensor]:
        """First and second derivative (5, n) of the robust misfit by the light of pixels of a subgrid (n,)."""
        stride, half = self.stride, len(self.kernel) // 2
        kernels = (self.kernel.tolist(), (self.kernel**2).tolist())
        out = self.residual.new_zeros(2, len(self.residual), *subgrid.shape)
        for rows in blur_strips(self.rows, self.columns):
            # Rows of the subgrid, and those of the image that they ask.
            strip = slice(-(-rows.start // stride), min(-(-rows.stop // stride), subgrid.shape[0]))
            if strip.stop <= strip.start:
                continue
            top, end = (subgrid.first[0] + row * stride for row in (strip.start, strip.stop - 1))
            wide, inner = with_halo(slice(top, end + 1), half, self.rows)
            residual, precision = self.residual[:, wide], self.precision[:, wide]
            weight = robust_weight(residual, precision)
            for part, images, kernel in zip(out, (residual * weight, weight), kernels, strict=True):
                some = images.new_zeros(len(images), strip.stop - strip.start, *images.shape[2:])
                for shift, by in enumerate(kernel, -half):
                    low, high = _reach(inner.start + shift, stride, some.shape[1], images.shape[1])
                    if high > low:
                        start = inner.start + shift + low * stride
                        asked = images[:, start : start + (high - low - 1) * stride + 1 : stride]
                        some[:, low:high].add_(asked, alpha=by)
                for shift, by in enumerate(kernel, -half):
                    start = subgrid.first[1] + shift
                    low, high = _reach(start, stride, subgrid.shape[1], self.columns)
                    if high > low:
                        asked = self._columns(some, start + low * stride, high - low)
                        part[:, strip, low:high].add_(asked, alpha=by)
        pull, stiff = out.flatten(2).index_select(2, at)
        return pull, stiff

    def _columns(self, images: Tensor, start: int, count: int) -> Tensor:
        """So many columns, a stride apart, from one on."""
        first = start // self.stride
        return images[..., start % self.stride, first : first + count]


def _reach(first: int, stride: int, count: int, side: int) -> tuple[int, int]:
    """First and last but one of ``count`` places, ``stride`` apart from ``first`` on, that are in 0 to ``side``."""
    low = max(0, (stride - 1 - first) // stride)
    return low, max(low, min(count, -(-(side - first) // stride)))
