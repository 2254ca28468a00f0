"""A sheet to go with reported grain sizes: what was measured, what was altered, how far figures depend on choices.

It follows what the public scopes of ISO 13067 (grain size by EBSD) and ASTM E2627 (the same, for fully recrystallised
materials) say that such a measurement must account for; their clauses are not quoted, and who reports after one of them
needs its text, which is sold by ISO and ASTM.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grainlight.errors import InputError
from grainlight.grains.grain_map import GrainMap, find_grains
from grainlight.grains.interval import Interval
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.report.scales import SOURCES

if TYPE_CHECKING:
    from grainlight.restore.result import Result

THRESHOLDS = (2.0, 5.0, 10.0, 15.0)
"""Degrees at which the statistics are taken, to show how far they depend on the threshold."""
FEWEST_STEPS = 10.0
"""Steps across the mean grain, below which its size is doubtful."""
RECRYSTALLISED = 2.0
"""Degrees of orientation spread that a recrystallised grain stays below; a usual choice, no clause."""
ENDINGS = (".md", ".csv")


@dataclass(frozen=True)
class Entry:
    """A line of the sheet: its ``part``, what it states, the value as text, and a ``remark`` where something is
    doubtful or must be known to read it."""

    part: str
    name: str
    value: str
    remark: str = ""


def standard_sheet(result: Result, grains: GrainMap) -> list[Entry]:
    """Return the lines of the sheet.

    Parameters
    ----------
    result
        What was restored.
    grains
        Its grains, at the threshold and minimum size that are reported.

    Returns
    -------
    Lines in the order of the sheet: field, resolution, grains, size, dependence on the threshold, alterations, scope.
    """
    return [
        *_field(result),
        *_resolution(result, grains),
        *_grains(grains),
        *_size(grains),
        *_thresholds(result, grains),
        *_altered(result),
        *_scope(grains),
    ]


def write_sheet(entries: Sequence[Entry], path: str | Path) -> Path:
    """Write the sheet as Markdown (.md) or as a table (.csv).

    Raises
    ------
    InputError
        For another ending, or where the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError("the sheet has no such format", file=path, expected=" or ".join(ENDINGS))
    text = _csv(entries) if path.suffix.lower() == ".csv" else _markdown(entries)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path


def _field(result: Result) -> list[Entry]:
    rows, columns = result.map.shape
    step, record = result.map.step, result.record
    phases = "; ".join(str(phase) for phase in result.map.phases if (result.map.phase_id == phase.id).any())
    files = ", ".join(str(one["file"]) for one in record.get("inputs", ()))
    return [
        Entry("field", "files", files or "-"),
        Entry("field", "phases", phases or "-"),
        Entry("field", "size", f"{columns * step[0]:.4g} x {rows * step[1]:.4g} um, {columns} x {rows} pixels"),
        Entry("field", "program", f"grainlight {record.get('version', '-')}, weights {record.get('weights', '-')}"),
    ]


def _resolution(result: Result, grains: GrainMap) -> list[Entry]:
    diameter, area = (grains.figures[name].value for name in ("mean_diameter", "mean_area"))
    found = []
    measured = (result.record.get("ebsd") or {}).get("step_um") or result.map.step
    for name, step in (("measured points", measured), ("pixels of the restored map", result.map.step)):
        across = diameter / math.sqrt(step[0] * step[1])
        remark = ""
        if not math.isfinite(across):
            remark = "no grain lies whole in the field"
        elif across < FEWEST_STEPS:
            remark = f"under {FEWEST_STEPS:g} across the mean grain: sizes are doubtful"
            if name == "measured points":
                remark = f"under {FEWEST_STEPS:g} across the mean grain: sizes rest on the restoration"
        found += [
            Entry("resolution", f"step, {name}", f"{step[0]:.4g} x {step[1]:.4g} um"),
            Entry("resolution", f"{name} across the mean grain", _number(across), remark),
            Entry("resolution", f"{name} in the mean grain", _number(area / (step[0] * step[1]))),
        ]
    return found


def _grains(grains: GrainMap) -> list[Entry]:
    cut = int(grains.grains.on_edge.sum())
    total = len(grains.grains)
    share = f" ({100 * cut / total:.0f} %)" if total else ""
    pixel = grains.ebsd.step[0] * grains.ebsd.step[1]
    return [
        Entry("grains", "boundary from", f"{grains.threshold:g} degrees"),
        Entry("grains", "smallest grain", f"{grains.minimum_pixels} pixels, {grains.minimum_pixels * pixel:.3g} um2"),
        Entry("grains", "counted", _interval(grains.figures["grains"])),
        Entry("grains", "cut by the edge", f"{cut}{share}", "left out of all means"),
        Entry("grains", "whole", _interval(grains.figures["interior_grains"])),
        Entry("grains", "pixels in no grain", f"{100 * grains.left_out:.2g} %", "lone places under the smallest grain"),
    ]


def _size(grains: GrainMap) -> list[Entry]:
    inner = grains.grains.diameter[~grains.grains.on_edge]
    spread = f"{inner.std(ddof=1):.4g} um" if len(inner) > 1 else "-"
    return [
        Entry("size", "mean area", _interval(grains.figures["mean_area"], "um2")),
        Entry("size", "mean diameter of the circle of equal area", _interval(grains.figures["mean_diameter"], "um")),
        Entry("size", "standard deviation of these diameters", spread),
        Entry("size", "ASTM grain size number", _interval(grains.figures["astm_number"])),
    ]


def _thresholds(result: Result, grains: GrainMap) -> list[Entry]:
    """Grains and size of the map alone, without its samples, at several thresholds, beside that reported."""

    def alone(threshold: float) -> GrainMap:
        return find_grains(result.map, threshold=threshold, minimum_pixels=grains.minimum_pixels)

    found = []
    each = {threshold: alone(threshold) for threshold in dict.fromkeys((grains.threshold, *THRESHOLDS))}
    usual = each[grains.threshold].figures["mean_diameter"].value
    for threshold in THRESHOLDS:
        one = each[threshold]
        count, diameter = one.figures["interior_grains"].value, one.figures["mean_diameter"].value
        change = f" ({100 * (diameter / usual - 1):+.0f} %)" if math.isfinite(diameter / usual) else ""
        value = f"{count:.0f} whole grains, mean diameter {_number(diameter)} um{change}"
        found.append(Entry("threshold", f"{threshold:g} degrees", value))
    return found


def _altered(result: Result) -> list[Entry]:
    record = result.record
    total = result.source.size
    found = [
        Entry(
            "alterations", one.name, f"{100 * np.count_nonzero(result.source == one.code) / total:.3g} % of the pixels"
        )
        for one in SOURCES
    ]
    moved = result.correction[np.isfinite(result.correction)]
    if moved.size:
        found.append(Entry("alterations", "change of measured orientations, median", f"{np.median(moved):.2g} degrees"))
    noise = record.get("noise_points") or {}
    points = (record.get("phases") or {}).get("points")
    if noise.get("points") is not None:
        share = f" ({100 * noise['points'] / points:.2g} % of the points)" if points else ""
        found.append(Entry("alterations", "points taken for noise", f"{noise['points']}{share}"))
    if record.get("misindexed_points") is not None:
        found.append(Entry("alterations", "points taken for misindexed", str(record["misindexed_points"])))
    light = record.get("light_refused") or ("used" if record.get("light_input") else "none")
    found.append(Entry("alterations", "polarized light", light))
    bound = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    if bound.size:
        found.append(
            Entry("alterations", "90 % bound of the orientation error, median", f"{np.median(bound):.2g} degrees")
        )
    return found


def _scope(grains: GrainMap) -> list[Entry]:
    spread, area = grains.grains.gos, grains.grains.area
    calm = float(area[spread < RECRYSTALLISED].sum() / area.sum()) if len(area) and area.sum() > 0 else math.nan
    doubt = "" if calm > 0.9 else "much of the field is not recrystallised: E2627 is not meant for it"
    return [
        Entry(
            "scope",
            f"area in grains of less than {RECRYSTALLISED:g} degrees spread",
            f"{100 * calm:.0f} %" if math.isfinite(calm) else "-",
            doubt if math.isfinite(calm) else "",
        ),
        Entry(
            "scope", "sizes are", "of grains in a section, not in space", "a section shows few grains at their widest"
        ),
        Entry(
            "scope",
            "standards",
            "follows the public scopes of ISO 13067 and ASTM E2627",
            "to report after one of them its text is needed, from ISO or ASTM",
        ),
    ]


def _interval(one: Interval, unit: str = "") -> str:
    text = f"{_number(one.value)} {unit}".rstrip()
    known = math.isfinite(one.low) and math.isfinite(one.high)
    return f"{text} (90 %: {_number(one.low)} to {_number(one.high)})" if known else text


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def _markdown(entries: Sequence[Entry]) -> str:
    lines = ["# Grain size by EBSD: what is to be stated with it"]
    part = ""
    for one in entries:
        if one.part != part:
            part = one.part
            lines += ["", f"## {part.capitalize()}", "", "| | | |", "|---|---|---|"]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in (one.name, one.value, one.remark)) + " |")
    return "\n".join(lines) + "\n"


def _csv(entries: Sequence[Entry]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("part", "name", "value", "remark"))
    writer.writerows((one.part, one.name, one.value, one.remark) for one in entries)
    return stream.getvalue()
