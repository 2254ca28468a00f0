"""Tiles of a stitched mosaic that lie beside their place: found by the points that contradict them, and moved back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, label, shift
from torch import Tensor

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.point_light import at_points
from grainlight.optics.calibration.regions import ALL, Regions, calibrate_trusted
from grainlight.optics.calibration.resample import sample_at
from grainlight.restore.light.calibration import every_so_many, points_of
from grainlight.restore.light.source import light_source
from grainlight.restore.points.grid import PointGrid

Mask = NDArray[np.bool_]

_REACH = 40  # pixels of the output that a tile may lie beside its place
_POINTS = 300  # of a tile that are asked
_FEWEST, _MOST = 30, 4  # points of a tile, and tiles
_FITS = 0.7  # of the misfit at the stated place: no more may be left at the tile's own
_STANDS_OUT = 1.08  # the next best place, two pixels away at least, is worse by so much
_AGREES = 0.4  # share of the field that must lie in its stated place


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
    try:
        found, _, regions = calibrate_trusted(
            at_points(harmonics, axes, at), noise, rotates=light.rotates, mirror=source.mirror
        )
    except InputError:
        return None
    if regions is None or float(regions.points[ALL].double().mean()) > 1 - _AGREES:
        return None
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in grid.shape)
    state = _state(found, harmonics.coefficients, rows, columns)
    wrong = regions.at(rows[:, None], columns)[ALL].numpy()
    expected = found.expected(axes)
    images, share, told = None, 0.0, []
    tiles, count = label(_filled(wrong, regions))
    largest = 1 + np.argsort(-np.bincount(tiles.ravel(), minlength=count + 1)[1:])[:_MOST]
    for number in largest:
        tile = tiles == number
        inside = torch.from_numpy(tile[tuple(at.long().T.numpy())]) & torch.isfinite(axes).all(1)
        moved = _place(state, expected[:, inside], at[inside], tile)
        if moved is None:
            continue
        images = light.images.astype(np.float32) if images is None else images
        _move(images, light, grid, tile, moved, seam=np.sqrt(tile.size / max(len(at), 1)))
        share += float(tile.mean())
        told.append(
            f"A tile over {100 * tile.mean():.2g} % of the field lies {moved[0]:+.2g} rows and {moved[1]:+.2g} columns "
            "of the output beside its place, as the EBSD points have it, and was moved back."
        )
    return None if images is None else Retiled(replace(light, images=images), share, tuple(told))


def _state(found: Calibration, coefficients: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    bright = found.illumination.at(rows[:, None], columns)
    return found.canonical(coefficients.double(), bright)


def _filled(wrong: Mask, regions: Regions) -> Mask:
    """Regions without the holes and inlets where light of another place happens to agree."""
    side = int(np.ceil(2 * max(n / k for n, k in zip(wrong.shape, regions.share.shape[1:], strict=True))))
    block = np.ones((2 * side + 1, 2 * side + 1), dtype=bool)
    closed = binary_erosion(binary_dilation(wrong, block), block, border_value=1)
    return binary_dilation(binary_erosion(closed, block, border_value=1), block) & closed


def _place(state: Tensor, expected: Tensor, at: Tensor, tile: Mask) -> tuple[float, float] | None:
    """Rows and columns by which the light of points in a tile lies beside them; None where no place explains it."""
    if expected.shape[1] < _FEWEST:
        return None
    every = -(-expected.shape[1] // _POINTS)
    expected, at = expected[:, ::every], at[::every]
    inside = torch.from_numpy(tile)[None].double()
    spread = expected.var(1).clamp_min(1e-4)[:, None]

    def missed(by: Tensor) -> float:
        """Mean squared miss of the points whose light, moved, is still that of the tile."""
        there = at + by
        seen = sample_at(state, there)
        heard = torch.isfinite(seen).all(0) & (sample_at(inside, there)[0] > 0.99)
        if int(heard.sum()) < max(_FEWEST, 0.3 * len(at)):
            return np.inf
        square = ((seen - expected).square() / spread).mean(0)[heard]
        return float((square / (1 + square)).mean())

    reach = torch.arange(-_REACH, _REACH + 1, 2, dtype=torch.float64)
    smooth = {(float(r), float(c)): missed(torch.stack((r, c))) for r in reach for c in reach}
    stated = smooth[0.0, 0.0]
    best = min(smooth, key=smooth.__getitem__)
    for step in (1.0, 0.5, 0.25):
        around = [(best[0] + r, best[1] + c) for r in (-step, 0.0, step) for c in (-step, 0.0, step)]
        best = min(around, key=lambda by: missed(torch.tensor(by, dtype=torch.float64)))
    least = missed(torch.tensor(best, dtype=torch.float64))
    others = [x for by, x in smooth.items() if max(abs(by[0] - best[0]), abs(by[1] - best[1])) > 4]
    if not np.isfinite(stated) or least > _FITS * stated or min(others) < _STANDS_OUT * least:
        return None
    return best


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
    whole = all(abs(p - round(p)) < 0.2 for p in pixels)
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
