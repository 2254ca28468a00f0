"""Which phases of a map are restored and which stay as they are, for the record and for the user."""

from __future__ import annotations

from typing import Any

from grainlight.maps.orientation_map import OrientationMap


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
            (restored if phase.is_hexagonal else kept)[str(phase)] = count
    missing = points - sum(restored.values()) - sum(kept.values())
    told = tuple(
        f"Phase {name} is kept as it is, {100 * count / points:.1f} % of the points: only phases of Laue group 6/mmm "
        "are restored."
        for name, count in kept.items()
    )
    return {"points": points, "restored": restored, "kept": kept, "not_indexed": missing}, told
