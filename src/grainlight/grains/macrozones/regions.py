"""Regions of grains whose c-axes lie within a tolerance of their common mean.

Grains join pair by pair, the closest first, as long as the c-axis of every grain stays within the tolerance of the mean
of the whole region: a chain of small steps, which would join any texture to any other, so ends where it has turned too
far.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.grains.edges import Edges
from grainlight.grains.segment import connected
from grainlight.maps.orientation_map import OrientationMap

TOLERANCE = 20.0
"""Degrees, as is usual for macrozones of titanium; 15 is the other usual choice."""
FEWEST_GRAINS = 3
AREA = 5.0
"""Mean grain areas that a macrozone has at least."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Macrozone:
    """One macrozone.

    Parameters
    ----------
    grains
        How many it has.
    area, share
        um^2, and share of the pixels with an orientation of a hexagonal phase.
    aspect
        Of the ellipse of the same second moments.
    x, y
        um of its centre, from the first pixel.
    c_axis
        Mean c-axis, a unit vector in frame S.
    spread, widest
        Root mean square angle of its c-axes from the mean by area, and the largest angle between the c-axes of two of
        its grains, in degrees.
    orientation
        Orientation (4,) in frame S, X along a, that most of its area is within the tolerance of.
    full_share
        Share of its area whose full orientation is within the tolerance of that one.
    nearest
        um from its centre to that of the nearest other one; NaN where it is the only one.
    chain
        Degrees between the farthest c-axes of all grains that a chain of steps within the tolerance joins to it.
    """

    grains: int
    area: float
    share: float
    aspect: float
    x: float
    y: float
    c_axis: tuple[float, float, float]
    spread: float
    widest: float
    orientation: tuple[float, float, float, float]
    full_share: float
    nearest: float
    chain: float


@dataclass(frozen=True, eq=False)
class Macrozones:
    """Macrozones of a map: ``labels`` (H, W) from 1, 0 where there is none, by falling area; one ``Macrozone`` each."""

    labels: NDArray[np.int32]
    zones: tuple[Macrozone, ...]
    tolerance: float
    minimum_area: float

    @property
    def share(self) -> float:
        """Of the pixels of hexagonal phases."""
        return float(sum(zone.share for zone in self.zones))


def find_macrozones(
    ebsd: OrientationMap,
    labels: NDArray[np.int32],
    edges: Edges,
    *,
    tolerance: float = TOLERANCE,
    minimum_area: float | None = None,
) -> Macrozones:
    """Find macrozones.

    Parameters
    ----------
    ebsd
        The map, in any frames.
    labels
        (H, W) grains from 1.
    edges
        Of the grid.
    tolerance
        Degrees, above 0, that the c-axis of a grain may be off the mean of its macrozone.
    minimum_area
        um^2 of the smallest one; by default 5 mean grain areas. One has 3 grains at least.
    """
    ebsd = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    known = ebsd.is_6mmm & (labels > 0)
    number = np.where(known, labels, 0)
    count = int(number.max(initial=0)) + 1
    pixels = np.bincount(number.ravel(), minlength=count).astype(np.float64)
    pixels[0] = 0.0
    cell = ebsd.step[0] * ebsd.step[1]
    least = minimum_area if minimum_area is not None else AREA * cell * pixels.sum() / max((pixels > 0).sum(), 1)
    tensor = _tensors(ebsd.c_axes(), number, count)
    first, second = (number.reshape(-1)[side] for side in (edges.first, edges.second))
    pairs = np.unique(
        np.sort(np.stack((first, second), -1)[(first != second) & (first > 0) & (second > 0)], -1), axis=0
    )
    region = _joined(tensor, pairs, tolerance)
    axis = _main_axes(tensor)
    close = _angle(axis[pairs[:, 0]], axis[pairs[:, 1]]) <= tolerance
    chain = connected(pairs[close, 0], pairs[close, 1], count)
    area = np.bincount(region, pixels * cell, minlength=count)
    grains = np.bincount(region, pixels > 0, minlength=count)
    chosen = [int(one) for one in np.argsort(-area) if area[one] >= least and grains[one] >= FEWEST_GRAINS]
    found = np.zeros(count, dtype=np.int32)
    for place, one in enumerate(chosen, 1):
        found[(region == one) & (pixels > 0)] = place
    image = found[number]
    centre = np.array([_centre(image == place + 1, ebsd) for place in range(len(chosen))]).reshape(-1, 2)
    zones = []
    for place in range(len(chosen)):
        members = np.flatnonzero(found == place + 1)
        linked = np.flatnonzero((chain == chain[members[0]]) & (pixels > 0))
        others = np.delete(centre, place, 0)
        away = float(np.hypot(*(others - centre[place]).T).min()) if len(others) else float("nan")
        zones.append(
            _measure(ebsd, image == place + 1, axis[members], _widest(axis[linked]), away, pixels.sum(), tolerance)
        )
    return Macrozones(image, tuple(zones), tolerance, float(least))


def _tensors(c: Array, number: NDArray[np.int32], count: int) -> Array:
    """Sums (count, 3, 3) over the pixels of each grain of c c^T, in which a c-axis and its opposite are one."""
    flat, c = number.ravel(), c.reshape(-1, 3)
    found = np.empty((count, 3, 3))
    for i in range(3):
        for j in range(3):
            found[:, i, j] = np.bincount(flat, c[:, i] * c[:, j], minlength=count)
    return found


def _main_axes(tensor: Array) -> Array:
    """Axis (..., 3) that tensors (..., 3, 3) have most of."""
    return np.asarray(np.linalg.eigh(tensor)[1][..., -1])


def _angle(one: Array, other: Array) -> Array:
    """Degrees between axes (..., 3), 0 to 90."""
    return np.degrees(np.arccos(np.clip(np.abs((one * other).sum(-1)), 0.0, 1.0)))


def _joined(tensor: Array, pairs: NDArray[np.int32], tolerance: float) -> NDArray[np.int64]:
    """Number of the region of each grain (n,): pairs (m, 2) join, the closest first."""
    count = len(tensor)
    own, total, mean = _main_axes(tensor), tensor.copy(), _main_axes(tensor)
    members = [[one] for one in range(count)]
    beside: list[set[int]] = [set() for _ in range(count)]
    alive, version = np.ones(count, dtype=bool), np.zeros(count, dtype=np.int64)
    heap = []
    for (a, b), angle in zip(pairs.tolist(), _angle(own[pairs[:, 0]], own[pairs[:, 1]]).tolist(), strict=True):
        beside[a].add(b)
        beside[b].add(a)
        if angle <= tolerance:
            heap.append((angle, a, b, 0, 0))
    heapq.heapify(heap)
    while heap:
        _, a, b, at_a, at_b = heapq.heappop(heap)
        if not (alive[a] and alive[b]) or (version[a], version[b]) != (at_a, at_b):
            continue
        both = _main_axes(total[a] + total[b])
        if _angle(own[[*members[a], *members[b]]], both).max() > tolerance:
            continue
        if len(members[a]) < len(members[b]):
            a, b = b, a
        members[a] += members[b]
        total[a] += total[b]
        mean[a], alive[b] = both, False
        version[a] += 1
        for other in beside[b]:
            beside[other].discard(b)
            if other != a:
                beside[other].add(a)
                beside[a].add(other)
        for other in beside[a]:
            angle = float(_angle(mean[a], mean[other]))
            if angle <= tolerance:
                heapq.heappush(heap, (angle, a, other, int(version[a]), int(version[other])))
    region = np.zeros(count, dtype=np.int64)
    for one in np.flatnonzero(alive):
        region[members[one]] = one
    return region


def _widest(axes: Array) -> float:
    """Largest angle between two of some axes (n, 3), of a thousand of them at most."""
    some = axes[:: max(1, len(axes) // 1000)]
    return float(np.degrees(np.arccos(np.clip(np.abs(some @ some.T).min(), 0.0, 1.0))))


def _centre(inside: NDArray[np.bool_], ebsd: OrientationMap) -> tuple[float, float]:
    return float(ebsd.x[inside].mean()), float(ebsd.y[inside].mean())


def _measure(
    ebsd: OrientationMap,
    inside: NDArray[np.bool_],
    axes: Array,
    chain: float,
    away: float,
    pixels: float,
    tolerance: float,
) -> Macrozone:
    c = ebsd.c_axes()[inside]
    mean = _main_axes(np.einsum("ni,nj->ij", c, c))
    mean = mean if mean[2] >= 0 else -mean
    x, y = ebsd.x[inside], ebsd.y[inside]
    spread = np.linalg.eigvalsh(np.cov(np.stack((x, y))) + 1e-12 * np.eye(2))
    q = torch.from_numpy(np.ascontiguousarray(ebsd.quaternions[inside]))
    some = q[:: max(1, len(q) // 200)]
    every = q[:: max(1, len(q) // 5000)]
    within = torch.rad2deg(disorientation_angle(some[:, None], every[None])) <= tolerance
    most = int(within.sum(1).argmax())
    return Macrozone(
        len(axes),
        float(inside.sum()) * ebsd.step[0] * ebsd.step[1],
        float(inside.sum()) / pixels,
        float(np.sqrt(spread[1] / spread[0])),
        float(x.mean()),
        float(y.mean()),
        (float(mean[0]), float(mean[1]), float(mean[2])),
        float(np.sqrt((_angle(c, mean) ** 2).mean())),
        _widest(axes),
        tuple(some[most].tolist()),
        float(within[most].double().mean()),
        away,
        chain,
    )
