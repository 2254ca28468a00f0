"""Regions whose light contradicts the c-axes that are known there: residue, a tile that lies elsewhere, haze.

A known c-axis says what light its pixel, or a mixture with its neighbours' grains, should show. How far the light
misses that has one distribution where light and axes belong together, and another where the light is that of anything:
the second is found by comparing the light of every point with the axes of another, the first in the neighbourhoods that
agree best. Their ratio is each point's evidence, and regions are the labelling of the points by two states that
maximises the evidence less the length of its border (a minimum cut; Greig, Porteous and Seheult 1989). No size is
presumed, and nothing is asked of a restored map, which would follow the light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.damage.stain import with_own_gain
from grainlight.optics.calibration.light_noise import LightNoise, add_terms, interpolate, measure_noise, shot_factors
from grainlight.optics.calibration.point_fit import calibrate_points
from grainlight.optics.calibration.point_light import PointLight
from grainlight.optics.forward.illumination import Relief

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BRIGHTNESS, ALL = 0, 1
"""States beside light that is right: A0 is wrong alone (haze), or every group is."""
_NEIGHBOURS = 8
_REACH = 1.6  # distances between points up to which they are neighbours
_MIXED = 0.6  # most that a neighbour's grain has of a measured point's light
_BINS = 12
# The next four were found with `python -m benchmarks.regions`.
_MOST = 2.0  # evidence of one point, in nats: chance and wrong axes must not outvote a neighbourhood
_PRIOR = (0.8, 0.2)  # evidence that a point must bring for its brightness alone, and for its light, to be doubted
_BORDER = 0.5  # evidence that a pair of neighbours costs whose light is of different states
_LEAST = 5.0  # evidence of a region in all
_BEST = 0.6  # share of the neighbourhoods that agreeing light is known from
_FEWEST = 60
_TRANSPARENT = 0.3  # gain of polarized light below which a place is opaque
_FEW, _WINDOW = 6, 20  # points that such a gain is found from
REACHED = 0.2
"""Of the way from a point whose light is right to one whose light is wrong, up to where it is believed."""
_MANY = 0.01  # share of the points from which a calibration is made without them
_TURNS = 2  # calibrations on points that the one before did not find to contradict their light
_REGAINED = 0.5  # of the points of a region, most that contradict their light with a gain of its own too
_HOLE = 0.5  # cells from the nearest with a point, beyond which a cell has no say
_UNITS = 1000  # of evidence: the cut is found in whole numbers


@dataclass(frozen=True)
class Regions:
    """Where light is wrong: ``share`` (2, h, w) of the points of each cell of a grid over an image whose A0 alone, and
    whose light, is wrong; ``shape`` of the image in pixels; ``points`` (2, P) the same of the points."""

    share: Tensor
    shape: tuple[int, int]
    points: Tensor

    def at(self, row: Tensor, column: Tensor) -> Tensor:
        """Return (2, ...) bool at pixel positions of the image, rows (R, 1) by columns (C,) or equal shapes."""
        return torch.stack([Relief(share, self.shape).at(row, column) > REACHED for share in self.share])

    def told(self) -> tuple[str, ...]:
        """Return sentences for the user."""
        out = []
        alone = self.share[BRIGHTNESS] * (1 - self.share[ALL])
        for share, what in ((self.share[ALL], "light"), (alone, "brightness of the light")):
            where = share > REACHED
            part = 100 * float(where.double().mean())
            if part == 0:
                continue
            rows, columns = (where.any(1 - axis).nonzero()[:, 0] for axis in (0, 1))
            edges = [
                round(float(at) * size / count)
                for at, size, count in (
                    (rows.min(), self.shape[0], len(share)),
                    (rows.max() + 1, self.shape[0], len(share)),
                    (columns.min(), self.shape[1], share.shape[1]),
                    (columns.max() + 1, self.shape[1], share.shape[1]),
                )
            ]
            out.append(
                f"The {what} is not used over {part:.2g} % of the field (within rows {edges[0]} to {edges[1]}, columns "
                f"{edges[2]} to {edges[3]} of the output), because it contradicts what EBSD measured there."
            )
        return tuple(out)


def calibrate_trusted(
    light: PointLight, axis_noise: float, *, rotates: str = "sample", mirror: bool = False
) -> tuple[Calibration, LightNoise, Regions | None]:
    """Calibrate, and calibrate again on the points whose light was not found to lie; arguments as for `calibrate` and
    `measure_noise`, errors as there."""
    found = calibrate_points(light, rotates=rotates, mirror=mirror)
    noise = measure_noise(found, light, axis_noise)
    graph = Neighbours.of(light)
    regions = find_regions(found, light, noise, graph)
    for _ in range(_TURNS):
        # A robust fit bears a few; many bend it.
        if regions is None or float(regions.points[ALL].double().mean()) < _MANY:
            break
        trusted = light.without(regions.points[ALL])
        try:
            found = calibrate_points(trusted, rotates=rotates, mirror=mirror)
        except InputError:
            break  # too few are left: the light of the rest is judged as it is
        noise = measure_noise(found, trusted, axis_noise)
        regions = find_regions(found, light, noise, graph)
    if regions is not None and bool(regions.points[ALL].any()):
        films = _films(found, light, noise, graph, regions)
        if bool(films.any()):
            found = with_own_gain(found, light, films, _share(films, light, graph))
            regions = find_regions(found, light, noise, graph)
    return found, noise, regions


def _films(
    calibration: Calibration, light: PointLight, noise: LightNoise, graph: Neighbours, regions: Regions
) -> Tensor:
    """Points (P,) of regions most of whose light contradicts their axes no more where it has a gain of its own."""
    lies = regions.points[ALL]
    regained = with_own_gain(calibration, light, lies, regions.share[ALL])
    left = find_regions(regained, light, noise, graph)
    part = _parts(lies[graph.good].numpy(), graph.pairs)
    still = np.zeros(len(part)) if left is None else left.points[ALL][graph.good].double().numpy()
    freed = np.bincount(part, weights=still) < _REGAINED * np.bincount(part)
    films = torch.zeros_like(lies)
    films[graph.good] = lies[graph.good] & torch.from_numpy(freed[part])
    return films


def _share(points: Tensor, light: PointLight, graph: Neighbours) -> Tensor:
    """Share (h, w) of some points (P,) of those of each cell of a grid."""
    its = points[graph.good].numpy()[None]
    return on_cells(its, light.positions[graph.good].numpy(), light.shape)[0]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Points (n,) that say something, the index (n, 8) of the neighbours of each, its own where there is none, and the
    pairs (m, 2) of all neighbours."""

    good: Tensor
    near: NDArray[np.int64]
    pairs: NDArray[np.int64]

    @classmethod
    def of(cls, light: PointLight) -> Neighbours:
        """Return those of a light."""
        good = torch.isfinite(light.coefficients).all(0) & torch.isfinite(light.c_axes).all(1) & (light.clipped <= 0)
        good = good.nonzero()[:, 0]
        at = light.positions[good].numpy()
        if len(at) < _FEWEST:
            nothing = np.zeros((0, 2), np.int64)
            return cls(good[:0], nothing, nothing)
        distance, index = cKDTree(at).query(at, k=_NEIGHBOURS + 1)
        own = np.arange(len(at))[:, None]
        close = distance[:, 1:] <= _REACH * np.median(distance[:, 1])
        near = np.where(close, index[:, 1:], own).astype(np.int64)
        # As one number each, which sort much faster than pairs.
        codes = np.sort((np.minimum(near, own) * len(at) + np.maximum(near, own))[close])
        codes = codes[np.diff(codes, prepend=-1) > 0]
        return cls(good, near, np.stack(np.divmod(codes, len(at)), 1))


def find_regions(
    calibration: Calibration, light: PointLight, noise: LightNoise, graph: Neighbours | None = None
) -> Regions | None:
    """Find the regions whose light contradicts the known c-axes; None where there is none.

    Parameters
    ----------
    calibration, noise
        Of the whole image.
    light
        Harmonics at the points.
    graph
        Of the points, where it is at hand.
    """
    graph = graph or Neighbours.of(light)
    good, near, pairs = graph.good, graph.near, graph.pairs
    if not len(good):
        return None
    row, column = light.positions[good].T
    state = calibration.canonical(light.coefficients[:, good], calibration.illumination.at(row, column))
    at, expected = light.positions[good].numpy(), calibration.expected(light.c_axes[good])
    level = _usual_level(calibration, light, noise, expected)
    polar = [k for k in (1, 2, 3, 4) if calibration.signal[(k + 1) // 2]]
    lies = {}
    for kind, channels in ((ALL, polar), (BRIGHTNESS, [0] if calibration.signal[0] else [])):
        lies[kind] = np.zeros(len(good), dtype=bool)
        if channels:
            evidence = _evidence(state[channels], level[channels], expected[channels], near, at)
            if evidence is not None:
                lies[kind] = cut(evidence - _PRIOR[kind], pairs)
    if not any(found.any() for found in lies.values()):
        return None
    # Without the local brightness, which would be made of nothing.
    relief = calibration.illumination.relief.at(row, column)
    dim = np.flatnonzero(lies[BRIGHTNESS])
    lies[ALL][dim] |= _opaque((state * relief)[polar][:, dim], expected[polar][:, dim], at[dim])
    wrong = torch.zeros(2, len(light.c_axes), dtype=torch.bool)
    for kind, found in lies.items():
        wrong[kind, good[torch.from_numpy(found)]] = True
    return Regions(on_cells(wrong[:, good].numpy(), at, light.shape), light.shape, wrong)


def _opaque(state: Tensor, expected: Tensor, at: Array) -> Mask:
    """Points (n,) at places (n, 2) around which the polarized light (C, n) does not follow the axes, not even with
    another gain."""
    if len(at) < _FEW or not len(state):
        return np.ones(len(at), dtype=bool)
    index = cKDTree(at).query(at, k=min(_WINDOW, len(at)))[1]
    # About the means: a background is no polarized light that follows the axes.
    seen, toward = (x[:, index] - x[:, index].mean(-1, keepdim=True) for x in (state, expected))
    gain = (seen * toward).sum((0, 2)) / toward.square().sum((0, 2)).clamp_min(1e-12)
    opaque: Mask = (gain < _TRANSPARENT).numpy()
    return opaque


def _usual_level(calibration: Calibration, light: PointLight, noise: LightNoise, expected: Tensor) -> Tensor:
    """Noise (5, n) of the light (5, n) of known axes under usual brightness: what lies must not excuse itself by being
    dark."""
    a0 = light.coefficients[0]
    usual = a0[torch.isfinite(a0)].median()[None]
    rms = float(interpolate(usual, *noise.frames))
    factors = torch.tensor(shot_factors(calibration, light.group_noise), dtype=torch.float64)
    variance = (rms * factors).square()[:, None].repeat(1, expected.shape[1])
    add_terms(variance, expected, calibration, noise.terms, torch.ones(expected.shape[1], dtype=torch.float64))
    return variance.sqrt()[[0, 1, 1, 2, 2]]


def _evidence(state: Tensor, level: Tensor, expected: Tensor, near: NDArray[np.int64], at: Array) -> Array | None:
    """Evidence (n,) that the light of each point is wrong, in nats; None where right and wrong look alike."""
    own = _missed(state, level, expected, near, np.arange(len(at)))
    other = np.random.default_rng(0).permutation(len(at))
    strange = _missed(state, level, expected, near, other)
    capped = np.minimum(own, np.median(strange))
    around = (capped[near].sum(1) + 1e-9) / near.shape[1]
    best = own[around <= np.quantile(around, _BEST)]
    edges = np.quantile(np.concatenate((best, strange)), np.linspace(0, 1, _BINS + 1)[1:-1])
    bins = [np.digitize(x, edges) for x in (best, strange, own)]
    right, wrong = ((np.bincount(b, minlength=_BINS) + 1.0) / (len(b) + _BINS) for b in bins[:2])
    ratio = np.maximum.accumulate(np.log(wrong / right))
    # A light that follows nothing cannot be told from one that lies.
    if ratio[-1] <= 0:
        return None
    evidence: Array = np.clip(ratio, -_MOST, _MOST)[bins[2]]
    return evidence


def _missed(state: Tensor, level: Tensor, expected: Tensor, near: NDArray[np.int64], of: NDArray[np.int64]) -> Array:
    """Distance (n,) of the light of each point, in units of its noise, from what the axis of point ``of`` (n,) and its
    mixtures with those around it would show."""
    best = np.full(len(of), np.inf)
    own, noise = expected[:, of], level[:, of]
    scaled = (state - own) / noise
    for k in range(near.shape[1]):
        way = (expected[:, near[of, k]] - own) / noise
        part = ((scaled * way).sum(0) / way.square().sum(0).clamp_min(1e-12)).clamp(0, _MIXED)
        best = np.minimum(best, (scaled - part * way).square().sum(0).numpy())
    return np.sqrt(best / len(state))


def cut(net: Array, pairs: NDArray[np.int64], border: float = _BORDER, least: float = _LEAST) -> Mask:
    """Points (n,) of the wrong state in the best labelling, by their net evidence, of which a pair (m, 2) of different
    states costs ``border``; regions of less than ``least`` left out."""
    count = len(net)
    nothing = np.zeros(count, dtype=bool)
    if not (net > 0).any():
        return nothing
    source, sink = count, count + 1
    units = np.round(net * _UNITS).astype(np.int32)
    up, down = np.flatnonzero(units > 0), np.flatnonzero(units < 0)
    between = np.full(len(pairs), round(border * _UNITS), dtype=np.int32)
    # older releases of scipy take graphs of 32 bits only
    rows = np.concatenate((np.full(len(up), source), down, pairs[:, 0], pairs[:, 1])).astype(np.int32)
    columns = np.concatenate((up, np.full(len(down), sink), pairs[:, 1], pairs[:, 0])).astype(np.int32)
    capacity = np.concatenate((units[up], -units[down], between, between))
    graph = csr_array(coo_array((capacity, (rows, columns)), shape=(count + 2, count + 2)))
    flow = maximum_flow(graph, source, sink).flow
    rest = graph - flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    wrong = nothing.copy()
    wrong[reached[reached < count]] = True
    region = _parts(wrong, pairs)
    enough = np.bincount(region, weights=np.where(wrong, net, 0.0)) >= least
    return wrong & enough[region]


def _parts(wrong: Mask, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number (n,) of the connected part that each point is in; points that are not wrong are parts of their own."""
    both = pairs[wrong[pairs].all(1)]
    linked = coo_array((np.ones(len(both), np.int8), (both[:, 0], both[:, 1])), shape=(len(wrong), len(wrong)))
    return connected_components(linked, directed=False)[1].astype(np.int64)


def on_cells(wrong: NDArray[Any], at: Array, shape: tuple[int, int]) -> Tensor:
    """Mean (n, h, w) over the points (n, P) of every cell; cells beside them without a point take their nearest's."""
    side = np.sqrt(shape[0] * shape[1] / len(at))
    high, wide = (max(1, round(n / side)) for n in shape)
    row = np.clip((at[:, 0] + 0.5) * high / shape[0], 0, high - 1).astype(np.int64)
    column = np.clip((at[:, 1] + 0.5) * wide / shape[1], 0, wide - 1).astype(np.int64)
    cell = row * wide + column
    count = np.bincount(cell, minlength=high * wide).reshape(high, wide)
    away, nearest = distance_transform_edt(count == 0, return_indices=True)
    shares = []
    for its in wrong:
        share = np.bincount(cell, weights=its, minlength=high * wide).reshape(high, wide) / np.maximum(count, 1)
        # In a hole of the scan nothing contradicts the light.
        shares.append(np.where(away <= _HOLE, share[tuple(nearest)], 0.0))
    return torch.from_numpy(np.stack(shares))
