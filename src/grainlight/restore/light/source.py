"""A stack where the map is, read a part of the map at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration.harmonics import Harmonics, find_gains, fit_harmonics, full_scale
from grainlight.optics.calibration.resample import resample_harmonics
from grainlight.register.transform import Transform
from grainlight.register.warp import StackWarp, stack_warp
from grainlight.scratch import release

# Pixels that a cubic reads around a place.
_AROUND = 3


@dataclass(frozen=True, eq=False)
class LightSource:
    """Harmonics of a stack on the output grid.

    ``light`` as recorded; ``warp`` how it is moved onto the map, None where it lies as it was stated; ``step`` and
    ``left`` of the grid [um]; ``gains`` (N,) relative brightness of the frames; ``saturation`` counts from which a
    frame says nothing.
    """

    light: LightStack
    warp: StackWarp | None
    step: float
    left: float
    gains: Tensor
    saturation: float

    @property
    def angles(self) -> NDArray[np.float64]:
        """Angles (N,) in degrees, as they are on the map."""
        return self.light.angles if self.warp is None else self.warp.angles

    @property
    def mirror(self) -> bool:
        """Whether the light path mirrors."""
        return self.light.mirror if self.warp is None else self.warp.transform.mirrored

    @property
    def polars(self) -> tuple[float, float] | None:
        """Of the stack, where nothing has been turned."""
        return self.light.polars if self.warp is None else None

    def harmonics(self, rows: slice, columns: slice) -> Harmonics:
        """Return the harmonics of some rows and columns of the grid; NaN where the images do not show them."""
        if self.warp is not None:
            return self._fit(torch.from_numpy(self.warp.images(rows, columns)), self.warp.limit)
        high, wide = self.light.shape
        down = self._seen(rows, self.light.origin[1], high)
        across = self._seen(columns, self.light.origin[0] - self.left, wide)
        its = slice(wide - across.stop, wide - across.start) if self.light.mirror else across
        part = self.light.images[:, down, its]
        images = torch.from_numpy(np.ascontiguousarray(part[:, :, ::-1] if self.light.mirror else part))
        release(self.light.images)
        found = self._fit(images, self.saturation)
        return resample_harmonics(
            found,
            step_pl=self.light.step,
            origin=(
                self.light.origin[0] - self.left + across.start * self.light.step - columns.start * self.step,
                self.light.origin[1] + down.start * self.light.step - rows.start * self.step,
            ),
            rows=rows.stop - rows.start,
            columns=columns.stop - columns.start,
            step_out=self.step,
        )

    def _fit(self, images: Tensor, saturation: float) -> Harmonics:
        return fit_harmonics(images, self.angles.tolist(), saturation=saturation, gains=self.gains)

    def _seen(self, span: slice, origin: float, size: int) -> slice:
        """Pixels of the images along one axis that have a say in a span of the grid; one at least."""
        step = self.light.step
        first, last = ((at * self.step - origin) / step for at in (span.start, span.stop - 1))
        # Where pixels of the grid and of the images coincide, no other pixel of the images is read.
        alike = abs(self.step / step - 1) < 1e-9 and abs(first - round(first)) < 1e-6
        around = 0.0 if alike else max(0.5 * self.step / step + 1, _AROUND)
        low = min(max(math.floor(first - around + 1e-6), 0), size - 1)
        return slice(low, max(min(math.ceil(last + around - 1e-6) + 1, size), low + 1))


def light_source(light: LightStack, transform: Transform | None, step: float, left: float) -> LightSource:
    """Return a stack as the source of a map of ``step`` whose first column is at ``left`` [um], where ``transform``
    leads from the map to its pixels; None for one that lies as it was stated."""
    images = torch.from_numpy(light.images)
    gains = find_gains(images, light.angles.tolist(), light.saturation)
    # From all images: the largest count of a part may happen to look like the full scale of a camera.
    saturation = full_scale(images) if light.saturation is None else light.saturation
    release(light.images)
    moved = None if transform is None else stack_warp(light, transform, step=step, left=left)
    return LightSource(light, moved, step, left, gains, math.inf if saturation is None else saturation)
