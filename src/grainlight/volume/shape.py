"""Shape interpolation: a section between two others by the interpolated signed distances of their grains.

Raya and Udupa (1990), Shape-based interpolation of multidimensional objects: the classical way to fill in sections,
and what light is measured against.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.grains.edges import BOUNDARY_ANGLE, edges_of
from grainlight.grains.segment import components

# Pixels around a grain in which its distance is asked for; farther away it is at least that.
_MARGIN = 12


def label_grains(quaternions: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Grains (H, W) from 1, connected by steps of up to 5 degrees; 0 where not ``known``."""
    edges = edges_of(known.shape)  # type: ignore[arg-type]
    flat = torch.from_numpy(quaternions.reshape(-1, 4))
    angle = torch.rad2deg(disorientation_angle(flat[edges.first], flat[edges.second])).numpy()
    return components(angle <= BOUNDARY_ANGLE, known, edges)


def interpolate_shapes(
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    known: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    distance: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A map between two maps (H, W, 4) in frame S with X along a.

    Parameters
    ----------
    known
        (H, W) pixels of each that have an orientation.
    distance
        To each, in the same unit.

    Returns
    -------
    Orientations (H, W, 4), and where there are any (H, W). A pixel has the orientation of a pixel of its grain: the
    nearest one, of the nearer section that shows the grain.
    """
    labels = [label_grains(q, k) for q, k in zip((below, above), known, strict=True)]
    labels[1] = _matched(labels, (below, above))
    weight = np.array([distance[1], distance[0]]) / sum(distance)
    shape = labels[0].shape
    best, chosen = np.full(shape, -np.inf), np.zeros(shape, np.int32)
    boxes = [find_objects(one) for one in labels]
    for grain in range(1, max(int(one.max(initial=0)) for one in labels) + 1):
        its = [b[grain - 1] for b in boxes if grain <= len(b) and b[grain - 1] is not None]
        if not its:
            continue
        window = _around(its, shape)
        height = sum(w * _signed_distance(one[window] == grain) for w, one in zip(weight, labels, strict=True))
        better = height > best[window]
        best[window][better] = height[better]
        chosen[window][better] = grain
    return _filled(chosen, labels, (below, above), distance)


def _around(boxes: list[tuple[slice, slice]], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The window around boxes, with a margin."""
    rows, columns = (
        slice(
            max(min(b[axis].start for b in boxes) - _MARGIN, 0),
            min(max(b[axis].stop for b in boxes) + _MARGIN, shape[axis]),
        )
        for axis in (0, 1)
    )
    return rows, columns


def _signed_distance(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance (H, W) to the boundary of a region in pixels, positive inside."""
    if not inside.any():
        # Where a section does not show the grain it ends somewhere between: half of the margin away.
        return np.full(inside.shape, -_MARGIN / 2)
    if inside.all():
        return np.full(inside.shape, float(_MARGIN))
    return np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))


def _matched(labels: list[NDArray[np.int32]], maps: tuple[NDArray[np.float64], ...]) -> NDArray[np.int32]:
    """The second labels with the numbers of the grains of the first that they overlap most and are alike."""
    first, second = labels
    both = (first > 0) & (second > 0)
    pair = np.stack((second[both], first[both]), -1)
    angle = torch.rad2deg(disorientation_angle(*(torch.from_numpy(q[both]) for q in maps))).numpy()
    pairs, count = np.unique(pair[angle <= BOUNDARY_ANGLE], axis=0, return_counts=True)
    number = np.arange(int(second.max(initial=0)) + 1) + int(first.max(initial=0))
    number[0] = 0
    taken: set[int] = set()
    for at in np.argsort(-count, kind="stable"):
        its, other = (int(n) for n in pairs[at])
        if number[its] > first.max(initial=0) and other not in taken:
            number[its] = other
            taken.add(other)
    return number[second].astype(np.int32)


def _filled(
    chosen: NDArray[np.int32],
    labels: list[NDArray[np.int32]],
    maps: tuple[NDArray[np.float64], ...],
    distance: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Orientations of chosen grains: of the nearest pixel of that grain, in the nearer section first."""
    out = np.zeros((*chosen.shape, 4))
    out[..., 0] = 1.0
    done = np.zeros(chosen.shape, bool)
    for layer in np.argsort(distance):
        label, q = labels[layer], maps[layer]
        alike = (label == chosen) & (chosen > 0) & ~done
        out[alike], done[alike] = q[alike], True
        boxes = find_objects(label)
        for grain in np.unique(chosen[(chosen > 0) & ~done]):
            box = boxes[grain - 1] if grain <= len(boxes) else None
            if box is None:
                continue
            window = _around([box], chosen.shape)
            asked = (chosen[window] == grain) & ~done[window]
            there = label[window] == grain
            row, column = distance_transform_edt(~there, return_distances=False, return_indices=True)
            out[window][asked] = q[window][row[asked], column[asked]]
            done[window][asked] = True
    return out, done
