"""Places whose light has less contrast than the rest: veiled by haze, or out of focus.

Between neighbouring points of two grains the light has to go from what one axis shows to what the other does. How
much of that way its largest step from pixel to pixel makes is the same all over an image that is as sharp and as clear
everywhere: a veil leaves a part of it, a blur less. Unlike a contradiction this does not make the light wrong, and what
is still in it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.damage.regions import REACHED, cut, on_cells
from grainlight.optics.forward.illumination import Relief, flat_relief

Array = NDArray[np.float64]

# What is tried beside these values: `python -m benchmarks.regions veiled`.
_FEWEST = 60  # pairs of points that tell
_NEXT = 1.5  # distances between points up to which two are next to each other
_AROUND = 20  # points that local brightness is found from
_NOISE = 0.35  # most that noise may have of the way between two axes
_LEFT = 0.55  # of the usual step, in a place of little contrast
# Evidence of a point in nats at most, what it must bring to be doubted, what a pair of different states costs, and what
# a place must bring in all.
_MOST, _DOUBT, _BORDER, _LEAST = 2.0, 0.05, 0.15, 12.0
_WIDTH = 0.1, 0.5  # standard deviation of steps, of the usual one, beside noise, within
_TRANSPARENT = 0.3  # of the usual step: what leaves less is no veil, but opaque
_BLURRED = 0.75  # of the usual share that the largest step has of the light's own way: less is blur, and more a veil


@dataclass(frozen=True, eq=False)
class LowContrast:
    """Where the light has little contrast: ``share`` (h, w) of the points of each cell of a grid over an image of
    ``shape``, ``points`` (P,) the same of the points; whether because it is ``blurred``, rather than veiled; and
    ``factor`` (h, w) that polarized light has to be multiplied by for that of a veil to be like the rest."""

    share: Tensor
    shape: tuple[int, int]
    points: Tensor
    blurred: bool
    factor: Tensor

    def at(self, row: Tensor, column: Tensor) -> Tensor:
        """Return (...) bool at pixel positions of the image, rows (R, 1) by columns (C,) or equal shapes."""
        return Relief(self.share, self.shape).at(row, column) > REACHED

    def unveiled(self, row: Tensor, column: Tensor) -> Tensor:
        """Return the factor (...) at pixel positions as of `at`; 1 where the light has the usual contrast."""
        return torch.where(self.at(row, column), Relief(self.factor, self.shape).at(row, column), 1.0)


def find_low_contrast(
    calibration: Calibration,
    state: Tensor,
    a0: Tensor,
    c_axes: Tensor,
    at: Tensor,
    corner: tuple[int, int] = (0, 0),
) -> LowContrast | None:
    """Find where light has less contrast than is usual in an image; None where it has not.

    Parameters
    ----------
    state, a0
        Canonical (5, H, W), 0 where unknown, and the brightness (H, W) that it was made from.
    c_axes, at
        Known axes (P, 3), and row and column (P, 2) of the pixel that each is of.
    corner
        Row and column of the calibration's image where this one begins.
    """
    polar = [k for k in (1, 2, 3, 4) if calibration.signal[(k + 1) // 2]]
    place = at.round().long().cpu()
    rows, columns = state.shape[1:]
    inside = ((place >= 0) & (place < torch.tensor((rows, columns)))).all(1)
    inside &= torch.isfinite(c_axes.cpu()).all(1)
    inside[inside.clone()] &= torch.isfinite(a0[place[inside, 0], place[inside, 1]].cpu())
    place, c_axes = place[inside], c_axes[inside.to(c_axes.device)]
    if not polar or len(place) < _FEWEST:
        return None
    spacing = math.sqrt(rows * columns / len(place))
    if spacing < 1.5:
        return None
    pairs = cKDTree(place.numpy()).query_pairs(_NEXT * spacing, output_type="ndarray").astype(np.int64)
    axes = calibration.expected(c_axes.cpu().double())
    way = axes[polar]
    way = way[:, pairs[:, 1]] - way[:, pairs[:, 0]]
    square = way.square().sum(0)
    # Of a difference, along one direction.
    variance = 2 * float(np.mean([calibration.spread[(k + 1) // 2] ** 2 for k in polar]))
    tells = (square > variance / _NOISE**2).numpy()
    if int(tells.sum()) < _FEWEST:
        return None
    told = pairs[tells]
    step, whole = _steps(state[polar], place[told[:, 0]], place[told[:, 1]], (way / square)[:, tells])
    even = _under_even_light(calibration, a0[place[:, 0], place[:, 1]], axes[0], place + torch.tensor(corner))
    step, whole = (x * even[told].mean(1) for x in (step, whole))
    evidence = _evidence(step, (variance / square[tells]).sqrt().numpy())
    point = np.bincount(told.ravel(), weights=np.repeat(0.5 * evidence, 2), minlength=len(place))
    # Points that nothing is told of go with those around them.
    low = cut(np.asarray(np.clip(point, -_MOST, _MOST) - _DOUBT, np.float64), pairs, _BORDER, _LEAST)
    if not low.any():
        return None
    its = low[told].all(1)
    ratio = step / np.maximum(whole, step)
    blurred = bool(its.any() and np.median(ratio[its]) < _BLURRED * np.median(ratio[~its]))
    left = float(np.median(step[its]) / np.median(step[~its])) if its.any() else 0.0
    if not blurred and left < _TRANSPARENT:
        return None
    factor = even / max(left, _TRANSPARENT)
    share, factor = on_cells(np.stack((low, factor)), place.double().numpy(), (rows, columns))
    points = torch.zeros(len(inside), dtype=torch.bool)
    points[inside] = torch.from_numpy(low)
    return LowContrast(share, (rows, columns), points, blurred, factor)


def _under_even_light(calibration: Calibration, a0: Tensor, expected: Tensor, at: Tensor) -> Array:
    """What the polarized light at points (P,) has to be multiplied by so that it is that of usual brightness a0 (P,).

    A stain takes from brightness and from polarized light alike; the local brightness of a calibration, which is fitted
    to both, would take a veil for one.
    """
    model = calibration.floor + float(calibration.gain[0].real) * expected * calibration.signal[0]
    illumination, a0, at = calibration.illumination, a0.cpu().double(), at.double()
    smooth = illumination.with_relief(flat_relief(illumination.shape)).at(at[:, 0], at[:, 1])
    ratio = ((a0 - calibration.stray) / (model * smooth).clamp_min(1e-12)).numpy()
    around = cKDTree(at.numpy()).query(at.numpy(), k=min(_AROUND, len(at)))[1]
    bright = np.nanmedian(np.where(np.isfinite(ratio), ratio, np.nan)[around], axis=1)
    relief = illumination.relief.at(at[:, 0], at[:, 1]).numpy()
    found: Array = relief / np.maximum(np.nan_to_num(bright, nan=1.0), 0.05)
    return found


def _steps(state: Tensor, first: Tensor, last: Tensor, way: Tensor) -> tuple[Array, Array]:
    """The largest step (m,) of light (C, H, W) from pixel to pixel between pixels (m, 2), and all of its way, along
    ``way`` (C, m) from one axis' light to the other's, both in units of it."""
    count = int((last - first).abs().amax())
    flat = state.reshape(len(state), -1)
    line = []
    for k in range(count + 1):
        at = (first + (last - first) * (k / count)).round().long()
        line.append((flat[:, at[:, 0] * state.shape[2] + at[:, 1]].cpu().double() * way).sum(0))
    profile = torch.stack(line)
    return profile.diff(dim=0).amax(0).numpy(), (profile[-1] - profile[0]).numpy()


def _evidence(step: Array, noise: Array) -> Array:
    """Evidence (m,) of steps of a noise that they are of little contrast, in nats, by the spread of those above the
    usual one."""
    clear = noise <= np.median(noise)
    usual = float(np.median(step[clear]))
    if usual <= 0:
        return np.zeros_like(step)
    size = step / usual
    above = (size[clear] - 1)[size[clear] > 1]
    width = np.clip(1.4826 * np.median(above), *_WIDTH) if len(above) else _WIDTH[1]
    size = np.clip(size, _LEFT, 1.0)
    found: Array = ((size - 1) ** 2 - (size - _LEFT) ** 2) / (2 * (width**2 + (noise / usual) ** 2))
    return np.clip(found, -_MOST, _MOST)
