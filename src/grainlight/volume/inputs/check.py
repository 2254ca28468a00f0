"""What is found of a volume before anything runs: missing files, sections that differ, what it will cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from grainlight.errors import InputError
from grainlight.maps.io.headers import MapHeader
from grainlight.progress import Progress, Silent
from grainlight.restore.settings import Settings
from grainlight.volume.inputs.manifest_file import angles_cell, load_with_faults
from grainlight.volume.inputs.manifest_notes import typical_spacing
from grainlight.volume.inputs.section_headers import (
    LightHeader,
    Stated,
    differences,
    light_header,
    map_header,
    phase_text,
    row_names,
)
from grainlight.volume.inputs.volume_cost import stand_ins, volume_cost
from grainlight.volume.manifest import SAME_STEP, Manifest, SectionEntry


@dataclass(frozen=True, eq=False)
class ManifestCheck:
    """What was found.

    ``faults`` what must be mended before a run, each with its row; ``remarks`` what is doubtful; ``lines`` what is
    there and what a run will cost.
    """

    manifest: Manifest
    faults: tuple[InputError, ...]
    remarks: tuple[str, ...]
    lines: tuple[str, ...]


def check_manifest(
    path: str | Path,
    settings: Settings | None = None,
    stated: Stated | None = None,
    progress: Progress | None = None,
) -> ManifestCheck:
    """Check a manifest and the headers of all its files.

    Parameters
    ----------
    path
        The manifest.
    settings
        Of the restoration whose cost is estimated.
    stated
        What options say beside it.
    progress
        Told how many sections were looked at.

    Raises
    ------
    InputError
        Where the manifest is no table of sections; what is wrong with its rows and files is found, not raised.
    """
    settings, stated, progress = settings or Settings(), stated or Stated(), progress or Silent()
    manifest, faults = load_with_faults(path)
    maps: dict[int, MapHeader] = {}
    light: dict[int, LightHeader] = {}
    progress.begin("headers", len(manifest.used))
    for section in manifest.used:
        if section.ebsd is not None and section.ebsd.is_file():
            _kept(maps, section, "ebsd", faults, manifest, lambda s: map_header(s, stated))
        if section.light and all(file.is_file() for file in section.light):
            _kept(light, section, "light", faults, manifest, lambda s: light_header(s, stated))
        progress.advance()
    remarks = [*manifest.notes, *_noted(maps), *_bare(light), *differences(maps, light), *_unmeasured(manifest)]
    faults += _steps(manifest, maps)
    lines = _inventory(manifest, maps, light)
    sizes = stand_ins(maps, light)
    if sizes:
        try:
            known = any(one.step for one in light.values())
            cost, doubts = volume_cost(manifest, *sizes, settings, known)
            lines, remarks = [*lines, *cost], [*remarks, *doubts]
        except InputError as error:
            faults.append(error)
    return ManifestCheck(manifest, tuple(faults), tuple(remarks), tuple(lines))


def _kept(
    found: dict[int, Any],
    section: SectionEntry,
    column: str,
    faults: list[InputError],
    manifest: Manifest,
    read: Callable[[SectionEntry], Any],
) -> None:
    """Keep what is read of a section by its row, or the fault with its place in the manifest."""
    try:
        found[section.row] = read(section)
    except InputError as error:
        faults.append(
            InputError(
                error.problem,
                file=manifest.path,
                place=", ".join(p for p in (f"row {section.row}, column {column}", error.file, error.place) if p),
                found=error.found,
                expected=error.expected,
                advice=error.advice,
            )
        )


def _steps(manifest: Manifest, maps: dict[int, MapHeader]) -> list[InputError]:
    """Sections whose EBSD step is not that of the first, which a run refuses."""
    known = [s for s in manifest.used if s.row in maps]
    return [
        InputError(
            "the EBSD steps of the sections differ",
            file=manifest.path,
            place=f"row {s.row}, column ebsd, {s.ebsd}",
            found=f"{maps[s.row].step[0]:g} um",
            expected=f"{maps[known[0].row].step[0]:g} um, as of the first section with EBSD",
            advice="leave the section out (exclude), or scan it with the step of the others",
        )
        for s in known[1:]
        if abs(maps[s.row].step[0] / maps[known[0].row].step[0] - 1) > SAME_STEP
    ]


def _noted(maps: dict[int, MapHeader]) -> list[str]:
    """What the readers suspect of the EBSD files, each sentence once."""
    rows: dict[str, list[int]] = {}
    for row, header in maps.items():
        for text in header.notes:
            rows.setdefault(text, []).append(row)
    return [f"EBSD of {row_names(where)}: {text}" for text, where in rows.items()]


def _bare(light: dict[int, LightHeader]) -> list[str]:
    """What options of a run must still tell."""
    found = []
    for what, option, unknown in (
        ("The angles of the images are", "--angles", [row for row, one in light.items() if one.angles is None]),
        ("The step of the images is", "--pl-step", [row for row, one in light.items() if one.step is None]),
    ):
        if unknown:
            found.append(
                f"{what} not stated for {row_names(unknown)}: {option}, or a column of the manifest, must tell."
            )
    return found


def _unmeasured(manifest: Manifest) -> list[str]:
    """Sections beyond the first and the last with EBSD, which have a measured neighbour on one side only."""
    used = manifest.used
    measured = [i for i, s in enumerate(used) if s.ebsd is not None]
    if not measured:
        return []
    found = []
    for outside, where in ((used[: measured[0]], "below the first"), (used[measured[-1] + 1 :], "above the last")):
        if outside:
            verb = "lies" if len(outside) == 1 else "lie"
            found.append(f"{row_names([s.row for s in outside]).capitalize()} {verb} {where} section with EBSD.")
    return found


def _inventory(manifest: Manifest, maps: dict[int, MapHeader], light: dict[int, LightHeader]) -> list[str]:
    used = manifest.used
    measured = [s for s in used if s.ebsd is not None]
    if not used:
        return ["no section is left"]
    spacing = typical_spacing(manifest)
    lines = [
        f"sections: {len(used)}, z {used[0].z:g} to {used[-1].z:g} um"
        + (f", {spacing:g} um apart (median)" if len(used) > 1 else "")
        + (f"; {len(manifest.sections) - len(used)} left out" if len(used) < len(manifest.sections) else "")
    ]
    text = f"EBSD: on {len(measured)} of them"
    if len(measured) > 1:
        heights = [s.z for s in measured]
        text += f", at most {max(b - a for a, b in pairwise(heights)):.4g} um apart"
    if maps:
        first = next(iter(maps.values()))
        whole = sum(one.whole for one in maps.values())
        text += f"; {first.shape[0]} x {first.shape[1]} points of {first.step[0]:g} x {first.step[1]:g} um"
        text += f", {'; '.join(phase_text(p) for p in first.phases)}" if first.phases else ""
        text += f" ({whole} read whole: their format has no header that says it)" if whole else ""
    lines.append(text)
    if light:
        shown = next(iter(light.values()))
        lines.append(
            f"light: on {sum(bool(s.light) for s in used)} of them; {shown.images} image{'s' * (shown.images > 1)} of "
            f"{shown.shape[0]} x {shown.shape[1]} pixels"
            + (f", {shown.step:g} um" if shown.step else "")
            + (f", angles {angles_cell(shown.angles)}" if shown.angles else "")
        )
    return lines
