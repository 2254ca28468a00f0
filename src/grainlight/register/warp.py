"""Bringing a stack onto the map: the images that the microscope would have taken in the map's place and frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import grid_sample

from grainlight.maps.light_stack import LightStack
from grainlight.register.transform import Transform
from grainlight.scratch import release

_CHUNK = 1 << 18  # pixels sampled at once
_AROUND = 4  # pixels that a cubic reads around a place, and some more


@dataclass(frozen=True, eq=False)
class StackWarp:
    """A stack that is brought to a grid of the map, any part of it at a time.

    ``light`` as recorded; ``transform`` from the map (um from the first EBSD point, x right, y down) to its pixels;
    ``step`` and ``left`` of the grid [um]; ``limit`` counts that stand for unknown; ``full`` (1, h, w) 1 where a frame
    is saturated.
    """

    light: LightStack
    transform: Transform
    step: float
    left: float
    limit: float
    full: NDArray[np.uint8]

    @property
    def angles(self) -> NDArray[np.float64]:
        """Angles (N,) in degrees with the rotation between the two instruments taken in."""
        sense = (1.0 if self.light.rotates == "sample" else -1.0) * (-1.0 if self.transform.mirrored else 1.0)
        return self.light.angles + sense * self.transform.turn

    def images(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Return the images (N, R, C) that the microscope would have taken of some rows and columns of the grid.

        What was not seen has the counts of the ``limit`` in every frame.
        """
        light = self.light
        fine = self.step * np.sqrt(abs(np.linalg.det(self.transform.matrix)))  # recorded pixels per output pixel
        parts = max(1, round(fine))
        wide = columns.stop - columns.start
        out = np.empty((len(light.images), rows.stop - rows.start, wide), dtype=np.float32)
        strip = max(1, _CHUNK // wide)
        for start in range(rows.start, rows.stop, strip):
            stop = min(start + strip, rows.stop)
            total = torch.zeros(len(light.images), stop - start, wide)
            spoiled = torch.zeros(stop - start, wide)
            for sub_y in range(parts):
                for sub_x in range(parts):
                    y = (np.arange(start, stop) + (sub_y + 0.5) / parts - 0.5) * self.step
                    x = np.arange(columns.start, columns.stop) + (sub_x + 0.5) / parts - 0.5
                    at = self.transform(np.stack(np.meshgrid(self.left + x * self.step, y), -1))
                    total += _sampled(light.images, at, "bicubic" if parts == 1 else "bilinear")
                    spoiled += _sampled(self.full, at, "bilinear")[0] > 0.02
                    spoiled += torch.from_numpy(_outside(at, light.shape))
            values = (total / parts**2).clamp_max(self.limit * (1 - 1e-6))
            values[:, spoiled > 0.5 * parts**2] = self.limit
            if parts == 1:
                values[:, spoiled > 0] = self.limit
            out[:, start - rows.start : stop - rows.start] = values.numpy()
        release(light.images)
        return out


def stack_warp(light: LightStack, transform: Transform, *, step: float, left: float = 0.0) -> StackWarp:
    """Return a stack ready to be brought to a grid of the map, of ``step`` and with its first pixel at (left, 0) um."""
    limit = light.saturation
    if limit is None:
        limit = float(2.0 * max(np.nanmax(image) for image in light.images) + 1.0)
    full = np.zeros((1, *light.shape), dtype=np.uint8)
    for image in light.images:
        full[0] |= image >= limit
    release(light.images)
    return StackWarp(light, transform, step, left, limit, full)


def warp_stack(
    light: LightStack, transform: Transform, *, rows: int, columns: int, step: float, left: float = 0.0
) -> LightStack:
    """Return the stack on a grid of the map, as `restore` takes it.

    Parameters
    ----------
    transform
        From the map (um from the first EBSD point, x right, y down) to pixels of ``light`` as recorded.
    rows, columns, step, left
        The grid [um]; its first pixel is at (left, 0).

    Returns
    -------
    Images of the grid's size (flipped once more where the light path mirrors, as `LightStack.mirror` expects), with the
    rotation between the two instruments taken into the angles. What the images do not show is saturated in every frame,
    which every later step takes for unknown.
    """
    ready = stack_warp(light, transform, step=step, left=left)
    out = ready.images(slice(0, rows), slice(0, columns))
    mirror = transform.mirrored
    return LightStack(
        images=np.ascontiguousarray(out[:, :, ::-1]) if mirror else out,
        angles=ready.angles,
        step=step,
        origin=(left, 0.0),
        rotates=light.rotates,
        mirror=mirror,
        saturation=ready.limit,
        paths=light.paths,
    )


def _sampled(images: np.ndarray, at: np.ndarray, mode: str) -> torch.Tensor:
    """Return values (N, R, W) of images (N, h, w) at places (R, W, 2) as (column, row); beyond the edge the edge's."""
    high, wide = images.shape[1:]
    last = np.array([wide - 1, high - 1])
    # only the part that the places lie on is made single precision
    left, top = np.clip(np.floor(at.min((0, 1))).astype(np.int64) - _AROUND, 0, last)
    right, low = np.clip(np.ceil(at.max((0, 1))).astype(np.int64) + _AROUND, 0, last)
    part = torch.from_numpy(images[:, top : low + 1, left : right + 1].astype(np.float32))[None]
    scale = 2.0 / np.maximum(np.array([right - left, low - top]), 1)
    grid = torch.from_numpy(((at - (left, top)) * scale - 1.0).astype(np.float32))[None]
    return grid_sample(part, grid, mode=mode, padding_mode="border", align_corners=True)[0]


def _outside(at: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    high, wide = shape
    inside = (at >= -0.5).all(-1) & (at[..., 0] <= wide - 0.5) & (at[..., 1] <= high - 0.5)
    return (~inside).astype(np.float32)
