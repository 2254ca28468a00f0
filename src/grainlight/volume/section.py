"""One section of a volume: what a restoration leaves of it, and its map for the writers of maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import IDENTITY
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.uncertainty.bound import LARGEST
from grainlight.volume.volume import Volume

if TYPE_CHECKING:
    from grainlight.restore.result import Result


@dataclass(frozen=True, eq=False)
class Section:
    """A restored section (Y, X); fields as of a `Volume`, without its first axis.

    ``light`` (5, Y, X), None without light.
    """

    quaternions: NDArray[np.float32]
    phase_id: NDArray[np.int16]
    uncertainty: NDArray[np.float32]
    other_grain: NDArray[np.float32]
    boundary: NDArray[np.float32]
    source: NDArray[np.uint8]
    light: NDArray[np.float32] | None = None

    @classmethod
    def of_result(cls, result: Result, *, light: bool = True) -> Section:
        """Return the section that a restoration made; ``light``: whether its restored harmonics belong to it."""
        return cls(
            result.map.quaternions.astype(np.float32),
            result.map.phase_id.clip(0).astype(np.int16),
            result.uncertainty,
            result.other_grain,
            result.boundary,
            result.source,
            result.light if light else None,
        )


def section_of(volume: Volume, k: int) -> Section:
    """Return section ``k`` of a volume, from 0."""
    return Section(
        np.asarray(volume.quaternions[k]),
        np.asarray(volume.phase_id[k]),
        np.asarray(volume.uncertainty[k]),
        np.asarray(volume.other_grain[k]),
        np.asarray(volume.boundary[k]),
        np.asarray(volume.source[k]),
        None if volume.light is None else np.asarray(volume.light[k]),
    )


def volume_section(volume: Volume, k: int) -> OrientationMap:
    """Return section ``k`` of a volume, from 0, as a map that any writer of maps takes (`maps.io.save_ebsd`).

    Parameters
    ----------
    volume
        Restored sections.
    k
        Number of the section from the lowest up; negative numbers count from the highest down.

    Returns
    -------
    The map in the frames of the volume; voxels of which nothing is known are not indexed. Its fields ``mad`` and
    ``fit``, the columns that vendors keep for degrees, hold the uncertainty, ``ci`` falls from 1 to 0 as it rises to 30
    degrees, as in maps that `enhance` writes.

    Raises
    ------
    IndexError
        Where there is no such section.
    """
    count = len(volume.z)
    if not -count <= k < count:
        raise IndexError(f"section {k} of a volume of {count}")
    k %= count
    q, phase_id = np.asarray(volume.quaternions[k], dtype=np.float64), np.asarray(volume.phase_id[k])
    known = phase_id > 0
    # single precision has bent their norm
    q = np.where(known[..., None], q / np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-12), IDENTITY)
    bound = np.nan_to_num(np.asarray(volume.uncertainty[k]), nan=LARGEST)
    degrees = np.where(known, bound, 0).astype(np.float32)
    fields = {"mad": degrees, "fit": degrees, "ci": np.where(known, np.clip(1 - bound / 30, 0, 1), 0)}
    return OrientationMap.from_quaternions(
        q,
        (volume.step, volume.step),
        volume.phases,
        phase_id=phase_id,
        sample_frame=volume.sample_frame,
        crystal_frame=volume.crystal_frame,
        fields={name: values.astype(np.float32) for name, values in fields.items()},
        source=f"section {k} of a volume, z {volume.z[k]:g} um",
    ).replace(origin=volume.origin)
