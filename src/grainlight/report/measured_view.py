"""What was measured, on the output grid: each pixel shows the scan point that it lies nearest to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import NOT_INDEXED, OTHER_PHASE, Direction, ipf_colours

if TYPE_CHECKING:
    from grainlight.restore.result import Result


@dataclass(frozen=True, eq=False)
class MeasuredView:
    """The scan points as a map of one row (1, N), and for every pixel of the output grid which of them it shows.

    Parameters
    ----------
    points
        Orientations as measured.
    number
        (H, W) of the nearest scan point; -1 where none is within half a step of the scan.
    other
        (H, W) whether the pixel is of another phase.
    """

    points: OrientationMap
    number: NDArray[np.int64]
    other: NDArray[np.bool_]

    def colours(self, direction: Direction) -> NDArray[np.float32]:
        """Return orientation colours (H, W, 3), 0 to 1."""
        table = np.concatenate([ipf_colours(self.points, direction)[0], np.array([NOT_INDEXED], dtype=np.float32)])
        image = table[self.number]
        image[self.other] = OTHER_PHASE
        return image

    def boundaries(self) -> NDArray[np.bool_]:
        """Return (H, W) the pixels right of or below which the nearest scan point is over 5 degrees away."""
        from grainlight.crystal.symmetry import disorientation

        found = np.zeros(self.number.shape, dtype=bool)
        q = self.points.quaternions[0]
        for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
            left, right = self.number[a], self.number[b]
            at = (left != right) & (left >= 0) & (right >= 0)
            found[a][at] |= disorientation(q[left[at]], q[right[at]]) > BOUNDARY_ANGLE
        return found


def view_measured(result: Result) -> MeasuredView:
    """Return what was measured on the output grid of a result."""
    from scipy.ndimage import distance_transform_edt

    found, at = result.map, result.measured
    points = found.replace(
        quaternions=result.measured_points[None],
        phase_id=found.phase_id[at][None],
        x=found.x[at][None],
        y=found.y[at][None],
        fields={},
    )
    number = np.full(found.shape, -1, dtype=np.int64)
    if at.any():
        order = np.full(found.shape, -1, dtype=np.int64)
        order[at] = np.arange(np.count_nonzero(at))
        nearest = distance_transform_edt(~at, return_distances=False, return_indices=True)
        rows, columns = np.indices(found.shape, sparse=True)
        reach = result.record.get("settings", {}).get("scale", 1) / 2
        near = np.maximum(np.abs(nearest[0] - rows), np.abs(nearest[1] - columns)) <= reach
        number = np.where(near, order[nearest[0], nearest[1]], -1)
    return MeasuredView(points, number, (result.source == 0) & (found.phase_id > 0))
