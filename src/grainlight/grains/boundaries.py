"""Angles across edges, and the probability that a boundary runs there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.constants import constants
from grainlight.crystal.symmetry import disorientation
from grainlight.grains.edges import BOUNDARY_ANGLE, Edges
from grainlight.maps.orientation_map import OrientationMap

THRESHOLDS = (2.0, BOUNDARY_ANGLE, 15.0)
"""Degrees usually asked for: subgrains, grains, high-angle boundaries."""

WORKERS = min(4, os.cpu_count() or 1)
"""Threads that compare the members of an ensemble."""


def edge_angles(
    quaternions: ArrayLike, phase_id: NDArray[np.int16], laue_groups: dict[int, str], edges: Edges
) -> NDArray[np.float32]:
    """Return the disorientation (E,) in degrees across each edge.

    Parameters
    ----------
    quaternions, phase_id
        (H, W, 4) and (H, W); points with a ``phase_id`` below 1 have no orientation.
    laue_groups
        By phase.

    Returns
    -------
    Degrees; NaN where a pixel has no orientation, infinite between two phases.
    """
    q, phase = np.asarray(quaternions).reshape(-1, 4), phase_id.reshape(-1)
    a, b = phase[edges.first], phase[edges.second]
    angle = np.full(len(edges), np.nan, dtype=np.float32)
    angle[(a > 0) & (b > 0)] = np.inf
    for number in np.unique(phase[phase > 0]):
        same = np.flatnonzero((a == number) & (b == number))
        group = laue_groups.get(int(number), "")
        angle[same] = disorientation(q[edges.first[same]], q[edges.second[same]], group)
    return angle


def angles_of_map(ebsd: OrientationMap, edges: Edges) -> NDArray[np.float32]:
    """Return the disorientation (E,) in degrees across the edges of a map, as `edge_angles` does."""
    return edge_angles(ebsd.quaternions, ebsd.phase_id, laue_groups(ebsd), edges)


def laue_groups(ebsd: OrientationMap) -> dict[int, str]:
    """Return the Laue group by phase number."""
    return {phase.id: phase.laue_group for phase in ebsd.phases}


def edge_evidence(
    angles: NDArray[np.float32], sample_angles: NDArray[np.float32], threshold: float
) -> NDArray[np.float32]:
    """Return how much an ensemble sees of a boundary on each edge.

    Parameters
    ----------
    angles
        (E,) degrees across the edges of the map itself.
    sample_angles
        (K, E) across those of the ensemble's members, K from 0.
    threshold
        Degrees.

    Returns
    -------
    (E,) from 0 to 1: the mean over the members and the map, which counts as one more, of the angle cut off at twice the
    threshold, over twice the threshold. One half is what an angle of the threshold itself everywhere gives. 0 where
    there is no angle, 1 between phases.
    """
    cut = 2 * threshold
    total = np.minimum(np.nan_to_num(angles, nan=0.0, posinf=cut), cut)
    for member in sample_angles:
        total += np.minimum(member, cut)
    evidence = total / (cut * (1 + len(sample_angles)))
    return np.where(np.isnan(angles), 0.0, np.where(np.isinf(angles), 1.0, evidence)).astype(np.float32)


def edge_share(
    angles: NDArray[np.float32], sample_angles: NDArray[np.float32], threshold: float
) -> NDArray[np.float32]:
    """Return the share (E,) of an ensemble's members (K, E), the map itself (E,) counting as one, with a boundary.

    A boundary is an angle above ``threshold`` degrees. 0 where there is no angle, 1 between phases.
    """
    count = (angles > threshold).astype(np.float32)
    for member in sample_angles:
        count += member > threshold
    share = count / (1 + len(sample_angles))
    return np.where(np.isnan(angles), 0.0, np.where(np.isinf(angles), 1.0, share)).astype(np.float32)


def edge_probabilities(
    angles: NDArray[np.float32],
    sample_angles: NDArray[np.float32],
    thresholds: Sequence[float] = THRESHOLDS,
) -> NDArray[np.float32]:
    """Return the probability (T, E) that the true disorientation across an edge exceeds each threshold.

    Parameters
    ----------
    angles, sample_angles
        As for `edge_evidence`; the ensemble's members are what makes probabilities.
    thresholds
        Degrees.

    Returns
    -------
    With members the share of true boundaries among edges of like evidence on synthetic sections, without them 0 or 1.
    Edges without an angle have 0, edges between phases 1.
    """
    if not len(sample_angles):
        with np.errstate(invalid="ignore"):
            return np.stack([(angles > threshold).astype(np.float32) for threshold in thresholds])
    known = np.isfinite(angles)
    certain = (angles == np.inf).astype(np.float32)
    its = constants().grain_boundaries
    rows = [np.interp(edge_evidence(angles, sample_angles, level), its.evidence, its.share) for level in thresholds]
    return np.stack([np.where(known, row, certain).astype(np.float32) for row in rows])


def edge_shares(
    angles: NDArray[np.float32],
    sample_angles: NDArray[np.float32],
    thresholds: Sequence[float] = THRESHOLDS,
) -> NDArray[np.float32]:
    """Return `edge_share` (T, E) at each threshold: what there is of a probability where none is calibrated."""
    return np.stack([edge_share(angles, sample_angles, threshold) for threshold in thresholds])


def sample_edge_angles(
    samples: Iterable[NDArray[np.float64]], ebsd: OrientationMap, edges: Edges
) -> NDArray[np.float32]:
    """Return the disorientations (K, E) across the edges of K other sets of orientations (H, W, 4) of a map."""
    groups = laue_groups(ebsd)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        angles = list(pool.map(lambda member: edge_angles(member, ebsd.phase_id, groups, edges), samples))
    return np.stack(angles) if angles else np.zeros((0, len(edges)), np.float32)
