"""One HTML file about a restoration: opens offline, asks the network for nothing, prints."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.grain_map import TABLES, GrainMap
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack
from grainlight.report.charts import histogram_chart, key_chart, pole_figure_chart, sample_axes_chart
from grainlight.report.figures import VALUES, Bar, maps_of
from grainlight.report.findings import findings, has_light
from grainlight.report.grain_figures import Line, headline, lines_of
from grainlight.report.histograms import angle_histogram, diameter_histogram
from grainlight.report.pole_figure import pole_density
from grainlight.report.scales import DENSITY
from grainlight.report.standard.sheet import standard_sheet
from grainlight.report.viewer.document import look_data
from grainlight.report.viewer.pack import script as viewer_script
from grainlight.report.viewer.pack import static
from grainlight.restore.record import is_calibrated

if TYPE_CHECKING:
    from jinja2 import Environment

    from grainlight.restore.result import Result

_MOST_AXES = 200_000
_ROOM = "grainlight.report"


@dataclass(frozen=True)
class Chart:
    """A chart (SVG text) under a title; ``bar`` its colour scale, if it has one."""

    title: str
    svg: str
    caption: str
    bar: Bar | None = None


def write_report(
    result: Result,
    path: str | Path,
    *,
    light: LightStack | None = None,
    overlay: NDArray[np.uint8] | None = None,
    grains: GrainMap | None = None,
    title: str | None = None,
) -> Path:
    """Write the report of a restoration as one HTML file.

    Parameters
    ----------
    result
        What was restored; its record, map, doubts and ensemble are what the page shows.
    path
        The file; one that exists is replaced.
    light
        The images that it was restored with, lying on the map: shown beside the restored light.
    overlay
        (H, W, 3) picture of the registration, EBSD boundaries on the light, on the output grid.
    grains
        Of the restored map; found here if None, as the command `grains` finds them.
    title
        At the top of the page; the name of the EBSD file if None.

    Returns
    -------
    The path.

    Raises
    ------
    InputError
        If the folder is missing or not writable.
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        text = report_page(result, light=light, overlay=overlay, grains=grains, title=title)
        temporary.write_text(text, encoding="utf-8")
    return path


def report_page(
    result: Result,
    *,
    light: LightStack | None = None,
    overlay: NDArray[np.uint8] | None = None,
    grains: GrainMap | None = None,
    title: str | None = None,
) -> str:
    """Return the text of the page that `write_report` writes; parameters as there."""
    from markupsafe import Markup

    if grains is None:
        import grainlight

        grains = grainlight.find_grains(result)
    if not has_light(result.record):
        light = overlay = None  # given, and not used
    maps = maps_of(result, light, overlay)
    title = title or title_of(result)
    script, style = viewer_script(), part("page.css") + static("look.css")
    return (
        templates()
        .get_template("page.html")
        .render(
            title=title,
            heading=Markup.escape(title).replace("_", Markup("_<wbr>")),
            script=script,
            style=style,
            script_hash=b64encode(sha256(script.encode()).digest()).decode("ascii"),
            tiles=headline(result, grains),
            findings=findings(result),
            maps=maps,
            look=static("look.html"),
            grain_list=static("grains.html"),
            look_data=look_data(result, grains, maps.layers, maps.every, VALUES),
            key=key_chart(),
            axes=sample_axes_chart(),
            lines=lines_of(grains),
            has_intervals=_has_intervals(result),
            sheet=standard_sheet(result, grains),
            charts=_charts(result, grains),
            facts=facts(result),
            record=json.dumps(compact(result.record), indent=2, default=str, ensure_ascii=False),
            version=result.record.get("version", ""),
        )
    )


def templates(room: str = _ROOM) -> Environment:
    """Return where pages are made, with the files of this room and another; everything put into them is escaped."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, ".") for name in dict.fromkeys((room, _ROOM))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["together"] = together
    return environment


def title_of(result: Result) -> str:
    """Return the name of the EBSD file that a result was made from, or what it is."""
    inputs = result.record.get("inputs") or []
    return str(inputs[0]["file"]) if inputs else "Restored map"


def facts(result: Result) -> list[tuple[str, str]]:
    """Return what the record says about how the result was made, as names and values."""
    record, settings = result.record, result.record.get("settings", {})
    found = [
        ("grainlight", record.get("version")),
        ("weights", record.get("weights")),
        *(
            (f"input {i}", f"{one['file']}  (sha256 {one['sha256']})")
            for i, one in enumerate(record.get("inputs", ()), 1)
        ),
        ("scale", settings.get("scale")),
        ("quality", settings.get("quality")),
        ("steps, samples", f"{settings['steps']}, {settings.get('samples')}" if "steps" in settings else None),
        ("seed", settings.get("seed")),
        ("device", record.get("device")),
        ("EBSD noise", f"{record['noise_deg']:g}° rms" if record.get("noise_deg") is not None else None),
        ("sample frame", record.get("frames", {}).get("sample")),
        ("crystal frame", f"X along {record['frames'].get('crystal')}" if "frames" in record else None),
        ("light", _light_text(record.get("light_input") if has_light(record) else None)),
        ("computing time", f"{record['seconds']:g} s" if record.get("seconds") is not None else None),
    ]
    return [(name, str(value)) for name, value in found if value is not None]


def _light_text(light: dict[str, Any] | None) -> str:
    if not light:
        return "none"
    angles = light.get("angles_deg", [])
    return (
        f"{len(angles)} images, {light.get('step_um', float('nan')):g} µm per pixel, {light.get('rotates', '?')} turned"
    )


def _has_intervals(result: Result) -> bool:
    return len(result.samples) > 1 and is_calibrated(result.record, *TABLES)


def _charts(result: Result, grains: GrainMap) -> list[Chart]:
    charts = []
    sizes = diameter_histogram(grains)
    whiskers = " Whiskers: 90 % interval, from the spread of the samples." if _has_intervals(result) else ""
    if sizes is not None:
        inner = int((~grains.grains.on_edge).sum())
        alt = f"Histogram of the equivalent diameters of {inner} grains"
        charts.append(
            Chart(
                "Grain size",
                histogram_chart(sizes, "equivalent diameter, µm", "grains, %", alt),
                f"By number, {inner} grains that do not touch the border (ASTM E2627).{whiskers}",
            )
        )
    angles = angle_histogram(grains, result.samples if _has_intervals(result) else result.samples[:0])
    if angles is not None:
        alt = "Histogram of the disorientation across grain boundaries, by length"
        charts.append(
            Chart(
                "Boundary disorientation",
                histogram_chart(angles, "disorientation, degrees", "boundary length, %", alt),
                f"By length, edges of {grains.threshold:g}° and more.{whiskers}",
            )
        )
    at = (result.source > 0) & result.map.is_6mmm
    if at.any():
        axes = result.map.c_axes()[at]
        density = pole_density(axes[:: max(1, len(axes) // _MOST_AXES)])
        most = float(np.nanmax(density))
        svg, end = pole_figure_chart(density, f"Pole figure of the c-axis; largest density {most:.1f} times random")
        charts.append(
            Chart(
                "c-axis pole figure",
                svg,
                f"0001, by area, equal-area projection of the upper hemisphere; largest density {most:.1f} × random.",
                Bar.linear(DENSITY.palette(), 0, end, "× random"),
            )
        )
    return charts


def compact(value: Any) -> Any:
    """Return a record with numbers as short as they are meaningful."""
    if isinstance(value, dict):
        return {key: compact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > 8 and all(isinstance(item, (int, float)) for item in value):
            return " ".join(f"{item:g}" for item in value)
        return [compact(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) and np.isfinite(value) else value


def together(text: str) -> str:
    """Return text in which no line ends between a number and its unit."""
    return re.sub(r"(\d) (%|µm|×)", "\\1\u00a0\\2", text)


def part(name: str, room: str = _ROOM) -> str:
    """Return a file of a room, such as the style of its pages."""
    return files(room).joinpath(name).read_text(encoding="utf-8")


__all__ = ["Chart", "Line", "report_page", "title_of", "write_report"]
