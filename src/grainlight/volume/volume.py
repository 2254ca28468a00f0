"""A restored specimen: sections one above the other, on one grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.phase import Phase

if TYPE_CHECKING:
    from grainlight.maps.orientation_map import OrientationMap


@dataclass(frozen=True, eq=False)
class Volume:
    """Restored sections (Z, Y, X), from the first to the last in height.

    Parameters
    ----------
    z
        (Z,) heights of the sections in um, rising; gaps where sections are missing.
    step
        um, along x and y.
    origin
        x, y in um of the first column and row.
    quaternions
        (Z, Y, X, 4) float32, in the frames named.
    phase_id
        (Z, Y, X) int16; 0 where nothing is known.
    uncertainty
        (Z, Y, X) float32, degrees: bound that holds for nine of ten pixels; NaN where there is none.
    other_grain, boundary
        (Z, Y, X) float32, probability that a pixel lies in another grain, and that an edge runs right of it or below.
    source
        (Z, Y, X) uint8 as of `restore.result`: measured, corrected, inferred, not restored.
    light
        (Z, 5, Y, X) float32 restored harmonics, None without light.
    measured
        (Z,) bool: sections with EBSD of their own.
    phases, sample_frame, crystal_frame
        As of an `OrientationMap`.
    record
        How the volume was made.
    grain_id
        (Z, Y, X) int32 grains from 1, 0 where there is none (`volume.grains`); None where they were not looked for.
    """

    z: NDArray[np.float64]
    step: float
    origin: tuple[float, float]
    quaternions: NDArray[np.float32]
    phase_id: NDArray[np.int16]
    uncertainty: NDArray[np.float32]
    other_grain: NDArray[np.float32]
    boundary: NDArray[np.float32]
    source: NDArray[np.uint8]
    light: NDArray[np.float32] | None
    measured: NDArray[np.bool_]
    phases: tuple[Phase, ...]
    sample_frame: SampleFrame
    crystal_frame: CrystalFrame
    record: dict[str, Any] = field(default_factory=dict)
    grain_id: NDArray[np.int32] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sections, rows, columns."""
        return self.phase_id.shape  # type: ignore[return-value]

    @property
    def spacing(self) -> float:
        """Median distance of neighbouring sections in um; the step where there is one section only."""
        return float(np.median(np.diff(self.z))) if len(self.z) > 1 else self.step

    @property
    def thickness(self) -> NDArray[np.float64]:
        """(Z,) um of the specimen that each section stands for: half way to its neighbours, however far these are.

        Beyond the first and the last section half the usual spacing counts.
        """
        end, half = [self.spacing / 2], np.diff(self.z) / 2
        return np.concatenate([end, half]) + np.concatenate([half, end])

    def section(self, k: int) -> OrientationMap:
        """Return one section as a map, to plot, to find its grains, or to save.

        Parameters
        ----------
        k
            Number of the section from the lowest up; negative numbers count from the highest down.

        Returns
        -------
        The map in the frames of the volume (`volume.section.volume_section`).

        Raises
        ------
        IndexError
            Where there is no such section.
        """
        from grainlight.volume.section import volume_section

        return volume_section(self, k)
