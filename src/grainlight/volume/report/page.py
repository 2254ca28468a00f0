"""One HTML file about a volume: opens offline, asks the network for nothing, prints."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import numpy as np

from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.report.charts import key_chart, sample_axes_chart
from grainlight.report.figures import Bar
from grainlight.report.findings import CLEAR_BOUND, Finding, percent
from grainlight.report.grain_figures import Tile
from grainlight.report.html import compact, part, templates
from grainlight.report.panels import bar_length
from grainlight.report.scales import DEGREES, SOURCES
from grainlight.volume.grains.grain_volume import GrainVolume, find_volume_grains
from grainlight.volume.output.regular import levels_of
from grainlight.volume.report.heights import height_chart
from grainlight.volume.report.pictures import VolumePictures, pictures_of
from grainlight.volume.report.said import in_short
from grainlight.volume.volume import Volume

_ROOM = "grainlight.volume.report"
_FIGURES = (
    ("grains", "Grains", ""),
    ("interior_grains", "of them whole inside the volume", ""),
    ("mean_volume", "Mean volume", "µm³"),
    ("mean_diameter", "Mean equivalent sphere diameter", "µm"),
    ("mean_gos", "Mean grain orientation spread", "°"),
    ("mean_neighbours", "Mean number of neighbours", ""),
    ("boundary_density", "Faces between grains per volume", "µm⁻¹"),
)


def write_volume_report(
    volume: Volume, path: str | Path, *, grains: GrainVolume | None = None, title: str | None = None
) -> Path:
    """Write the report of a volume as one HTML file.

    Parameters
    ----------
    volume
        Restored sections, in memory or on disk.
    path
        The file; one that exists is replaced.
    grains
        Of the volume; found here if None.
    title
        At the top of the page.

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
        temporary.write_text(volume_page(volume, grains=grains, title=title), encoding="utf-8")
    return path


def volume_page(volume: Volume, *, grains: GrainVolume | None = None, title: str | None = None) -> str:
    """Return the text of the page that `write_volume_report` writes; parameters as there."""
    found = grains or find_volume_grains(volume)
    pictures, shares = pictures_of(volume), _shares(volume)
    script, style = part("volume.js", _ROOM), part("page.css") + part("volume.css", _ROOM)
    wide = volume.shape[2] * volume.step
    length = bar_length(wide)
    degrees = pictures.bar == Bar.of(DEGREES)
    return (
        templates(_ROOM)
        .get_template("volume.html")
        .render(
            title=title or "Restored volume",
            script=script,
            style=style,
            script_hash=b64encode(sha256(script.encode()).digest()).decode("ascii"),
            tiles=_tiles(volume, found, pictures, shares, degrees),
            findings=_findings(volume, shares),
            pictures=pictures,
            total=volume.shape[0],
            ratio=round(volume.shape[2] / volume.shape[1], 4),
            scale=(f"{length:g} µm", round(100 * length / wide, 3)),
            marks=[round(100 * (i + 0.5) / len(pictures.shots), 2) for i, s in enumerate(pictures.shots) if s.measured],
            chart=height_chart(
                np.asarray(volume.z),
                pictures.doubtful,
                np.asarray(volume.measured),
                "height z, µm",
                "voxels in doubt, %",
                "Share of the voxels in doubt of each section over its height",
            ),
            doubt=f"its bound exceeds {CLEAR_BOUND:g}°" if degrees else "it probably belongs to another grain",
            key=key_chart(),
            axes=sample_axes_chart(),
            lines=_lines(found),
            threshold=f"{found.threshold:g}",
            facts=_facts(volume),
            record=json.dumps(compact(volume.record), indent=2, default=str, ensure_ascii=False),
            version=volume.record.get("version", ""),
        )
    )


def _shares(volume: Volume) -> dict[str, float]:
    """Shares of all voxels by where they come from."""
    count = np.zeros(len(SOURCES))
    for k in range(volume.shape[0]):
        count += np.bincount(np.asarray(volume.source[k]).ravel(), minlength=len(SOURCES))
    return {one.name: float(count[one.code] / count.sum()) for one in SOURCES}


def _tiles(
    volume: Volume, found: GrainVolume, pictures: VolumePictures, shares: dict[str, float], degrees: bool
) -> list[Tile]:
    sections, rows, columns = volume.shape
    size = " × ".join(f"{n * volume.step:.4g}" for n in (columns, rows))
    figures = found.figures
    doubt = float(np.nanmean(pictures.doubtful)) if np.isfinite(pictures.doubtful).any() else float("nan")
    return [
        Tile(
            "Volume",
            f"{size} × {volume.thickness.sum():.4g} µm",
            f"{columns} × {rows} × {sections} voxels, step {volume.step:g} µm, {volume.spacing:g} µm between sections",
        ),
        Tile(
            "Sections with EBSD",
            f"{int(np.sum(volume.measured))} of {sections}",
            "the others rest on light and neighbours",
        ),
        Tile("Inferred", percent(shares["inferred"]), f"{percent(shares['not restored'])} not restored"),
        Tile(
            "In doubt",
            "unknown" if doubt != doubt else percent(doubt),
            f"bound over {CLEAR_BOUND:g}°" if degrees else "more likely in another grain",
        ),
        Tile("Grains", f"{len(found.grains)}", f"{int(figures['interior_grains'])} whole inside the volume"),
        Tile("Grain size", _number(figures["mean_diameter"], "µm"), "mean equivalent sphere diameter, whole grains"),
    ]


def _findings(volume: Volume, shares: dict[str, float]) -> list[Finding]:
    """Return what is to be said about a volume, cautions first."""
    found = [
        Finding("caution", one[:1].upper() + one[1:]) for one in in_short(map(str, volume.record.get("warnings") or ()))
    ]
    z, at = np.asarray(volume.z), np.flatnonzero(volume.measured)
    count = len(z)
    if not len(at):
        found.append(Finding("caution", "No section has EBSD of its own."))
    elif len(at) < count:
        away = np.abs(z[:, None] - z[at][None]).min(axis=1)
        found.append(
            Finding(
                "note",
                f"{len(at)} of {count} sections have EBSD of their own; the farthest from one is section "
                f"{int(away.argmax()) + 1}, {away.max():g} µm away.",
            )
        )
    else:
        found.append(Finding("sound", "Every section has EBSD of its own."))
    apart = np.diff(z)
    wide = np.flatnonzero(apart > 1.5 * volume.spacing)
    if len(wide):
        k = int(wide[apart[wide].argmax()])
        found.append(
            Finding(
                "caution",
                f"Sections are missing in {len(wide)} place{'s' * (len(wide) > 1)}: the widest gap, {apart[k]:g} µm, "
                f"lies above section {k + 1}. Grain volumes there count the gap half to each side.",
            )
        )
    if levels_of(volume).notes:
        found.append(
            Finding(
                "note",
                f"Sections are {apart.min():g} to {apart.max():g} µm apart: the cuts, and files of voxels, show the "
                f"nearest section at heights {volume.spacing:g} µm apart.",
            )
        )
    if shares["not restored"] > 0:
        found.append(Finding("note", f"{percent(shares['not restored'])} of the voxels are not restored."))
    order = {"caution": 0, "sound": 1, "note": 2}
    return sorted(found, key=lambda one: order[one.kind])


def _lines(found: GrainVolume) -> list[tuple[str, str]]:
    return [(words, _number(found.figures[name], unit)) for name, words, unit in _FIGURES]


def _number(value: float, unit: str) -> str:
    return "none" if value != value else f"{value:.4g}{unit if unit == '°' else f' {unit}' if unit else ''}"


def _facts(volume: Volume) -> list[tuple[str, str]]:
    record = volume.record
    found = [
        ("grainlight", record.get("version")),
        ("weights", record.get("weights")),
        ("phases", ", ".join(str(phase) for phase in volume.phases)),
        ("heights", f"{volume.z[0]:g} to {volume.z[-1]:g} µm, along Z, out of the surface"),
        ("sample frame", volume.sample_frame.value),
        ("crystal frame", f"X along {volume.crystal_frame.value}"),
    ]
    return [(name, str(value)) for name, value in found if value]
