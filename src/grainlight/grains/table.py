"""Grains and figures as comma-separated text."""

from __future__ import annotations

import csv
import io

import numpy as np

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.grains.grain_map import GrainMap
from grainlight.grains.summary import QUANTITIES

_UNITS = {"x": "um", "y": "um", "area": "um2", "diameter": "um", "azimuth": "deg", "gos": "deg", "kam": "deg"}
_COLUMNS = ("id", "phase", "pixels", "on_edge", "x", "y", "area", "diameter", "aspect", "azimuth", "gos", "kam")


def grain_table(found: GrainMap) -> str:
    """Return a line per grain: `Grains` with units in the titles, Bunge angles in degrees, and the intervals."""
    grains = found.grains
    columns: dict[str, list[str]] = {}
    for name in (*_COLUMNS, "neighbours"):
        title = f"{name}_{_UNITS[name]}" if name in _UNITS else name
        columns[title] = _cells(getattr(grains, name))
        if name in found.low:
            columns[f"{title}_low"], columns[f"{title}_high"] = _cells(found.low[name]), _cells(found.high[name])
    euler = np.degrees(bunge_from_quaternion(grains.orientation))
    for i, name in enumerate(("phi1_deg", "Phi_deg", "phi2_deg")):
        columns[name] = _cells(euler[:, i])
    columns["agreement"] = _cells(found.agreement)
    return _csv([list(columns), *zip(*columns.values(), strict=True)])


def figure_table(found: GrainMap) -> str:
    """Return a line per figure of the map: name, unit, value and the ends of its 90 % interval."""
    lines = [["figure", "unit", "value", "low_90", "high_90"]]
    for name, one in found.figures.items():
        lines.append([name, QUANTITIES.get(name, ""), *_cells(np.array([one.value, one.low, one.high]))])
    return _csv(lines)


def _cells(values: np.ndarray) -> list[str]:
    """Numbers as text, nothing for NaN."""
    if values.dtype.kind == "f":
        return ["" if np.isnan(v) else f"{v:.6g}" for v in values.tolist()]
    return [str(int(v)) for v in values.tolist()]


def _csv(lines: list) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
