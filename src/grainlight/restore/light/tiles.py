"""Tiles of a stitched mosaic that lie beside their place: found by the points that contradict them, and moved back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, shift
from torch import Tensor

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration.damage.regions import calibrate_trusted
from grainlight.optics.calibration.point_light import at_points
from grainlight.restore.light.calibration import every_so_many, points_of
from grainlight.restore.light.displacement import PointsOnImage, find_displaced
from grainlight.restore.light.source import light_source
from grainlight.restore.points.grid import PointGrid

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Retiled:
    """A stack whose tiles are in their place, NaN along their seams; ``share`` of the field that was moved, and
    sentences on it."""

    light: LightStack
    share: float
    told: tuple[str, ...]


def retile(light: LightStack, grid: PointGrid, noise: float) -> Retiled | None:
    """Move the tiles of a stack, which lies in its stated place else, back to where the points say; None where there is
    none to move.

    Parameters
    ----------
    grid
        Of the output.
    noise
        Of a c-axis, standard deviation in degrees.
    """
    if not light.determined:
        return None
    at, axes = points_of(grid, every_so_many(grid))
    source = light_source(light, None, grid.step, grid.left)
    harmonics = source.harmonics(*(slice(0, n) for n in grid.shape))
    seen = at_points(harmonics, axes, at)
    try:
        found, _, _ = calibrate_trusted(seen, noise, rotates=light.rotates, mirror=source.mirror)
    except InputError:
        return None
    points = PointsOnImage.of(seen, harmonics.coefficients, rotates=light.rotates, mirror=source.mirror)
    tiles = [] if points is None else find_displaced(points, found)
    if points is None or not tiles:
        return None
    images = light.images.astype(np.float32)
    share, told = 0.0, []
    seam = np.sqrt(grid.measured.size / len(at))
    owner = _owners(points.light.positions, grid.shape)
    for its, moved in tiles:
        tile = its.numpy()[owner]
        _move(images, light, grid, tile, moved, seam)
        share += float(tile.mean())
        told.append(
            f"A tile over {100 * tile.mean():.2g} % of the field lies {moved[0]:+.2g} rows and {moved[1]:+.2g} columns "
            "of the output beside its place, as the EBSD points have it, and was moved back."
        )
    return Retiled(replace(light, images=images), share, tuple(told))


def _owners(at: Tensor, shape: tuple[int, int]) -> NDArray[np.int64]:
    """The nearest (H, W) of points (P, 2) of each pixel."""
    point = np.zeros(shape, dtype=np.int64)
    none = np.ones(shape, dtype=bool)
    index = tuple(at.long().T.numpy())
    point[index], none[index] = np.arange(len(at)), False
    nearest = distance_transform_edt(none, return_distances=False, return_indices=True)
    owners: NDArray[np.int64] = point[tuple(nearest)]
    return owners


def _move(
    images: NDArray[np.float32], light: LightStack, grid: PointGrid, tile: Mask, by: tuple[float, float], seam: float
) -> None:
    """Take the light of a tile (H, W) of the grid from so many rows and columns of it away, in place."""
    finer = grid.step / light.step
    sign = -1.0 if light.mirror else 1.0
    rows, columns = light.shape
    x = np.arange(columns) if not light.mirror else np.arange(columns)[::-1]
    row = np.rint((light.origin[1] + np.arange(rows) * light.step) / grid.step)
    column = np.rint((light.origin[0] + x * light.step - grid.left) / grid.step)
    there = tile[np.clip(row, 0, tile.shape[0] - 1).astype(int)][:, np.clip(column, 0, tile.shape[1] - 1).astype(int)]
    # Where exactly the seam runs between points of either side is not known.
    edge = np.minimum(distance_transform_edt(there), 1e9) + distance_transform_edt(~there)
    pixels = (by[0] * finer, sign * by[1] * finer)
    # A quarter of a pixel is what such a place is known to, and less than what interpolation blurs.
    whole = all(abs(p - round(p)) < 0.3 for p in pixels)
    order = 0 if whole else 3
    fits = shift(there.astype(np.float32), [-p for p in pixels], order=0, cval=0.0) > 0.5
    for image in images:
        lost = np.isnan(image)
        moved = shift(
            np.where(lost, 0.0, image), [-round(p) if whole else -p for p in pixels], order=order, mode="nearest"
        )
        gone = shift(lost.astype(np.float32), [-p for p in pixels], order=1, cval=1.0) > 0
        image[there] = np.where(fits & ~gone, moved, np.nan)[there]
        image[edge <= seam * finer] = np.nan
