"""Numbers of phases as vendors write them: from 1 without gaps, 0 for a point that is not indexed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap


def numbered_phases(ebsd: OrientationMap) -> NDArray[np.int16]:
    """Return (rows, cols) the place of each point's phase in ``ebsd.phases``, from 1; 0 where not indexed."""
    numbers = np.zeros(1 + max((phase.id for phase in ebsd.phases), default=0), dtype=np.int16)
    for count, phase in enumerate(ebsd.phases, 1):
        numbers[phase.id] = count
    return numbers[np.where(ebsd.indexed, ebsd.phase_id, 0)]
