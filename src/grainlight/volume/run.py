"""A volume from its manifest: sections with EBSD first, then those between, in as many processes as asked for.

A section is restored once for what it is made from: a killed run goes on, and a changed input restores what rests on
it again and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.headers import read_map_header
from grainlight.maps.io.shared.own_note import version
from grainlight.maps.same_phase import joined_phases
from grainlight.progress import Progress, Silent
from grainlight.restore.record import file_hash, weights_in_use
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.restore.settings import Settings
from grainlight.volume.align import align_sections
from grainlight.volume.alignment.anchor import find_anchor
from grainlight.volume.alignment.cuts import draw_cuts
from grainlight.volume.alignment.record import Alignment, Trend, load_alignment, save_alignment
from grainlight.volume.engine.workers import open_workers
from grainlight.volume.gather import gather
from grainlight.volume.jobs import Job, LightOptions, MapOptions, Specimen, grid_of, read_light, read_map, work
from grainlight.volume.manifest import Manifest, SectionEntry
from grainlight.volume.section_store import is_done, key_of
from grainlight.volume.volume import Volume

_ALIGNMENT = "alignment.json"
_MADE_FROM, _ANCHOR = "made_from", "anchor"
_SAME_PLACE = 0.1
"""Of a pixel of the images, within which a section whose images are the same stays where it was."""


@dataclass(frozen=True)
class VolumeSettings:
    """How a volume is restored.

    ``restore`` of every section; ``light`` what all images have in common, ``maps`` how EBSD is read; ``alignment``
    file to use in place of a search; ``trend`` of the alignment (`volume.align`); ``workers`` processes; ``scheduler``
    of `dask.distributed` that has them, its address or "local" (`volume.engine.workers`); ``only`` rows of the manifest
    to restore, all where None.
    """

    restore: Settings
    light: LightOptions
    maps: MapOptions = field(default_factory=MapOptions)
    alignment: Path | None = None
    trend: Trend = "none"
    workers: int = 1
    scheduler: str | None = None
    only: tuple[int, ...] | None = None


def restore_volume(
    manifest: Manifest, output: Path, settings: VolumeSettings, progress: Progress | None = None
) -> Volume | None:
    """Restore the sections of a manifest into a folder.

    Parameters
    ----------
    output
        Receives ``sections/`` (one file each) and ``alignment.json``; a run that was stopped goes on from there.

    Returns
    -------
    The volume, whose layers are read section by section from those files (`gather.gather`); None where only some
    sections were asked for.

    Raises
    ------
    InputError
        If no section has EBSD, sections do not fit one another, a file cannot be read, or sections lie between others
        and the weights know nothing of those.
    """
    progress = progress or Silent()
    strange = set(settings.only or ()) - {s.row for s in manifest.sections}
    if strange:
        raise InputError(
            "the manifest has no such rows",
            file=manifest.path,
            found=", ".join(str(row) for row in sorted(strange)),
            expected=f"rows 1 to {len(manifest.sections)}, as they stand in the file",
        )
    specimen = _specimen(manifest, settings)
    if specimen.settings.weights is not None and any(e.ebsd is None or e.exclude for e in manifest.sections):
        load_prior(specimen.settings.weights, stacks=True)
    _make(output)
    alignment = _aligned(manifest, output, settings, progress)
    specimen = replace(specimen, anchor=_anchored(manifest, output, settings, alignment, progress))
    first, second = plan_jobs(manifest, specimen, alignment, output)
    with open_workers(settings.workers, settings.scheduler) as each_done:
        for title, jobs in (("sections with EBSD", first), ("sections between them", second)):
            asked = [job for job in jobs if settings.only is None or job.entry.row in settings.only]
            todo = [job for job in asked if not is_done(output, job.entry.row, job.key)]
            progress.begin(title, len(asked))
            for _ in range(len(asked) - len(todo)):
                progress.advance()
            if jobs is second:
                _check_neighbours(todo, first, output)
            for _ in each_done(work, todo):
                progress.advance()
    if settings.only is not None:
        return None
    return gather(manifest, specimen, alignment, output)


def _make(output: Path) -> None:
    """Make the output folder now that it is cheap to fail."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "the output folder cannot be made", file=output, found=str(error), advice="choose another folder"
        ) from error
    if not os.access(output, os.W_OK):
        raise InputError("the output folder cannot be written", file=output, advice="choose another folder")


def _specimen(manifest: Manifest, settings: VolumeSettings) -> Specimen:
    """What the first section with EBSD says of all, and the phases of all."""
    entry = next((s for s in manifest.used if s.ebsd is not None), None)
    if entry is None or entry.ebsd is None:
        raise InputError(
            "no section of the volume has EBSD",
            file=manifest.path,
            found=f"{len(manifest.used)} sections, none with a file in the column `ebsd`",
            expected="EBSD on one section at least",
            advice="light alone knows no orientation: scan every 4th to 12th section",
        )
    ebsd = read_map(entry, settings.maps)
    grid = grid_of(ebsd, settings.restore.scale)
    frames = ebsd.sample_frame, ebsd.crystal_frame
    phases = ebsd.phases
    for other in manifest.used:
        if other.ebsd is not None and other is not entry:
            header = read_map_header(
                other.ebsd,
                None if settings.maps.frame is None else SampleFrame(settings.maps.frame),
                None if settings.maps.crystal_frame is None else CrystalFrame(settings.maps.crystal_frame),
                other.ebsd_slice,
            )
            phases, _ = joined_phases(phases, header.phases)
    return Specimen(grid, phases, *frames, settings.restore, settings.light, settings.maps)


def _aligned(manifest: Manifest, output: Path, settings: VolumeSettings, progress: Progress) -> Alignment:
    """The alignment that was asked for, the one that this folder has of the same light, or a new one."""
    heights = np.array([s.z for s in manifest.sections])
    if settings.alignment is not None:
        given = load_alignment(settings.alignment)
        if not _same_heights(given, heights):
            raise InputError(
                "the alignment belongs to other sections",
                file=settings.alignment,
                found=f"{len(given.z)} heights",
                expected=f"the {len(heights)} of {manifest.path.name}",
            )
        return given
    kept = load_alignment(output / _ALIGNMENT) if (output / _ALIGNMENT).is_file() else None
    made_from = _made_from(manifest, settings)
    if kept is not None and kept.method.get(_MADE_FROM) == made_from:
        return kept
    readers: list[Callable[[], Any]] = [partial(read_light, s, settings.light) for s in manifest.sections]
    known = [s.ebsd is not None and not s.exclude for s in manifest.sections]
    found = align_sections(readers, heights, trend=settings.trend, known=known, progress=progress)
    # Shifts are told from one another only: the volume lies where its first section with EBSD does.
    shifts = found.shifts - found.shifts[known.index(True)]
    if kept is not None and _same_heights(kept, heights):
        shifts = _stayed(kept, shifts, made_from, found.method["step_um"])
    before = {} if kept is None else {k: v for k, v in kept.method.items() if k == _ANCHOR}
    found = replace(found, shifts=shifts, method=found.method | before | {_MADE_FROM: made_from})
    # the picture first: a kill between the two leaves an alignment to find again, not one without its picture
    if found.cuts is not None:
        draw_cuts(found.cuts, output / "alignment.png")
    save_alignment(found, output / _ALIGNMENT)
    return found


def _anchored(
    manifest: Manifest, output: Path, settings: VolumeSettings, alignment: Alignment, progress: Progress
) -> tuple[float, float]:
    """Where EBSD lies in the light, x and y in um: as the alignment has it of the same files, or by registration."""
    lit = [s for s in manifest.used if s.ebsd is not None and s.light]
    if not lit:
        return 0.0, 0.0
    made_from = key_of(_light_of(lit[0]) | {"ebsd": _ebsd_of(lit[0]), "light": repr(settings.light)})
    before, known = _kept_anchor(alignment)
    if before is not None and known == made_from:
        return before
    progress.begin("EBSD in its light", 1)

    def readers(entry: SectionEntry) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return partial(read_map, entry, settings.maps), partial(read_light, entry, settings.light)

    found = find_anchor((readers(entry) for entry in lit), settings.restore)
    progress.advance()
    at, step = (found.x, found.y), float(alignment.method.get("step_um", 0.0))
    if before is not None and np.hypot(at[0] - before[0], at[1] - before[1]) < _SAME_PLACE * step:
        at = before
    if settings.alignment is None:
        method = alignment.method | {_ANCHOR: {"um": list(at), "made_from": made_from}}
        save_alignment(replace(alignment, method=method), output / _ALIGNMENT)
    return at


def _kept_anchor(alignment: Alignment) -> tuple[tuple[float, float] | None, Any]:
    """The anchor that an alignment holds, if any, and what it was made from."""
    kept = alignment.method.get(_ANCHOR)
    at = kept.get("um") if isinstance(kept, dict) else None
    if not isinstance(kept, dict) or not isinstance(at, list) or [type(v) for v in at] != [float, float]:
        return None, None
    return (at[0], at[1]), kept.get("made_from")


def _same_heights(alignment: Alignment, heights: NDArray[np.float64]) -> bool:
    return len(alignment.z) == len(heights) and np.allclose(alignment.z, heights)


def _made_from(manifest: Manifest, settings: VolumeSettings) -> dict[str, Any]:
    """Hashes of what an alignment rests on: of all sections together, and of the light of each."""
    known = [s.ebsd is not None and not s.exclude for s in manifest.sections]
    shared = {"version": version(), "light": repr(settings.light), "trend": settings.trend, "known": known}
    return {
        "all": key_of(shared | {"z": [s.z for s in manifest.sections]}),
        "sections": [key_of(_light_of(s)) for s in manifest.sections],
    }


def _stayed(
    kept: Alignment, shifts: NDArray[np.float64], made_from: dict[str, Any], step: float
) -> NDArray[np.float64]:
    """Shifts (Z, 2) in um where sections of the same light that lie where they lay keep their place to the last digit.

    Every image has a part in the place of every section: without this, one that changed would restore all of them.
    """
    before = kept.method.get(_MADE_FROM)
    if not isinstance(before, dict) or before.get("all") != made_from["all"]:
        return shifts
    # what an editor has cut short is as another light
    lights = list(before.get("sections") or []) + [None] * len(shifts)
    same = np.array([a == b for a, b in zip(lights, made_from["sections"], strict=False)])
    near = np.hypot(*(shifts - kept.shifts).T) < _SAME_PLACE * step
    return np.where((same & near)[:, None], kept.shifts, shifts)


def plan_jobs(
    manifest: Manifest, specimen: Specimen, alignment: Alignment, output: Path
) -> tuple[list[Job], list[Job]]:
    """Jobs of the sections with EBSD, and of those between them."""
    shared = {
        "version": version(),
        "weights": weights_in_use(specimen.settings),
        "settings": specimen.settings.as_record(),
        "light": repr(specimen.light),
        "maps": repr(specimen.maps),
        "grid": repr(specimen.grid),
        "phases": [repr(phase) for phase in specimen.phases],
        "anchor": list(specimen.anchor),
    }
    shifts = alignment.at(np.array([s.z for s in manifest.sections]))
    place = {s.row: (float(x), float(y)) for s, (x, y) in zip(manifest.sections, shifts, strict=True)}
    first = []
    for entry in manifest.used:
        if entry.ebsd is not None:
            first.append(Job(entry, place[entry.row], _key(entry, place[entry.row], shared, ()), output, specimen))
    known = sorted(first, key=lambda job: job.entry.z)
    rows = {job.entry.row for job in first}
    second = []
    for entry in manifest.sections:
        if entry.row in rows:
            continue
        below = [job for job in known if job.entry.z < entry.z][-1:]
        above = [job for job in known if job.entry.z > entry.z][:1]
        key = _key(entry, place[entry.row], shared, tuple(job.key for job in (*below, *above)))
        sides = [one[0].entry if one else None for one in (below, above)]
        heights = tuple(float("nan") if s is None else s.z for s in sides)
        under, over = (None if s is None else s.row for s in sides)
        second.append(Job(entry, place[entry.row], key, output, specimen, under, over, (heights[0], heights[1])))
    return first, second


def _key(entry: SectionEntry, shift: tuple[float, float], shared: dict[str, Any], beside: tuple[str, ...]) -> str:
    made_from = _light_of(entry) | {
        "shared": shared,
        "z": entry.z,
        "ebsd": _ebsd_of(entry),
        "shift": [round(s, 4) for s in shift],
        "beside": beside,
    }
    return key_of(made_from)


def _ebsd_of(entry: SectionEntry) -> list[Any] | None:
    if entry.exclude or entry.ebsd is None:
        return None
    return [entry.ebsd.name, _hash_of(entry.ebsd), entry.ebsd_slice]


def _light_of(entry: SectionEntry) -> dict[str, Any]:
    """What the light of a section is, as plain values: its files and what the manifest says of them."""
    paths = () if entry.exclude else entry.light
    return {
        "light": [[path.name, _hash_of(path)] for path in paths],
        "read": [entry.angles, entry.step, entry.origin, entry.exclude],
    }


def _hash_of(path: Path) -> str | None:
    about = path.stat() if path.is_file() else None
    return None if about is None else _file_hash(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _file_hash(path: Path, size: int, changed: int) -> str | None:
    # alignment and sections rest on the same images: each is read once
    return file_hash(path)


def _check_neighbours(todo: Sequence[Job], first: Sequence[Job], output: Path) -> None:
    """Refuse to restore between sections that are not restored yet."""
    keys = {job.entry.row: job.key for job in first}
    for job in todo:
        missing = [r for r in (job.below, job.above) if r is not None and not is_done(output, r, keys[r])]
        if missing:
            raise InputError(
                f"section {job.entry.row} lies between sections that are not restored yet",
                file=output,
                found=f"nothing of section {missing[0]}",
                advice=f"restore it first: --only {missing[0]}",
            )
