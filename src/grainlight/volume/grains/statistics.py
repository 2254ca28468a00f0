"""Statistics of the grains of a volume: size, place, mean orientation, spread, neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame
from grainlight.crystal.symmetry import disorientation, nearest_equivalent
from grainlight.volume.grains.labels import Grouped
from grainlight.volume.grains.parts import Parts
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VolumeGrains:
    """Grains of a volume, one entry each, in the order of their labels 1, 2, ...

    Parameters
    ----------
    id, phase
        (N,) label and number of the phase.
    voxels
        (N,) in all sections.
    on_edge
        (N,) whether the grain touches the border of the volume: from outside, along x, y or z, nothing known lies
        before it. Averages leave such grains out, as ASTM E2627 does in a section.
    x, y, z
        (N,) um of the centroid; x and y from the volume's origin, y down, z as the heights of the sections.
    volume, diameter
        (N,) um3, each section as thick as `Volume.thickness`, and um; the diameter is that of the sphere of equal
        volume.
    orientation
        (N, 4) mean orientation in the sample frame of the volume, X along a.
    gos
        (N,) degrees: grain orientation spread, the mean disorientation to the mean orientation.
    uncertainty
        (N,) degrees: mean bound of the error of its voxels; NaN where there is none.
    neighbours
        (N,) number of grains that share a face.
    """

    id: NDArray[np.int32]
    phase: NDArray[np.int16]
    voxels: NDArray[np.int64]
    on_edge: NDArray[np.bool_]
    x: Array
    y: Array
    z: Array
    volume: Array
    diameter: Array
    orientation: Array
    gos: Array
    uncertainty: Array
    neighbours: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.id)


def volume_statistics(volume: Volume, parts: Parts, grouped: Grouped) -> VolumeGrains:
    """Return the statistics of the grains of a volume; one section at a time is held.

    Means and spreads are of the voxels with an orientation of the grain (`Grouped.core`), sizes of all.
    """
    sizes = _Sizes.of(volume, parts, grouped)
    phase, mean = _mean_orientations(volume, parts, grouped)
    gos = _spreads(volume, parts, grouped, mean)
    number = len(sizes.voxels)
    contacts = grouped.contacts
    around = np.bincount(np.concatenate([contacts.first, contacts.second]), minlength=number + 1)[1:]
    return VolumeGrains(
        id=np.arange(1, number + 1, dtype=np.int32),
        phase=phase,
        voxels=sizes.voxels,
        on_edge=sizes.on_edge,
        x=sizes.centre[0],
        y=sizes.centre[1],
        z=sizes.centre[2],
        volume=sizes.volume,
        diameter=np.cbrt(6 * sizes.volume / np.pi),
        orientation=np.where(mean[:, :1] < 0, -mean, mean),
        gos=gos,
        uncertainty=sizes.uncertainty,
        neighbours=around,
    )


@dataclass(frozen=True, eq=False)
class _Sizes:
    voxels: NDArray[np.int64]
    volume: Array
    centre: Array
    on_edge: NDArray[np.bool_]
    uncertainty: Array

    @classmethod
    def of(cls, volume: Volume, parts: Parts, grouped: Grouped) -> _Sizes:
        number = int(grouped.grain.max(initial=0))
        rows, columns = volume.shape[1:]
        y, x = np.divmod(np.arange(rows * columns), columns)
        voxels, sums = np.zeros(number + 1, np.int64), np.zeros((4, number + 1))
        bound, bounded = np.zeros(number + 1), np.zeros(number + 1)
        edge = np.zeros(number + 1, bool)
        lowest, highest = np.zeros((rows, columns), bool), np.zeros((rows, columns), np.int32)
        for k, thick in enumerate(volume.thickness):
            grain = grouped.grain[parts.labels[k]]
            known = parts.labels[k] > 0
            flat = grain.reshape(-1)
            voxels += np.bincount(flat, minlength=number + 1)
            weights = (None, x * volume.step, y * volume.step, np.full(len(x), volume.z[k]))
            for total, weight in zip(sums, weights, strict=True):
                total += thick * np.bincount(flat, weight, minlength=number + 1)
            degrees = np.asarray(volume.uncertainty[k], dtype=np.float64).reshape(-1)
            given = np.isfinite(degrees)
            bound += np.bincount(flat[given], degrees[given], minlength=number + 1)
            bounded += np.bincount(flat[given], minlength=number + 1)
            edge[grain[_outer(known) | (known & ~lowest)]] = True
            lowest |= known
            highest[known] = grain[known]
        edge[highest] = True
        held = sums[:, 1:] * volume.step**2
        mean = np.full(number + 1, np.nan)
        np.divide(bound, bounded, out=mean, where=bounded > 0)
        return cls(voxels[1:], held[0], held[1:] / held[0], edge[1:], mean[1:])


def _outer(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (Y, X) which known voxels are the first or the last ones of their row or column."""
    found = np.zeros_like(known)
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    found[rows, known[rows].argmax(1)] = True
    found[rows, known.shape[1] - 1 - known[rows, ::-1].argmax(1)] = True
    found[known[:, columns].argmax(0), columns] = True
    found[known.shape[0] - 1 - known[::-1, columns].argmax(0), columns] = True
    return found


def _cores(
    volume: Volume, parts: Parts, grouped: Grouped
) -> Iterator[tuple[float, NDArray[np.int32], NDArray[np.int16], Array]]:
    """Yield of each section its thickness, and grain (P,), phase (P,) and orientation (P, 4) of the core's voxels."""
    for k, thick in enumerate(volume.thickness.tolist()):
        ebsd = volume_section(volume, k).in_crystal_frame(CrystalFrame.X_ALONG_A)
        part = parts.labels[k]
        at = grouped.core[part]
        yield thick, grouped.grain[part[at]] - 1, ebsd.phase_id[at], ebsd.quaternions[at]


def _mean_orientations(volume: Volume, parts: Parts, grouped: Grouped) -> tuple[NDArray[np.int16], Array]:
    """Return phases (N,) and mean orientations (N, 4), as of a section (`grains.statistics`).

    The mean of the equivalents nearest to one voxel of the grain, and once more with that mean in its place.
    """
    number = int(grouped.grain.max(initial=0))
    phase, reference = np.zeros(number, np.int16), np.zeros((number, 4))
    for _ in range(2):
        total = np.zeros((number, 4))
        for thick, grain, of, q in _cores(volume, parts, grouped):
            seen, first = np.unique(grain, return_index=True)
            new = phase[seen] == 0
            phase[seen[new]], reference[seen[new]] = of[first[new]], q[first[new]]
            near = _nearest(volume, q, reference[grain], phase[grain])
            for i in range(4):
                total[:, i] += thick * np.bincount(grain, near[:, i], minlength=number)
        reference = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return phase, reference


def _nearest(volume: Volume, q: Array, reference: Array, phase: NDArray[np.int16]) -> Array:
    found = np.empty_like(q)
    for number, group in _groups(volume, phase):
        at = phase == number
        found[at] = nearest_equivalent(q[at], reference[at], group)
    return found


def _spreads(volume: Volume, parts: Parts, grouped: Grouped, mean: Array) -> Array:
    """Return the mean disorientation (N,) in degrees of the voxels of each grain to its mean (N, 4)."""
    total, count = np.zeros(len(mean)), np.zeros(len(mean))
    for thick, grain, phase, q in _cores(volume, parts, grouped):
        for number, group in _groups(volume, phase):
            at = phase == number
            angle = disorientation(q[at], mean[grain[at]], group)
            total += thick * np.bincount(grain[at], angle, minlength=len(mean))
            count += thick * np.bincount(grain[at], minlength=len(mean))
    return total / np.maximum(count, 1e-300)


def _groups(volume: Volume, phase: NDArray[np.int16]) -> list[tuple[int, str]]:
    known = {one.id: one.laue_group for one in volume.phases}
    return [(int(number), known.get(int(number), "")) for number in np.unique(phase)]
