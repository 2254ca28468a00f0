"""Grains as the viewer takes them: a table, and for each grain its neighbours."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from grainlight.grains.grain_map import GrainMap
from grainlight.grains.table import grain_table


def grains_record(found: GrainMap, most: int | None = None) -> dict[str, Any]:
    """Return titles and rows of the table of grains, and their neighbours; of the ``most`` largest grains only."""
    titles, *rows = csv.reader(io.StringIO(grain_table(found)))
    around = neighbours(found)
    if most is not None and len(rows) > most:
        size = titles.index("pixels")
        rows = sorted(rows, key=lambda row: -int(row[size]))[:most]
        around = {row[0]: around.get(row[0], [])[:20] for row in rows}
    return {"titles": titles, "rows": rows, "neighbours": around, "all": len(found.grains)}


def neighbours(found: GrainMap) -> dict[str, list[list[Any]]]:
    """Return for each grain its neighbours, those with the longest boundary first: id, disorientation in degrees (mean
    along the boundary), length in pixel edges, and the name of the special relation, or nothing."""
    flat, edges = found.labels.reshape(-1), found.edges
    at = np.flatnonzero(found.boundary & np.isfinite(found.angle))
    first, second = flat[edges.first[at]].astype(np.int64), flat[edges.second[at]].astype(np.int64)
    low, high = np.minimum(first, second), np.maximum(first, second)
    many = int(flat.max(initial=0)) + 1
    pairs, where, counts = np.unique(low * many + high, return_inverse=True, return_counts=True)
    mean = np.bincount(where, found.angle[at], len(pairs)) / np.maximum(counts, 1)
    special = np.full(len(pairs), -1)
    special[where] = found.special[at]
    told: dict[str, list[list[Any]]] = {}
    for k in np.argsort(-counts):
        a, b = divmod(int(pairs[k]), many)
        name = found.systems[special[k]].name if special[k] >= 0 else ""
        for one, other in ((a, b), (b, a)):
            told.setdefault(str(one), []).append([other, round(float(mean[k]), 2), int(counts[k]), name])
    return told
