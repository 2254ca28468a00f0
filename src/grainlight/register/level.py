"""Both sides of a registration at one blur: features of the points, and light that is read between its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import grid_sample

from grainlight.register.fixed import FixedMap
from grainlight.register.moving import MovingLight

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
_SHARPEST = 0.2  # blur of the light at the last level, in EBSD steps
# Reading between pixels averages their noise, so that light looks better everywhere but on the pixels themselves: a
# place between them would win for that alone. In an image of this blur, in pixels, read by cubics, noise has the same
# strength everywhere within a tenth (by lines, in one of half the blur, within a half).
_LEAST_BLUR = 0.9
# Where mixtures of two grains are told, blur costs more than noise does.
_SHARP = 0.4
_BROAD = 1.5  # pixels of blur from which lines do as well
_CROSS = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """Both sides at one blur.

    Parameters
    ----------
    features
        (K, P) of the map's points.
    light
        (1, C, H, W) channels of the images, binned where the blur is wide.
    seen
        (1, 1, H, W), 1 where there is light; None where it is everywhere.
    moving
        The images that light and seen are of.
    smooth
        Whether the blur is wide enough for the light to be read by lines.
    """

    features: Single
    light: torch.Tensor
    seen: torch.Tensor | None
    moving: MovingLight
    smooth: bool

    def sample(self, at: Array) -> tuple[Single, Mask]:
        """Return values (C, P) of the light at recorded pixels (P, 2), (column, row), and where there
        are: all four pixels around must be seen."""
        here = self.moving.here(at)
        high, wide = self.light.shape[2:]
        inside = (here >= 0).all(1) & (here[:, 0] <= wide - 1) & (here[:, 1] <= high - 1)
        if self.seen is not None:
            inside &= self._read(self.seen, here)[0, 0].numpy() > 0.99
        mode = "bilinear" if self.smooth else "bicubic"
        values: Single = self._read(self.light, here, mode)[:, 0].numpy()
        return values, inside

    def slopes(self, at: Array) -> tuple[Single, Single]:
        """Return the light's slopes down and across (C, P) per recorded pixel at recorded pixels (P, 2)."""
        around = self._read(self.light, self.moving.here(at) + _CROSS[:, None])
        half = 0.5 / self.moving.binning
        across, down = ((around[:, k] - around[:, k + 1]).mul_(half).numpy() for k in (0, 2))
        return down, across

    @staticmethod
    def _read(images: torch.Tensor, here: Array, mode: str = "bilinear") -> torch.Tensor:
        """Return values (C, n, P) of images at positions (n, P, 2) or (P, 2); beyond the edge those of the edge."""
        high, wide = images.shape[2:]
        rows = here if here.ndim == 3 else here[None]
        if 0 in rows.shape:
            return images.new_zeros(images.shape[1], *rows.shape[:2])
        to_unit = np.array([2.0 / max(wide - 1, 1), 2.0 / max(high - 1, 1)])
        grid = torch.from_numpy((rows * to_unit - 1.0).astype(np.float32))[None]
        return grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=True)[0]


class Pair:
    """A map and images of it, with their blurred versions made once.

    Parameters
    ----------
    fixed, moving
        The two sides.
    pixel
        um per recorded pixel, as stated.
    """

    def __init__(self, fixed: FixedMap, moving: MovingLight, pixel: float) -> None:
        self.fixed, self.moving, self.pixel = fixed, moving, pixel
        self._levels: dict[float, PyramidLevel] = {}

    def level(self, blur: float) -> PyramidLevel:
        """Return both sides blurred by ``blur`` EBSD steps."""
        if blur not in self._levels:
            sigma = max(max(blur, _SHARPEST) * self.fixed.step / (self.pixel * self.moving.binning), _LEAST_BLUR)
            self._levels[blur] = self._level(blur, sigma)
        return self._levels[blur]

    @cached_property
    def sharp(self) -> PyramidLevel:
        """The map's points as measured, and the light all but as recorded."""
        return self._level(0.0, _SHARP)

    def _level(self, blur: float, sigma: float) -> PyramidLevel:
        """Return the map blurred by ``blur`` EBSD steps and the light by ``sigma`` pixels of its channels."""
        moving = self.moving.blurred(sigma)
        light = torch.from_numpy(moving.channels)[None].contiguous(memory_format=torch.channels_last)
        seen = None if moving.seen.all() else torch.from_numpy(moving.seen[None, None].astype(np.float32))
        features = np.ascontiguousarray(self.fixed.at_points(blur * self.fixed.step).T, dtype=np.float32)
        return PyramidLevel(features, light, seen, moving, sigma >= _BROAD)
