"""Places whose light has less contrast than the rest: veiled by haze, or out of focus.

A veil takes the same share of all polarized light and leaves its brightness, so that the light of points follows their
axes with a smaller gain. A blur takes what changes from pixel to pixel: between neighbouring points of two grains the
light has to go from what one axis shows to what the other does, and its largest step is a smaller part of that way.
Unlike a contradiction this does not make the light wrong, and what is still in it is used.
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
from grainlight.optics.calibration.damage.regions import REACHED, Mask, cut, on_cells
from grainlight.optics.forward.illumination import Relief, flat_relief

Array = NDArray[np.float64]

# What is tried beside these values: `python -m benchmarks.regions veiled`.
_FEWEST = 60  # pairs of points that tell
_NEXT = 1.5  # distances between points up to which two are next to each other
_AROUND = 20  # points that local brightness, and local gain, are found from
_NOISE = 0.5  # most that noise may have of the way between two axes, and
_UNLIKE = 0.1  # of the longest ways the least that is one between two grains, and no gradient in one
_LEFT = 0.55  # of the usual step, in a place of little contrast, and
_VEILED = 0.55, 0.7  # of the usual gain: in dense haze, and where there is none in thin one
# Evidence of a point in nats at most, what a pair of different states costs, and what a place must bring in all: by
# steps, and by gains.
_MOST, _BORDER, _LEAST = 2.0, 0.15, 20.0
_MOST_GAIN, _BORDER_GAIN = 1.0, 0.5
_BORDER_KNOWN = 0.2  # what a pair costs where there is a veil for sure, and its outline is asked for
_TOLD, _OUTLINE = 0.1, 6  # evidence from which a point tells, and how many such the others go with
_WIDTH = 0.1, 0.5  # standard deviation of steps, of the usual one, beside noise, within, and
_WIDTH_GAIN = 0.1, 0.2  # of gains
_TRANSPARENT = 0.3  # of the usual gain: what leaves less is no veil, but opaque
_BLURRED = 0.75  # of the usual share that the largest step has of what is left of the gain: less is blur
_WHOLE = 0.9  # of the usual gain: what leaves more is no veil
_ROUNDS = 8  # of a robust fit


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
    tree = cKDTree(place.numpy())
    pairs = tree.query_pairs(_NEXT * spacing, output_type="ndarray").astype(np.int64)
    around = tree.query(place.numpy(), k=min(_AROUND, len(place)))[1]
    axes = calibration.expected(c_axes.cpu().double())
    even = _under_even_light(calibration, a0[place[:, 0], place[:, 1]], axes[0], place + torch.tensor(corner), around)
    spread = torch.tensor([calibration.spread[(k + 1) // 2] for k in polar], dtype=torch.float64)[:, None]
    seen = state[polar][:, place[:, 0], place[:, 1]].cpu().double() / spread
    follows = _Gain.of(seen, axes[polar] / spread, even, around)
    low = follows.veiled(pairs)
    blurred = False
    by_steps = _low_steps(state[polar], axes[polar], place, pairs, even, float(spread.square().mean()))
    if by_steps is not None:
        soft, left = by_steps
        whole = follows.left(soft & low if (soft & low).any() else soft)
        blurred = whole >= _TRANSPARENT and left < _BLURRED * whole
        if blurred or (not low.any() and whole < _WHOLE):
            low = soft
    left = follows.left(low) if low.any() else 0.0
    if left < _TRANSPARENT:
        return None
    share, factor = on_cells(np.stack((low, even / left)), place.double().numpy(), (rows, columns))
    points = torch.zeros(len(inside), dtype=torch.bool)
    points[inside] = torch.from_numpy(low)
    return LowContrast(share, (rows, columns), points, blurred, factor)


@dataclass(frozen=True, eq=False)
class _Gain:
    """How far the polarized light of points follows their axes: ``size`` (P,), of the usual gain, known to a
    standard deviation of ``noise`` (P,)."""

    size: Array
    noise: Array

    @classmethod
    def of(cls, seen: Tensor, expected: Tensor, even: Array, around: NDArray[np.int64]) -> _Gain:
        """Return that of light (C, P) under even light, and of what axes show, in units of their spread; ``around``
        (P, k), the points next to each."""
        weight = expected.square().sum(0).clamp_min(1e-9).numpy()
        along = even * (seen * expected).sum(0).numpy()
        usual = max(float(np.median(along[around].sum(1) / weight[around].sum(1))), 1e-9)
        return cls(along / weight / usual, 1 / np.sqrt(weight) / usual)

    def veiled(self, pairs: NDArray[np.int64]) -> Mask:
        """Return the points (P,) of places where it is less than usual."""
        found = np.zeros(len(self.size), dtype=bool)
        for left in _VEILED:
            if not found.any():
                evidence = np.clip(_less(self.size, self.noise, left, _WIDTH_GAIN), -_MOST_GAIN, _MOST_GAIN)
                found = cut(evidence, pairs, _BORDER_GAIN, _LEAST)
                if found.any():
                    found |= cut(evidence, pairs, _BORDER_KNOWN, _LEAST)
        return found

    def left(self, where: Mask) -> float:
        """Return the gain of some points (P,), of that of the others."""
        weight = 1 / np.square(self.noise)
        its, rest = (float((self.size * weight)[w].sum() / max(weight[w].sum(), 1e-9)) for w in (where, ~where))
        return its / max(rest, 1e-9)


def _low_steps(
    state: Tensor, axes: Tensor, place: Tensor, pairs: NDArray[np.int64], even: Array, variance: float
) -> tuple[Mask, float] | None:
    """Points (P,) of places where light (C, H, W) makes small steps between points of different axes' light (C, P),
    and what is left of a step there; None where there are none, or too few pairs tell."""
    way = axes[:, pairs[:, 1]] - axes[:, pairs[:, 0]]
    square = way.square().sum(0)
    tells = square > 2 * variance / _NOISE**2
    if int(tells.sum()) < _FEWEST:
        return None
    tells &= square > _UNLIKE**2 * square[tells].quantile(0.9)
    if int(tells.sum()) < _FEWEST:
        return None
    told = pairs[tells.numpy()]
    step = _steps(state, place[told[:, 0]], place[told[:, 1]], (way / square)[:, tells]) * even[told].mean(1)
    noise = (2 * variance / square[tells]).sqrt().numpy()
    clear = noise <= np.median(noise)
    usual = float(np.median(step[clear]))
    if usual <= 0:
        return None
    evidence = np.clip(_less(step / usual, noise / usual, _LEFT, _WIDTH, clear), -_MOST, _MOST)
    point = np.bincount(told.ravel(), weights=np.repeat(0.5 * evidence, 2), minlength=len(place))
    # Points that nothing is told of go with those around them.
    evidence = np.asarray(np.clip(point, -_MOST, _MOST), np.float64)
    soft = _outlined(cut(evidence, pairs, _BORDER, _LEAST), np.abs(evidence) > _TOLD, place.double().numpy())
    its = soft[told].all(1)
    return (soft, float(np.median(step[its]) / np.median(step[~its]))) if its.any() and not its.all() else None


def _outlined(found: Mask, told: Mask, at: Array) -> Mask:
    """Points (P,) at places (P, 2) of a region that is ``found`` where something is ``told``: others go with the told
    ones around them, as far as the region is large."""
    if not (found & told).any():
        return found
    its = at[told]
    away, nearest = cKDTree(its).query(at[~told], k=min(_OUTLINE, len(its)))
    away, nearest = away.reshape(len(away), -1), nearest.reshape(len(nearest), -1)
    weight = 1 / np.square(away)
    share = (weight * found[told][nearest]).sum(1) / weight.sum(1)
    far = cKDTree(at[found & told]).query(at[~told])[0]
    radius = math.sqrt(found.mean() * float(np.prod(np.ptp(at, axis=0) + 1)) / math.pi)
    out = found & told
    out[~told] = (share > 0.5) & (far < radius)
    return out


def _under_even_light(
    calibration: Calibration, a0: Tensor, expected: Tensor, at: Tensor, around: NDArray[np.int64]
) -> Array:
    """What the polarized light at points (P,) has to be multiplied by so that it is that of usual brightness a0 (P,).

    A stain takes from brightness and from polarized light alike; the local brightness of a calibration, which is fitted
    to both, would take a veil for one. So would its stray light: how brightness follows the axes is fitted anew.
    """
    illumination, at = calibration.illumination, at.double()
    smooth = illumination.with_relief(flat_relief(illumination.shape)).at(at[:, 0], at[:, 1])
    bright = (a0.cpu().double() / smooth).numpy()
    ratio = bright / _followed(bright, expected.numpy() * calibration.signal[0])
    relief = illumination.relief.at(at[:, 0], at[:, 1]).numpy()
    found: Array = relief / np.maximum(np.median(ratio[around], axis=1), 0.05)
    return found


def _followed(seen: Array, by: Array) -> Array:
    """A line (P,) that most of some values (P,) follow others by, above a tenth of where it begins."""
    columns, weight = np.stack((np.ones_like(by), by), 1), np.ones_like(by)
    for _ in range(_ROUNDS):
        normal = (columns.T * weight) @ columns + 1e-9 * weight.sum() * np.eye(2)
        line = np.linalg.solve(normal, columns.T @ (weight * seen))
        missed = np.abs(seen - columns @ line)
        weight = 1 / (1 + np.square(missed / (2 * 1.4826 * np.median(missed) + 1e-12)))
    found: Array = np.maximum(columns @ line, 0.1 * abs(line[0]) + 1e-9)
    return found


def _steps(state: Tensor, first: Tensor, last: Tensor, way: Tensor) -> Array:
    """The largest step (m,) of light (C, H, W) from pixel to pixel between pixels (m, 2), along ``way`` (C, m) from one
    axis' light to the other's, in units of it."""
    count = int((last - first).abs().amax())
    flat = state.reshape(len(state), -1)
    line = []
    for k in range(count + 1):
        at = (first + (last - first) * (k / count)).round().long()
        line.append((flat[:, at[:, 0] * state.shape[2] + at[:, 1]].cpu().double() * way).sum(0))
    found: Array = torch.stack(line).diff(dim=0).amax(0).numpy()
    return found


def _less(size: Array, noise: Array, left: float, within: tuple[float, float], clear: Mask | None = None) -> Array:
    """Evidence (n,) that sizes, of the usual one, of a noise (n,) are what is ``left`` rather than usual, in nats, by
    the spread of those above the usual one where that is ``clear`` (n,)."""
    clear = noise <= np.median(noise) if clear is None else clear
    above = (size[clear] - 1)[size[clear] > 1]
    width = np.clip(1.4826 * np.median(above), *within) if len(above) else within[1]
    size = np.clip(size, left, 1.0)
    found: Array = ((size - 1) ** 2 - (size - left) ** 2) / (2 * (width**2 + np.square(noise)))
    return found
