"""Grains and figures as comma-separated text."""

from __future__ import annotations

import csv
import io

import numpy as np

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import change_crystal_frame
from grainlight.grains.grain_map import GrainMap
from grainlight.grains.summary import QUANTITIES, of_phases

_UNITS = {"x": "um", "y": "um", "area": "um2", "diameter": "um", "azimuth": "deg", "gos": "deg", "kam": "deg"}
_COLUMNS = ("id", "phase", "pixels", "on_edge", "x", "y", "area", "diameter", "aspect", "azimuth", "gos", "kam")


def grain_table(found: GrainMap) -> str:
    """Return a line per grain: `Grains` with units in the titles, Bunge angles in degrees, and the intervals.

    Centroids are in the coordinates of the input, and Euler angles in its frames, which stand beside them: where the
    axes of the sample point (`SampleFrame`), and along which axis of the crystal X lies ("a" or "a*"; empty for phases
    in which that is no question).
    """
    grains = found.grains
    columns: dict[str, list[str]] = {}
    start = {"x": found.ebsd.origin[0], "y": found.ebsd.origin[1]}
    for name in (*_COLUMNS, "neighbours"):
        title = f"{name}_{_UNITS[name]}" if name in _UNITS else name
        values = getattr(grains, name)
        columns[title] = _cells(values + start[name], ".10g") if name in start else _cells(values)
        if name in found.low:
            columns[f"{title}_low"], columns[f"{title}_high"] = _cells(found.low[name]), _cells(found.high[name])
    turned = np.isin(grains.phase, [phase.id for phase in found.ebsd.phases if phase.has_hexagonal_axes])
    own = change_crystal_frame(grains.orientation, found.ebsd.crystal_frame, found.crystal_frame)
    euler = np.degrees(bunge_from_quaternion(np.where(turned[:, None], own, grains.orientation)))
    for i, name in enumerate(("phi1_deg", "Phi_deg", "phi2_deg")):
        columns[name] = _cells(euler[:, i])
    columns["sample_frame"] = [found.ebsd.sample_frame.value] * len(grains)
    columns["crystal_frame"] = [found.crystal_frame.value if hexagonal else "" for hexagonal in turned.tolist()]
    columns["agreement"] = _cells(found.agreement)
    return _csv([list(columns), *zip(*columns.values(), strict=True)])


def figure_table(found: GrainMap) -> str:
    """Return a line per figure of the map: name, unit, value and the ends of its 90 % interval; then of each phase."""
    lines = [["figure", "unit", "value", "low_90", "high_90"]]
    for name, one in found.figures.items():
        lines.append([name, QUANTITIES.get(name, ""), *_cells(np.array([one.value, one.low, one.high]))])
    for phase, figures in of_phases(found.grains, found.ebsd.phases).items():
        for name, value in figures.items():
            lines.append([f"{name} of {phase}", QUANTITIES[name], *_cells(np.array([value])), "", ""])
    return _csv(lines)


def _cells(values: np.ndarray, form: str = ".6g") -> list[str]:
    """Numbers as text, nothing for NaN."""
    if values.dtype.kind == "f":
        return ["" if np.isnan(v) else f"{v:{form}}" for v in values.tolist()]
    return [str(int(v)) for v in values.tolist()]


def _plain(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    number = cell[1:2].isdigit() or cell[1:2] == "."
    return f"'{cell}" if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not number) else cell


def _csv(lines: list) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_plain(cell) for cell in line] for line in lines)
    return text.getvalue()
