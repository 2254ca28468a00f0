"""The whole analysis of a map: grains, boundaries, special relations, figures with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.crystal.frames import CrystalFrame
from grainlight.grains.boundaries import (
    WORKERS,
    angles_of_map,
    edge_probabilities,
    edge_share,
    edge_shares,
    sample_edge_angles,
)
from grainlight.grains.edges import BOUNDARY_ANGLE, Edges, edges_of_map
from grainlight.grains.interval import Interval, bounds, distance, interval
from grainlight.grains.matching import match
from grainlight.grains.relations import Variants, looked_for, of_pairs
from grainlight.grains.segment import MINIMUM_PIXELS, core, segment
from grainlight.grains.special import TOLERANCE, Special
from grainlight.grains.statistics import Grains, grain_statistics, kernel_average
from grainlight.grains.summary import summarise
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.same_phase import with_each_phase_once

TABLES = ("grain_intervals", "grain_boundaries")
"""Of `grainlight.constants`: what intervals and probabilities rest on."""
WITH_INTERVAL = ("area", "diameter", "aspect", "gos")
"""Columns of `Grains` that get an interval per grain."""


@dataclass(frozen=True, eq=False)
class GrainMap:
    """Grains and boundaries of a map (H, W) with E edges, N grains and K samples.

    Parameters
    ----------
    ebsd
        The map, X along a, and phases that it lists twice as one.
    labels
        (H, W) int32 grain ids from 1, 0 where there is none: at points without an orientation, and at places of fewer
        than ``minimum_pixels`` with no neighbour of their phase.
    grains
        Statistics.
    edges
        The grid's edges; `Edges.right` and `Edges.down` turn what is (E,) into images.
    angle
        (E,) degrees across each edge; NaN beside points without an orientation, infinite between phases.
    boundary
        (E,) whether the edge separates two grains.
    probability
        (3, E) that the angle exceeds 2, 5 and 15 degrees (`boundaries.THRESHOLDS`); the share of the samples, the map
        counting as one, where probabilities are not ``calibrated``.
    special
        (E,) int8 index into ``systems`` on boundaries, -1 elsewhere and where the boundary is a general one.
    systems
        Special orientation relations that were looked for.
    rules
        A sentence for each hexagonal phase: which these are, and why.
    kam
        (H, W) kernel average misorientation in degrees, NaN where unknown and at pixels that only joined their grain
        (`segment.core`).
    figures
        Figures of the map by name (`summary.QUANTITIES`, and the fraction of each special relation), with intervals.
    low, high, spread
        Ends of the 90 % interval and distance of the samples per grain, (N,) each, for the columns `WITH_INTERVAL`;
        empty without samples, and where these are not ``calibrated``.
    agreement
        (N,) mean over samples of the overlap (intersection over union) with the grain of the sample that fits best:
        1 for a grain that all samples draw alike; NaN without samples.
    threshold, minimum_pixels, tolerance
        As given to `find_grains`.
    crystal_frame
        Of the map that was given; tables write their Euler angles in it.
    """

    ebsd: OrientationMap
    labels: NDArray[np.int32]
    grains: Grains
    edges: Edges
    angle: NDArray[np.float32]
    boundary: NDArray[np.bool_]
    probability: NDArray[np.float32]
    special: NDArray[np.int8]
    systems: tuple[Special, ...]
    rules: tuple[str, ...]
    kam: NDArray[np.float32]
    figures: dict[str, Interval]
    low: dict[str, NDArray[np.float64]]
    high: dict[str, NDArray[np.float64]]
    spread: dict[str, NDArray[np.float64]]
    agreement: NDArray[np.float64]
    threshold: float
    minimum_pixels: int
    tolerance: float
    crystal_frame: CrystalFrame = CrystalFrame.X_ALONG_A

    @property
    def left_out(self) -> float:
        """Share of the pixels with an orientation that belong to no grain, 0 to 1: lone places too small for one."""
        indexed = self.ebsd.indexed
        return float((indexed & (self.labels == 0)).sum()) / max(int(indexed.sum()), 1)


def find_grains(
    ebsd: OrientationMap,
    samples: ArrayLike | None = None,
    *,
    threshold: float = BOUNDARY_ANGLE,
    minimum_pixels: int = MINIMUM_PIXELS,
    tolerance: float = TOLERANCE,
    systems: Sequence[Special] | None = None,
    burgers: Variants = "auto",
    calibrated: bool = True,
) -> GrainMap:
    """Find grains and boundaries of a map, restored or not.

    Parameters
    ----------
    ebsd
        Any map; grid of squares or hexagons, any phases.
    samples
        (K, H, W, 4) orientations of an ensemble in the frames of the map (`restore.result.Result.samples`); without
        them there are no intervals and probabilities are 0 or 1.
    threshold
        Degrees from which neighbours belong to different grains.
    minimum_pixels
        Smaller grains join a neighbour of their phase; those that have none are left out.
    tolerance
        Degrees within which a boundary counts as a special one.
    systems
        Special relations; by default those of the metals of the phases (`relations.looked_for`).
    burgers
        Whether Burgers variants are among them: "yes", "no", or "auto" for phases that come from beta.
    calibrated
        Whether the samples are of the weights that margins and probabilities were fitted for (`grainlight.constants`);
        of others there are no intervals.
    """
    members = np.zeros((0, *ebsd.shape, 4), np.float16) if samples is None else np.asarray(samples)
    if len(members) and members.shape[1:] != ebsd.quaternions.shape:
        raise ValueError(f"samples of shape {members.shape} for a map of shape {ebsd.shape}")
    ebsd = with_each_phase_once(ebsd)
    given = ebsd.crystal_frame
    maps = [_member(ebsd, member).in_crystal_frame(CrystalFrame.X_ALONG_A) for member in members]
    ebsd = ebsd.in_crystal_frame(CrystalFrame.X_ALONG_A)
    edges = edges_of_map(ebsd)
    angle = angles_of_map(ebsd, edges)
    across = sample_edge_angles([one.quaternions for one in maps], ebsd, edges)
    probability = edge_probabilities(angle, across) if calibrated else edge_shares(angle, across)

    def divide(one: OrientationMap, own: NDArray[np.float32], others: NDArray[np.float32]) -> _Divided:
        share = edge_share(own, others, threshold) if len(others) else None
        labels = segment(own, one.indexed, edges, threshold=threshold, share=share, minimum_pixels=minimum_pixels)
        of_grain = core(labels, own, edges, threshold=threshold, minimum_pixels=minimum_pixels)
        return _divide(one, labels, of_grain, own, edges)

    divided = divide(ebsd, angle, across)
    rules: tuple[str, ...] = ()
    if systems is None:
        systems, rules = looked_for(ebsd, divided.labels, divided.grains, edges, tolerance, burgers)
    relations = tuple(systems)
    main = _measure(ebsd, divided, edges, relations, tolerance)
    # numpy computes outside Python's lock: members on several cores
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        drawn = list(
            pool.map(
                lambda one, own: _measure(one, divide(one, own, across[:0]), edges, relations, tolerance), maps, across
            )
        )
    figures = {
        name: interval(name, value, [one.figures[name] for one in drawn] if calibrated else [])
        for name, value in main.figures.items()
    }
    spread, agreement = _per_grain(main, drawn)
    if not calibrated:
        spread = {}
    scale = margin_scale(main.grains.pixels)
    ends = {name: bounds(f"grain {name}", getattr(main.grains, name), apart, scale) for name, apart in spread.items()}
    return GrainMap(
        ebsd=ebsd,
        labels=main.labels,
        grains=main.grains,
        edges=edges,
        angle=angle,
        boundary=main.boundary,
        probability=probability,
        special=main.special,
        systems=relations,
        rules=rules,
        kam=main.kam,
        figures=figures,
        low={name: low for name, (low, _) in ends.items()},
        high={name: high for name, (_, high) in ends.items()},
        spread=spread,
        agreement=agreement,
        threshold=threshold,
        minimum_pixels=minimum_pixels,
        tolerance=tolerance,
        crystal_frame=given,
    )


@dataclass(frozen=True, eq=False)
class _Divided:
    """One division of a map into grains."""

    labels: NDArray[np.int32]
    grains: Grains
    boundary: NDArray[np.bool_]
    kam: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Drawn(_Divided):
    """One division of a map into grains and what it measures."""

    special: NDArray[np.int8]
    figures: dict[str, float]


def _divide(
    ebsd: OrientationMap,
    labels: NDArray[np.int32],
    of_grain: NDArray[np.bool_],
    angle: NDArray[np.float32],
    edges: Edges,
) -> _Divided:
    kam = kernel_average(angle, edges, labels=labels)
    kam[~of_grain] = np.nan
    flat = labels.reshape(-1)
    boundary = (flat[edges.first] != flat[edges.second]) & (flat[edges.first] > 0) & (flat[edges.second] > 0)
    return _Divided(labels, grain_statistics(labels, ebsd, edges, kam, of_grain), boundary, kam)


def _measure(
    ebsd: OrientationMap, of: _Divided, edges: Edges, systems: tuple[Special, ...], tolerance: float
) -> _Drawn:
    flat = of.labels.reshape(-1)
    special = np.full(len(edges), -1, np.int8)
    if systems and len(of.grains):
        at = np.flatnonzero(of.boundary)
        special[at] = of_pairs(flat[edges.first[at]], flat[edges.second[at]], of.grains, ebsd, systems, tolerance)
    area = float(ebsd.indexed.sum()) * ebsd.step[0] * ebsd.step[1]
    figures = summarise(of.grains, of.boundary, special, systems, edges, area)
    return _Drawn(of.labels, of.grains, of.boundary, of.kam, special, figures)


def _member(ebsd: OrientationMap, member: NDArray) -> OrientationMap:
    """The map with the orientations of one sample where its phase is hexagonal; half precision has bent their norm."""
    q = member.astype(np.float64)
    q /= np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-6)
    return ebsd.replace(quaternions=np.where(ebsd.is_6mmm[..., None], q, ebsd.quaternions))


def _per_grain(main: _Drawn, drawn: list[_Drawn]) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Return the distances of the samples from the columns of each grain and how much they agree with it."""
    count = len(main.grains)
    if not drawn or not count:
        return {}, np.full(count, np.nan)
    partners, overlaps = zip(*(match(main.labels, one.labels) for one in drawn), strict=True)
    spread = {}
    for name in WITH_INTERVAL:
        values = np.asarray(getattr(main.grains, name), dtype=np.float64)
        samples = np.stack([getattr(one.grains, name)[p - 1] for one, p in zip(drawn, partners, strict=True)])
        spread[name] = distance(f"grain {name}", values, samples)
    return spread, np.mean(overlaps, axis=0)


def margin_scale(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scale (N,) of the margins of grains: boundaries a little off matter less to larger grains."""
    return np.sqrt(100.0 / pixels)
