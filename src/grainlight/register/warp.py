"""Bringing a stack onto the map: the images that the microscope would have taken in the map's place and frame."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import grid_sample

from grainlight.maps.light_stack import LightStack
from grainlight.register.transform import Transform

_CHUNK = 1 << 18  # pixels sampled at once
_AROUND = 4  # pixels that a cubic reads around a place, and some more


def lay(
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
    fine = step * np.sqrt(abs(np.linalg.det(transform.matrix)))  # recorded pixels per output pixel
    parts = max(1, round(fine))
    limit = light.saturation
    if limit is None:
        limit = float(2.0 * light.images.max() + 1.0)
    full = np.zeros((1, *light.shape), dtype=np.uint8)
    for image in light.images:
        full[0] |= image >= limit
    out = np.empty((len(light.images), rows, columns), dtype=np.float32)
    strip = max(1, _CHUNK // columns)
    for start in range(0, rows, strip):
        stop = min(start + strip, rows)
        total = torch.zeros(len(light.images), stop - start, columns)
        spoiled = torch.zeros(stop - start, columns)
        for sub_y in range(parts):
            for sub_x in range(parts):
                y = (np.arange(start, stop) + (sub_y + 0.5) / parts - 0.5) * step
                x = left + (np.arange(columns) + (sub_x + 0.5) / parts - 0.5) * step
                at = transform(np.stack(np.meshgrid(x, y), -1))
                total += _sampled(light.images, at, "bicubic" if parts == 1 else "bilinear")
                spoiled += _sampled(full, at, "bilinear")[0] > 0.02
                spoiled += torch.from_numpy(_outside(at, light.shape))
        values = (total / parts**2).clamp_max(limit * (1 - 1e-6))
        values[:, spoiled > 0.5 * parts**2] = limit
        if parts == 1:
            values[:, spoiled > 0] = limit
        out[:, start:stop] = values.numpy()
    mirror = transform.mirrored
    sense = (1.0 if light.rotates == "sample" else -1.0) * (-1.0 if mirror else 1.0)
    return LightStack(
        images=np.ascontiguousarray(out[:, :, ::-1]) if mirror else out,
        angles=light.angles + sense * transform.turn,
        step=step,
        origin=(left, 0.0),
        rotates=light.rotates,
        mirror=mirror,
        saturation=limit,
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
