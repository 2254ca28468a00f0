"""Grains and figures as comma-separated text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame, SampleFrame, change_crystal_frame
from grainlight.grains.grain_map import GrainMap
from grainlight.grains.summary import QUANTITIES, of_phases
from grainlight.maps.phase import Phase

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
        columns[title] = cells(values + start[name], ".10g") if name in start else cells(values)
        if name in found.low:
            columns[f"{title}_low"], columns[f"{title}_high"] = cells(found.low[name]), cells(found.high[name])
    columns |= orientation_columns(
        grains.orientation, grains.phase, found.ebsd.phases, found.ebsd.sample_frame, found.crystal_frame
    )
    columns["agreement"] = cells(found.agreement)
    return csv_text([list(columns), *zip(*columns.values(), strict=True)])


def orientation_columns(
    orientation: NDArray[np.float64],
    phase: NDArray[np.integer],
    phases: Sequence[Phase],
    sample_frame: SampleFrame,
    crystal_frame: CrystalFrame,
) -> dict[str, list[str]]:
    """Return Euler angles in degrees and the frames beside them, by their titles.

    Parameters
    ----------
    orientation
        (N, 4) of crystals with X along a, in ``sample_frame``.
    phase
        (N,) number of the phase of each, one of ``phases``.
    sample_frame, crystal_frame
        What the angles are written in.
    """
    turned = np.isin(phase, [one.id for one in phases if one.has_hexagonal_axes])
    own = change_crystal_frame(orientation, CrystalFrame.X_ALONG_A, crystal_frame)
    euler = np.degrees(bunge_from_quaternion(np.where(turned[:, None], own, orientation)))
    columns = {name: cells(euler[:, i]) for i, name in enumerate(("phi1_deg", "Phi_deg", "phi2_deg"))}
    columns["sample_frame"] = [sample_frame.value] * len(orientation)
    columns["crystal_frame"] = [crystal_frame.value if hexagonal else "" for hexagonal in turned.tolist()]
    return columns


def figure_table(found: GrainMap) -> str:
    """Return a line per figure of the map: name, unit, value and the ends of its 90 % interval; then of each phase."""
    lines = [["figure", "unit", "value", "low_90", "high_90"]]
    for name, one in found.figures.items():
        lines.append([name, QUANTITIES.get(name, ""), *cells(np.array([one.value, one.low, one.high]))])
    for phase, figures in of_phases(found.grains, found.ebsd.phases).items():
        for name, value in figures.items():
            lines.append([f"{name} of {phase}", QUANTITIES[name], *cells(np.array([value])), "", ""])
    return csv_text(lines)


def cells(values: np.ndarray, form: str = ".6g") -> list[str]:
    """Return numbers (N,) as text, nothing for NaN."""
    if values.dtype.kind == "f":
        return ["" if np.isnan(v) else f"{v:{form}}" for v in values.tolist()]
    return [str(int(v)) for v in values.tolist()]


def _plain(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    number = cell[1:2].isdigit() or cell[1:2] == "."
    return f"'{cell}" if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not number) else cell


def csv_text(lines: list) -> str:
    """Return lines of cells as comma-separated text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_plain(cell) for cell in line] for line in lines)
    return text.getvalue()
