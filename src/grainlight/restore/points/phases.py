"""Which phases of a map are restored and which stay as they are, for the record and for the user."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.neighbours import find_neighbours

_CHUNK = 1 << 16


def phase_report(ebsd: OrientationMap) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what becomes of the phases of a map, and a sentence for each that is not restored.

    Points of phases of Laue group 6/mmm are restored. Points of other phases are kept as they are, pixels between them
    take the nearest one, and all are marked as not restored. A point that is not indexed is inferred where the nearest
    indexed one is of a restored phase, and stays not indexed where it is of another.
    """
    points = int(ebsd.present.sum())
    restored: dict[str, int] = {}
    kept: dict[str, int] = {}
    for phase in ebsd.phases:
        count = int(ebsd.of_phases([phase]).sum())
        if count:
            (restored if phase.is_6mmm else kept)[str(phase)] = count
    missing = points - sum(restored.values()) - sum(kept.values())
    told = tuple(
        f"Phase {name} is kept as it is, {100 * count / points:.1f} % of the points: only phases of Laue group 6/mmm "
        "are restored."
        for name, count in kept.items()
    )
    return {"points": points, "restored": restored, "kept": kept, "not_indexed": missing}, told


def follow_orientations(
    e: Tensor, measured_e: Tensor, points: Tensor, phase_id: NDArray[np.int16]
) -> NDArray[np.int16]:
    """Give every pixel the phase of the measured point near it whose orientation it has.

    Parameters
    ----------
    e, measured_e
        Embedding (18, H, W) of the restored map, and of the measurement at its points.
    points
        Measured pixels (H, W) of the phases that are restored.
    phase_id
        Phase (H, W) of the nearest EBSD point, right where it was measured.

    Notes
    -----
    With several hexagonal phases the nearest point may lie in a grain of another one.
    """
    flat = points.reshape(-1)
    ids = phase_id.reshape(-1).copy()
    if len(np.unique(ids[flat.numpy()])) < 2:
        return phase_id
    near = find_neighbours(points)
    at = near.flat(points.shape[1])
    values, known = e.reshape(len(e), -1).T, measured_e.reshape(len(e), -1).T[at]
    for part in (~flat).nonzero()[:, 0].split(_CHUNK):
        index = near.index[part].long()
        best = (known[index] - values[part][:, None]).square().sum(-1).argmin(-1)
        ids[part.numpy()] = ids[at[index.gather(1, best[:, None])[:, 0]].numpy()]
    return ids.reshape(phase_id.shape)
