"""Polarized light as a person sees it: one measured frame on the output grid, and the restored light as that frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LightStack

if TYPE_CHECKING:
    from grainlight.register.transform import Transform
    from grainlight.restore.result import Result

Image = NDArray[np.float32]
_FITTED = 40_000  # pixels of the regression: six numbers need no more


@dataclass(frozen=True, eq=False)
class LightView:
    """The light before and after, in the same unit.

    Parameters
    ----------
    measured
        (H, W) counts of the frame with the most contrast, on the output grid; NaN outside. None without a stack.
    restored
        (H, W): the restored harmonics as they would look in that frame; without a stack, under nearly crossed polars.
    angle
        Of the frame, degrees.
    explained
        Share, 0 to 1, of the frame's variance that the restored light explains.
    """

    measured: Image | None
    restored: Image
    angle: float | None = None
    explained: float | None = None


def view_light(result: Result, stack: LightStack | None) -> LightView:
    """Return the light before and after.

    Parameters
    ----------
    result
        What was restored.
    stack
        The images that it was restored with, lying on the map.
    """
    if stack is None:
        return LightView(None, restored_light(result))
    frame = int(np.argmax([_contrast(image) for image in stack.images]))
    measured = on_output_grid(stack, frame, result)
    seen = np.isfinite(measured) & (result.source > 0)
    if np.count_nonzero(seen) < 100:
        return LightView(measured, restored_light(result), float(stack.angles[frame]))
    # Gains, polarizer and uncrossing are six numbers of a linear map from canonical harmonics to a frame's counts.
    terms = np.concatenate([np.ones_like(result.light[:1]), result.light]).reshape(6, -1)
    pick = np.flatnonzero(seen.ravel())[:: max(1, np.count_nonzero(seen) // _FITTED)]
    x, y = terms[:, pick].T.astype(np.float64), measured.ravel()[pick].astype(np.float64)
    kept = np.ones(len(y), dtype=bool)
    for _ in range(3):  # pixels with scratches and stains are left out of the fit
        weights = np.linalg.lstsq(x[kept], y[kept], rcond=None)[0]
        off = np.abs(y - x @ weights)
        kept = off <= 4.0 * np.median(off) + 1e-12
    restored = (weights @ terms).reshape(measured.shape).astype(np.float32)
    variance = float(np.var(y))
    explained = max(0.0, 1.0 - float(np.var(y - x @ weights)) / variance) if variance > 0 else None
    return LightView(measured, restored, float(stack.angles[frame]), explained)


def restored_light(result: Result) -> Image:
    """Return (H, W) what nearly crossed polars would show of the restored harmonics."""
    a0, _, a2s, a4c, _ = result.light.astype(np.float32)
    return a0 + 0.6 * a2s - 0.5 * a4c


def on_output_grid(stack: LightStack, frame: int, result: Result) -> Image:
    """Return a frame of the stack as recorded on the output grid (H, W), where it was registered; NaN outside it."""
    from scipy.ndimage import map_coordinates, uniform_filter

    image = stack.images[frame].astype(np.float32)
    lost = np.isnan(image)
    if lost.any():
        image[lost] = np.nanmedian(image)
    coarser = round(result.map.step[0] / stack.step)
    if coarser > 1:
        image = uniform_filter(image, coarser)
    column, row = np.moveaxis(_transform(stack, result)(_positions(result)), -1, 0)
    # half a pixel beyond the centres of the outermost pixels still lies on them
    inside = (row >= -0.5) & (row <= image.shape[0] - 0.5) & (column >= -0.5) & (column <= image.shape[1] - 0.5)
    values = map_coordinates(image.astype(np.float32), (row, column), order=1, mode="nearest")
    if lost.any():
        inside &= map_coordinates(lost.astype(np.float32), (row, column), order=1, mode="nearest") < 0.5
    return np.where(inside, values, np.nan).astype(np.float32)


def _positions(result: Result) -> NDArray[np.float64]:
    """Positions (H, W, 2) of the output grid as (x, y) um from the first EBSD point; x right, y down."""
    rows, columns = result.map.shape
    # the map's first pixel may lie left of the first EBSD point
    left = result.map.origin[0] - result.record.get("ebsd", {}).get("origin_um", result.map.origin)[0]
    x, y = left + np.arange(columns) * result.map.step[0], np.arange(rows) * result.map.step[1]
    return np.stack(np.meshgrid(x, y), axis=-1)


def _transform(stack: LightStack, result: Result) -> Transform:
    """From those positions to pixels of the recorded images: what registration found, or what was stated."""
    from grainlight.register.transform import Transform, stated

    found = result.record.get("registration")
    if found and found.get("trusted") and "transform" in found:
        return Transform.from_record(found["transform"])
    rows, columns = result.map.shape
    return stated(stack, (0.0, 0.0, columns * result.map.step[0], rows * result.map.step[1]))


def grey(image: NDArray[np.floating], limits: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Return an image (H, W) as grey values between limits, by default its 1st and 99th percentile; NaN is white."""
    known = image[np.isfinite(image)]
    if known.size == 0:
        return np.full(image.shape, 255, dtype=np.uint8)
    low, high = limits_of(image) if limits is None else limits
    scaled = np.clip((image - low) / max(high - low, 1e-12), 0.0, 1.0)
    return np.where(np.isfinite(image), np.round(255 * np.nan_to_num(scaled)), 255).astype(np.uint8)


def limits_of(image: NDArray[np.floating]) -> tuple[float, float]:
    """Return the 1st and 99th percentile of an image's known pixels."""
    low, high = np.nanpercentile(image, (1, 99))
    return float(low), float(high)


def _contrast(image: NDArray[np.floating]) -> float:
    if np.isnan(image[::4, ::4]).all():
        return 0.0
    low, high = np.nanpercentile(image[::4, ::4], (5, 95))
    return float(high - low) / max(abs(float(high + low)), 1e-12)
