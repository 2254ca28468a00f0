"""Parts of a volume: what is connected inside a section, and which parts meet across the faces of voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame
from grainlight.grains.boundaries import angles_of_map, edge_angles, laue_groups
from grainlight.grains.edges import Edges, edges_of
from grainlight.grains.segment import components
from grainlight.maps.orientation_map import OrientationMap
from grainlight.scratch import empty, release
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

_MOST_ROWS = 1 << 20  # of contacts that wait to be added up


@dataclass(frozen=True, eq=False)
class Contacts:
    """Pairs (P,) of parts that meet, the smaller number first; each pair once.

    Parameters
    ----------
    first, second
        (P,) numbers.
    faces
        (P,) faces of voxels between them.
    area
        (P,) their area in um2.
    angle
        (P,) sum over the faces of their disorientation in degrees times their area; infinite between two phases.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    faces: NDArray[np.float64]
    area: NDArray[np.float64]
    angle: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def renamed(self, name: NDArray[np.integer]) -> Contacts:
        """Return the contacts of what parts become: (N,) new numbers; pairs of one are left out, like ones added up."""
        return _added(name[self.first], name[self.second], self.faces, self.area, self.angle)


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of all sections, numbered through from 1 in reading order: along rows, columns, then sections.

    Parameters
    ----------
    labels
        (Z, Y, X) int32 number of the part; 0 where nothing is known. In a temporary file where it is large.
    voxels
        (N + 1,) of each part; none in the part 0.
    joined
        (2, J) pairs of parts of neighbouring sections with a face across which the threshold is not exceeded.
    contacts
        All pairs that meet and are not joined there.
    """

    labels: NDArray[np.int32]
    voxels: NDArray[np.int64]
    joined: NDArray[np.int64]
    contacts: Contacts


def find_parts(volume: Volume, threshold: float) -> Parts:
    """Divide each section into parts, and find out which meet; two sections at a time are held.

    Parameters
    ----------
    volume
        Restored sections.
    threshold
        Degrees up to which two voxels with a common face, of one phase, belong together.
    """
    shape = volume.shape
    edges = edges_of(shape[1:], (volume.step, volume.step), "square")
    labels = empty(shape, np.int32)
    joined: list[NDArray[np.int64]] = []
    waiting: list[Contacts] = []
    voxels = [np.zeros(1, np.int64)]
    number, below = 0, None
    for k, ebsd in _sections(volume):
        angle = angles_of_map(ebsd, edges)
        part = components(angle <= threshold, ebsd.indexed, edges)
        count = int(part.max(initial=0))
        voxels.append(np.bincount(part.reshape(-1), minlength=count + 1)[1:])
        labels[k] = np.where(part > 0, part + number, 0)
        here = labels[k].reshape(-1)
        waiting.append(_met(here[edges.first], here[edges.second], angle, volume.step * volume.thickness[k]))
        if below is not None:
            under, across = labels[k - 1].reshape(-1), _between(below, ebsd)
            same = across <= threshold
            # as one number, which sorts faster than a pair
            joined.append(np.unique(under[same].astype(np.int64) << 32 | here[same]))
            waiting.append(_met(under[~same], here[~same], across[~same], volume.step**2))
        if sum(map(len, waiting)) > _MOST_ROWS:
            waiting = [_together(waiting)]
        number, below = number + count, ebsd
        release(labels)
    pairs = np.concatenate(joined) if joined else np.zeros(0, np.int64)
    return Parts(labels, np.concatenate(voxels), np.stack([pairs >> 32, pairs & 0xFFFFFFFF]), _together(waiting))


def _sections(volume: Volume) -> Iterator[tuple[int, OrientationMap]]:
    # symmetry is reckoned with X along a
    for k in range(volume.shape[0]):
        yield k, volume_section(volume, k).in_crystal_frame(CrystalFrame.X_ALONG_A)


def _between(below: OrientationMap, above: OrientationMap) -> NDArray[np.float32]:
    """Return the disorientation (Y X,) in degrees across the faces between two sections, as `edge_angles` does."""
    size = below.phase_id.size
    index = np.arange(size, dtype=np.int32)
    ends = Edges(index, index + size, np.ones(size, np.float32), (2 * below.shape[0], below.shape[1]))
    q = np.concatenate([below.quaternions, above.quaternions])
    return edge_angles(q, np.concatenate([below.phase_id, above.phase_id]), laue_groups(above), ends)


def _met(first: NDArray[np.int32], second: NDArray[np.int32], angle: NDArray[np.float32], area: float) -> Contacts:
    """Return the contacts of faces (E,) of one area in um2 between parts, 0 for none."""
    use = (first != second) & (first > 0) & (second > 0)
    one = np.ones(int(use.sum()))
    return _added(first[use], second[use], one, area * one, area * angle[use].astype(np.float64))


def _together(contacts: list[Contacts]) -> Contacts:
    def joined(name: str) -> NDArray:
        return np.concatenate([getattr(one, name) for one in contacts])

    return _added(joined("first"), joined("second"), joined("faces"), joined("area"), joined("angle"))


def _added(
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    faces: NDArray[np.float64],
    area: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> Contacts:
    apart = first != second
    low, high = np.minimum(first, second)[apart].astype(np.int64), np.maximum(first, second)[apart].astype(np.int64)
    base = int(high.max(initial=0)) + 1
    key, inverse = np.unique(low * base + high, return_inverse=True)
    low, high = np.divmod(key, base)
    sums = [np.bincount(inverse, values[apart], minlength=len(key)).astype(float) for values in (faces, area, angle)]
    return Contacts(low, high, *sums)
