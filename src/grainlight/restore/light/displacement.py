"""Parts of an image whose light lies beside its points: how far, and which points those are.

Where all of a tile's light fits its points better at one and the same distance, block by block, it may lie there. Its
outline is the labelling of the points by two places that costs least, as of regions that contradict their points. A
place is judged after a calibration that takes it for the right one, since misplaced light bends the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.damage.regions import Neighbours, cut
from grainlight.optics.calibration.point_fit import calibrate_points
from grainlight.optics.calibration.point_light import PointLight
from grainlight.optics.forward.illumination import flat_relief

Place = tuple[float, float]
"""Rows and columns by which light lies beside its points."""

# What is tried beside these values: `python -m benchmarks.regions tiles`.
_REACH, _NEAR = 40, 6  # pixels of the output that a tile may lie beside its place, and up to which each is tried
_POINTS = 4000  # that are asked where their light lies
_FEWEST, _MOST = 30, 4  # points of a tile, and tiles
_BLOCK = 40  # points of a block, in which a place is sought first
_CHANCE = 1.5  # by how many points' misfit the best of all places beats the stated one in a block whose light is right
_GAIN = 5.0  # points' misfit that a place must gain beyond chance
_CANDIDATES, _APART = 8, 4  # places that are looked at closely, and pixels between them
_STEPS = 6  # pixels that such a place is moved at most
_HEARD = 0.5  # share of its points that must still have light there
_JUDGED = 3  # of them with a calibration of their own
_FITS = 0.8  # of the misfit at the stated place: no more may be left at the tile's own,
_MORE, _LARGEST = 0.12, 0.3  # nor so much more than of the other points, nor so much
_LINE, _FILLED = 0.5, (0.6, 0.8)  # of a usual row of a tile; share of its rectangle that a tile and a whole one has
_NATS = 4.0  # evidence in a point's misfit
_DOUBT = 0.1  # evidence that a point must bring to be counted to a tile
_AGREES = 0.3  # share of the points whose light must lie in its stated place


@dataclass(frozen=True, eq=False)
class PointsOnImage:
    """Points of known c-axis, ``light`` of them all usable and each on a pixel, on an image of harmonics
    ``coefficients`` (5, H, W) in float64; ``pairs`` (m, 2) of neighbours; what turns, and whether the path mirrors."""

    light: PointLight
    coefficients: Tensor
    pairs: NDArray[np.int64]
    rotates: str = "sample"
    mirror: bool = False

    @classmethod
    def of(cls, light: PointLight, coefficients: Tensor, *, rotates: str, mirror: bool) -> PointsOnImage | None:
        """Return the usable ones; None where they are too few."""
        graph = Neighbours.of(light)
        if not len(graph.good):
            return None
        good = graph.good
        its = replace(
            light,
            coefficients=light.coefficients[:, good],
            residual_rms=light.residual_rms[good],
            clipped=light.clipped[good],
            c_axes=light.c_axes[good],
            positions=light.positions[good],
        )
        return cls(its, coefficients.double(), graph.pairs, rotates, mirror)

    def beside(self, image: Tensor, by: Place) -> Tensor:
        """An image (C, H, W) at the pixels (C, P) so far from the points, NaN beyond it."""
        row, column = (at + by[k] for k, at in enumerate(self.light.positions.T))
        high, wide = image.shape[1:]
        inside = (row >= 0) & (row <= high - 1) & (column >= 0) & (column <= wide - 1)
        seen = image[:, row.round().long().clamp(0, high - 1), column.round().long().clamp(0, wide - 1)]
        return seen.masked_fill(~inside, torch.nan)

    def calibrated(self, tile: Tensor, by: Place) -> Calibration | None:
        """The calibration that holds where the light of some points (P,) lies beside them; None where none does."""
        moved = torch.where(tile, self.beside(self.coefficients, by), self.light.coefficients)
        try:
            return calibrate_points(replace(self.light, coefficients=moved), rotates=self.rotates, mirror=self.mirror)
        except InputError:
            return None


@dataclass(frozen=True, eq=False)
class _Misfit:
    """How far light (C, H, W) misses what points (P, 2) should show (C, P), channels of ``variance`` (C, 1) between
    points and within them together, and of ``weight`` (C,), which are 1 in all."""

    state: Tensor
    expected: Tensor
    at: Tensor
    variance: Tensor
    weight: Tensor

    @classmethod
    def under(cls, found: Calibration, field: PointsOnImage, even: Tensor | None = None) -> _Misfit:
        """That under a calibration, groups without signal left out, as is the local brightness: it is made of nothing
        where light lies beside its place. ``even`` (H, W): illumination in place of the calibration's."""
        if even is None:
            rows, columns = (torch.arange(n, dtype=torch.float64) for n in field.light.shape)
            smooth = found.illumination.with_relief(flat_relief(found.illumination.shape))
            even = smooth.at(rows[:, None], columns)
        state = found.canonical(field.coefficients, even)
        at, expected = field.light.positions, found.expected(field.light.c_axes)
        use = [k for k in range(5) if found.signal[(k + 1) // 2]]
        noise = torch.tensor([found.spread[(k + 1) // 2] for k in use], dtype=torch.float64).square()
        signal = expected[use].var(1).clamp_min(1e-4)
        weight = signal / (signal + noise)
        return cls(state[use], expected[use], at, (signal + noise)[:, None], weight / weight.sum())

    def beside(self, by: Place) -> Tensor:
        """Misfit (P,) of each, 0 to 1, of the light of the pixel so far away from it; NaN where there is none."""
        row, column = self.at[:, 0] + by[0], self.at[:, 1] + by[1]
        high, wide = self.state.shape[1:]
        inside = (row >= 0) & (row <= high - 1) & (column >= 0) & (column <= wide - 1)
        seen = self.state[:, row.round().long().clamp(0, high - 1), column.round().long().clamp(0, wide - 1)]
        square = self.weight @ ((seen - self.expected).square() / self.variance)
        return (square / (1 + square)).masked_fill(~inside, torch.nan)

    def mean(self, by: Place) -> float:
        """Its mean over all points whose light is there; infinite where that is hardly any."""
        there = self.beside(by)
        heard = torch.isfinite(there)
        return float(there[heard].mean()) if float(heard.double().mean()) > _HEARD else np.inf

    def of(self, points: Tensor) -> _Misfit:
        """That of some of the points."""
        return replace(self, expected=self.expected[:, points], at=self.at[points])


def find_displaced(field: PointsOnImage, found: Calibration) -> list[tuple[Tensor, Place]]:
    """Return the points (P,) of each part whose light lies beside them, and where; nothing where more of the light
    than can be told from the rest is elsewhere.

    Parameters
    ----------
    found
        A calibration of all points.
    """
    misfit = _Misfit.under(found, field, _by_brightness(found, field))
    left, parts = torch.isfinite(misfit.beside((0.0, 0.0))), []
    for _ in range(_MOST):
        if not left.any():  # all of it lies elsewhere
            break
        likely = [_part(misfit, left, by, field.pairs) for by in _places(misfit, left)]
        likely = sorted((its for its in likely if its.gain > 0), key=lambda its: -its.gain)[:_JUDGED]
        judged = [_judged(field, its, left) for its in likely]
        good = [its for its in judged if its is not None]
        if not good:
            break
        best, misfit = max(good, key=lambda its: its[0].gain)
        parts.append((best.points, best.by))
        left = left & ~best.points
    return parts if float(left.double().mean()) >= _AGREES else []


def _by_brightness(found: Calibration, field: PointsOnImage) -> Tensor:
    """Illumination (H, W) by the brightness of the image alone: where a tile's points had no say in a calibration, its
    own is made of nothing."""
    high, wide = field.light.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, high), torch.linspace(-1, 1, wide), indexing="ij")
    shapes = torch.stack([x**0, x, y, x * x, x * y, y * y]).double().flatten(1)
    seen = (field.coefficients[0] - found.stray).flatten()
    known = torch.isfinite(seen)
    line = torch.linalg.lstsq(shapes[:, known].T, seen[known, None]).solution[:, 0]
    smooth = (line @ shapes).reshape(high, wide)
    usual = (
        found.floor + float(found.gain[0].real) * float(found.expected(field.light.c_axes)[0].mean()) * found.signal[0]
    )
    return (smooth / usual).clamp_min(0.1)


@dataclass(frozen=True, eq=False)
class _Part:
    """Points (P,) whose light may lie at a place, and how much misfit that would spare them in all."""

    points: Tensor
    by: Place
    gain: float


def _part(misfit: _Misfit, left: Tensor, by: Place, pairs: NDArray[np.int64]) -> _Part:
    """The points, of those that are left, whose light lies rather there than in its stated place."""
    better = torch.nan_to_num(misfit.beside((0.0, 0.0)) - misfit.beside(by), nan=0.0).masked_fill(~left, 0.0)
    points = torch.from_numpy(cut(_NATS * better.numpy() - _DOUBT, pairs)) & left
    return _Part(points, by, float(better[points].sum()))


def _judged(field: PointsOnImage, part: _Part, left: Tensor) -> tuple[_Part, _Misfit] | None:
    """A part found again under the calibration that takes it for right, and that misfit; None where its light does not
    fit there as that of the rest does."""
    found = field.calibrated(part.points, part.by)
    if found is None:
        return None
    misfit = _Misfit.under(found, field)
    part = _part(misfit, left, _nearby(misfit.of(part.points), part.by), field.pairs)
    there, stated = misfit.beside(part.by), misfit.beside((0.0, 0.0))
    heard, rest = part.points & torch.isfinite(there), left & ~part.points
    if int(heard.sum()) < _FEWEST or not bool(rest.any()):
        return None
    misses, before, others = (float(x.mean()) for x in (there[heard], stated[heard], stated[rest]))
    if misses > min(_FITS * before, others + _MORE, _LARGEST):
        return None
    points = _rectangle(part.points, field.light.positions, left)
    return None if points is None else (replace(part, points=points, by=_finer(misfit.of(heard), part.by)), misfit)


def _rectangle(points: Tensor, at: Tensor, left: Tensor) -> Tensor | None:
    """All points, of those that are left, in the rectangle that a part (P,) fills, which is what tiles are; the part
    itself where it has another outline, None where it has none."""
    inside = left.clone()
    for along in at.T:
        lines, which = along.unique(return_inverse=True)
        count = torch.bincount(which, weights=points.double(), minlength=len(lines))
        full = lines[count >= _LINE * count[count > 0].median()]
        inside &= (along >= full.min()) & (along <= full.max())
    filled = float(points[inside].double().mean())
    return inside if filled >= _FILLED[1] else points if filled >= _FILLED[0] else None


def _places(misfit: _Misfit, left: Tensor) -> list[Place]:
    """Places where the light of many of the points (P,) that are left may lie, block by block; the likeliest first."""
    some = left.nonzero()[:, 0]
    misfit = misfit.of(some[:: -(-len(some) // _POINTS)])
    stated, blocks = misfit.beside((0.0, 0.0)), _blocks(misfit.at)

    def gain(by: Place) -> float:
        better = torch.nan_to_num(stated - misfit.beside(by), nan=0.0)
        total = torch.zeros(int(blocks.max()) + 1, dtype=better.dtype).index_add_(0, blocks, better)
        return float((total - _CHANCE).clamp_min(0).sum())

    reach, near = range(-_REACH, _REACH + 1, 2), range(-_NEAR, _NEAR + 1)
    tried = {(float(r), float(c)) for r in reach for c in reach} | {(float(r), float(c)) for r in near for c in near}
    gains = {by: gain(by) for by in tried}
    places: list[Place] = []
    for by in sorted(gains, key=lambda by: (-gains[by], by)):
        if gains[by] < _GAIN or len(places) == _CANDIDATES:
            break
        if all(max(abs(by[0] - x), abs(by[1] - y)) > _APART for x, y in places):
            places.append(max(((by[0] + r, by[1] + c) for r in (-1, 0, 1) for c in (-1, 0, 1)), key=gain))
    return places


def _nearby(misfit: _Misfit, by: Place) -> Place:
    """The place, some pixels from one at most, that all points fit best."""
    for _ in range(_STEPS):
        around = [(by[0] + r, by[1] + c) for r in (-1.0, 0.0, 1.0) for c in (-1.0, 0.0, 1.0)]
        best = min(around, key=misfit.mean)
        if best == by:
            break
        by = best
    return by


def _finer(misfit: _Misfit, by: Place) -> Place:
    """The place of all points between pixels, by parabolas: a mean of pixels would be less noisy and nearer to all."""
    rows, columns = by
    along = [
        [misfit.mean((rows + k, columns)) for k in (-1, 0, 1)],
        [misfit.mean((rows, columns + k)) for k in (-1, 0, 1)],
    ]
    return rows + _lowest(along[0]), columns + _lowest(along[1])


def _lowest(values: list[float]) -> float:
    """Where a parabola through values at -1, 0 and 1 is lowest, in quarters."""
    low, middle, high = values
    bend = low - 2 * middle + high
    if not np.isfinite(bend) or bend <= 0:
        return 0.0
    return round(4 * min(max(0.5 * (low - high) / bend, -0.5), 0.5)) / 4


def _blocks(at: Tensor) -> Tensor:
    """The block (P,) of the field that each point lies in, about square."""
    low, high = at.amin(0), at.amax(0) + 1
    side = torch.sqrt((high - low).prod() * _BLOCK / len(at))
    count = ((high - low) / side).round().clamp_min(1)
    row, column = (((at - low) / (high - low) * count).long()).T
    return row * int(count[1]) + column
