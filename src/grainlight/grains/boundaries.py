"""Angles across edges, and the probability that a boundary runs there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.grains.edges import Edges
from grainlight.grains.symmetry import disorientation
from grainlight.maps.orientation_map import OrientationMap

THRESHOLDS = (2.0, 5.0, 15.0)
"""Degrees usually asked for: subgrains, grains, high-angle boundaries."""


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


def edge_probabilities(
    angles: NDArray[np.float32],
    sample_angles: NDArray[np.float32],
    thresholds: Sequence[float] = THRESHOLDS,
) -> NDArray[np.float32]:
    """Return the probability (T, E) that the disorientation across an edge exceeds each threshold.

    Parameters
    ----------
    angles
        (E,) degrees across the edges of the map itself.
    sample_angles
        (K, E) across those of the ensemble's members, K from 0.
    thresholds
        Degrees.

    Notes
    -----
    The share of the K members and of the map itself, which counts as one more, that exceed the threshold; a map without
    members has probabilities 0 and 1. Edges without an angle have 0, edges between phases 1.
    """
    votes = np.concatenate([angles[None], np.where(np.isfinite(angles), sample_angles, angles)])
    with np.errstate(invalid="ignore"):
        return np.stack([(votes > threshold).mean(axis=0, dtype=np.float32) for threshold in thresholds])


def sample_edge_angles(samples: ArrayLike, ebsd: OrientationMap, edges: Edges) -> NDArray[np.float32]:
    """Return the disorientations (K, E) across the edges of an ensemble's members (K, H, W, 4) of a map."""
    members = np.asarray(samples)
    groups = laue_groups(ebsd)
    angles = np.empty((len(members), len(edges)), dtype=np.float32)
    for number, member in enumerate(members):
        q = member.astype(np.float64)
        # half precision has shortened or stretched them
        q /= np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-6)
        angles[number] = edge_angles(q, ebsd.phase_id, groups, edges)
    return angles
