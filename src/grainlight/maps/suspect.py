"""What looks wrong in a map although its file could be read."""

from __future__ import annotations

import numpy as np

from grainlight.maps.orientation_map import OrientationMap

_COPIES = 0.2
_FEW = 0.5


def suspicions(ebsd: OrientationMap) -> list[str]:
    """Return suspected problems, one sentence each: those of the file first, then those of the points."""
    found = list(ebsd.notes)
    indexed, present = ebsd.indexed, int(ebsd.present.sum())
    count = int(indexed.sum())
    if 0 < count < _FEW * present:
        found.append(f"Only {100 * count / present:.0f} % of the points are indexed.")
    pairs = indexed[:, 1:] & indexed[:, :-1]
    total = int(pairs.sum())
    made = "synthetic" in ebsd.source
    if total >= 100 and not made:
        # measured angles repeat exactly only by chance; a clean-up copies them
        same = (ebsd.quaternions[:, 1:] == ebsd.quaternions[:, :-1]).all(axis=-1) & pairs
        share = int(same.sum()) / total
        if share > _COPIES:
            found.append(f"{100 * share:.0f} % of neighbours have exactly the same angles: copied by a clean-up?")
    for name in ("ci", "iq", "mad", "bc"):
        values = ebsd.fields.get(name)
        if values is not None and count >= 100 and not made and np.ptp(values[indexed]) == 0:
            found.append(f"The field {name} has one value everywhere: it says nothing about quality.")
    wide, high = ebsd.step
    if ebsd.grid == "square" and min(ebsd.shape) > 1 and abs(wide - high) > 0.01 * max(wide, high):
        found.append(f"The steps differ along x and y: {wide:g} and {high:g} um.")
    if not ebsd.is_6mmm.any():
        found.append("No point belongs to a phase of Laue group 6/mmm: there is nothing here that can be restored.")
    return found
